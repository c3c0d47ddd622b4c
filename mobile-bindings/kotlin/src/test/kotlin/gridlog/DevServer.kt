package gridlog

import java.io.BufferedReader
import java.net.ServerSocket
import java.net.Socket
import java.nio.file.Path
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread

/** The real server with its invented district, in a process of its own: `gridlog-server dev`. */
class DevServer(private val folder: Path) : AutoCloseable {
    private var process: Process? = null
    private var port = 0

    /** The password of everybody; the server prints it. */
    var password = ""
        private set

    val url get() = "http://127.0.0.1:$port"

    /** Starts it, at the port that it had before. */
    fun switchOn() {
        val program = checkNotNull(System.getenv("GRIDLOG_SERVER")) {
            "未指定服务器程序 GRIDLOG_SERVER names no server; run: cargo xtask test kotlin"
        }
        val started = ProcessBuilder(program, "dev", "--data", "$folder", "--listen", "127.0.0.1:$port")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start()
        process = started
        val output = started.inputStream.bufferedReader()
        password = output.after("password: ")
        port = output.after("listening on ").substringAfterLast(':').toInt()
    }

    private fun BufferedReader.after(mark: String): String {
        val line = lineSequence().firstOrNull { mark in it }
        return checkNotNull(line) { "the server ended before it said $mark" }.substringAfter(mark)
    }

    /** Ends it; phones are offline then. */
    fun switchOff() {
        val running = process ?: return
        running.destroy()
        if (!running.waitFor(20, TimeUnit.SECONDS)) running.destroyForcibly().waitFor()
        process = null
    }

    override fun close() = switchOff()
}

/** Takes connections and never answers: the worst kind of signal. */
class SilentServer : AutoCloseable {
    private val listener = ServerSocket(0)
    private val connections = mutableListOf<Socket>()
    val reached = CountDownLatch(1)
    val url get() = "http://127.0.0.1:${listener.localPort}"

    init {
        thread(isDaemon = true) {
            runCatching {
                while (true) {
                    val connection = listener.accept()
                    synchronized(connections) { connections += connection }
                    reached.countDown()
                }
            }
        }
    }

    override fun close() {
        listener.close()
        synchronized(connections) { connections.forEach(Socket::close) }
    }
}
