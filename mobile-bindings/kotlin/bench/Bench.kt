package gridlog.bench

import gridlog.FileMarker
import gridlog.Gridlog
import gridlog.ffi.NewReport
import gridlog.ffi.Query
import gridlog.ffi.versions
import gridlog.keyStore
import java.nio.file.Path
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit.SECONDS
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/**
 * What an app pays for the engine, from Kotlin; `cargo xtask bench ffi` starts it after the same from Rust, on the same
 * store. Arguments: the phone's folder, the server's address. Prints one object of JSON.
 */
fun main(arguments: Array<String>) = runBlocking {
    val (folder, server) = arguments
    val home = Path.of(folder)
    // What loads the library and the classes is no part of opening a store.
    versions()
    val began = System.nanoTime()
    val phone = Gridlog.open(home.resolve("phone.db"), server, keyStore { ByteArray(32) { 7 } }, FileMarker(home.resolve("generation")))
    val found = linkedMapOf<String, Any>("open_ms" to since(began))
    phone.use {
        found["rows"] = phone.list(Query(limit = UInt.MAX_VALUE)).size
        found["thousand_calls_ms"] = median { repeat(CALLS) { versions() } }
        found["list_50_ms"] = median { phone.list(Query(limit = 50u)) }
        found["list_1000_ms"] = median { phone.list(Query(limit = 1_000u)) }
        found["search_ms"] = median { phone.search("警示", 50u) }
        found["watch_update_ms"] = watchUpdate(phone)
    }
    println(found.entries.joinToString(",", "{", "}") { "\"${it.key}\":${it.value}" })
}

/** How often a thing is done that is timed, after as often untimed: a phone's code is compiled when it is installed. */
private const val TIMES = 100

/** Calls that are timed together. */
private const val CALLS = 1_000

/** A watch does not call again within a tenth of a second, which is no cost of the update after it. */
private const val BETWEEN_UPDATES_MS = 150L

private fun since(nanos: Long): Double = (System.nanoTime() - nanos) / 1e6

private fun List<Double>.middle(): Double = sorted()[size / 2]

private suspend fun median(work: suspend () -> Unit): Double {
    repeat(TIMES) { work() }
    return List(TIMES) { System.nanoTime().let { began -> work(); since(began) } }.middle()
}

/** From the return of a recording call, after its commit, until the collector has the rows. */
private suspend fun watchUpdate(phone: Gridlog): Double = coroutineScope {
    val told = LinkedBlockingQueue<Long>()
    val watching = launch(Dispatchers.Default) { phone.watch(Query(limit = 50u)).collect { told.put(System.nanoTime()) } }
    fun next(): Long = checkNotNull(told.poll(30, SECONDS)) { "no update came" }
    next()
    val took = List(20) { number ->
        Thread.sleep(BETWEEN_UPDATES_MS)
        phone.noteCase(NewReport(title = "井盖缺失 $number", category = "01014", condition = "缺失"))
        val committed = System.nanoTime()
        maxOf(0L, next() - committed) / 1e6
    }
    watching.cancel()
    took.middle()
}
