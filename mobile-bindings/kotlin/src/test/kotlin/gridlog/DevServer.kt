package gridlog

import java.io.BufferedReader
import java.io.Closeable
import java.io.IOException
import java.io.InputStream
import java.net.ServerSocket
import java.net.Socket
import java.net.URI
import java.nio.file.Path
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
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

/** Stands before the server at [address]: lets requests through, and from the one [after] those on keeps it to itself. */
class StallingRelay(address: String, private val after: Int) : AutoCloseable {
    private val server = URI(address)
    private val listener = ServerSocket(0)
    private val sockets = CopyOnWriteArrayList<Closeable>(listOf(listener))
    private val requests = AtomicInteger()
    val stalled = CountDownLatch(1)
    val url get() = "http://127.0.0.1:${listener.localPort}"

    init {
        inBackground { while (true) relay(listener.accept()) }
    }

    private fun relay(phone: Socket) {
        val server = Socket(server.host, server.port)
        sockets += listOf(phone, server)
        val isAnswered = AtomicBoolean(true)
        inBackground {
            phone.inputStream.pieces { piece ->
                // The first piece after an answer begins a request.
                if (isAnswered.getAndSet(false) && requests.incrementAndGet() > after) stalled.countDown()
                if (stalled.count > 0) server.outputStream.write(piece)
            }
        }
        inBackground {
            server.inputStream.pieces { piece ->
                isAnswered.set(true)
                phone.outputStream.write(piece)
            }
        }
    }

    private fun InputStream.pieces(act: (ByteArray) -> Unit) {
        val buffer = ByteArray(64 * 1024)
        while (true) {
            val bytes = read(buffer)
            if (bytes < 0) return
            act(buffer.copyOf(bytes))
        }
    }

    /** Until a socket of it is closed. */
    private fun inBackground(act: () -> Unit) {
        thread(isDaemon = true) {
            try {
                act()
            } catch (_: IOException) {
            }
        }
    }

    override fun close() = sockets.forEach(Closeable::close)
}
