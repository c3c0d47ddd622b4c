package gridlog

import gridlog.ffi.ListUpdate
import gridlog.ffi.LogLine
import gridlog.ffi.NewReport
import gridlog.ffi.Query
import gridlog.ffi.RowsListener
import gridlog.ffi.Subscription
import java.nio.file.Path
import java.util.concurrent.CompletableFuture
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Watched lists, with the real library. */
class WatchTest {
    @TempDir
    lateinit var folder: Path
    private lateinit var server: DevServer

    @BeforeEach
    fun switchOn() {
        server = DevServer(folder.resolve("dev"))
        server.switchOn()
    }

    @AfterEach
    fun switchOff() = server.switchOff()

    private suspend fun phone() = Device(folder, "first", server.url).enrolled("W001", server.password)

    private fun report(title: String) = NewReport(title = title, category = COVER, condition = "缺失")

    private fun ListUpdate.headlines() = rows.map { it.headline }

    private suspend fun ReceiveChannel<ListUpdate>.next() = withTimeout(PATIENCE) { receive() }

    private fun <T> LinkedBlockingQueue<T>.next(): T? = poll(60, TimeUnit.SECONDS)

    @Test
    fun `a watch shows a snapshot first and then every change`() = runBlocking<Unit> {
        phone().use { phone ->
            phone.report(report("井盖一"))
            val updates = Channel<ListUpdate>(Channel.UNLIMITED)
            val watching = launch(Dispatchers.Default) { phone.watch().collect(updates::send) }
            val snapshot = updates.next()
            assertEquals(1uL to listOf("井盖一"), snapshot.number to snapshot.headlines())
            phone.report(report("井盖二"))
            val second = updates.next()
            assertEquals(2uL to listOf("井盖二", "井盖一"), second.number to second.headlines())
            phone.report(report("井盖三"))
            assertEquals(listOf("井盖三", "井盖二", "井盖一"), updates.next().headlines())
            withTimeout(PATIENCE) { watching.cancelAndJoin() }
        }
    }

    @Test
    fun `a burst of commits does not become a burst of updates`() = runBlocking<Unit> {
        phone().use { phone ->
            val updates = LinkedBlockingQueue<ListUpdate>()
            val listener = object : RowsListener {
                override fun onRows(update: ListUpdate) = updates.put(update)
            }
            phone.core.watch(Query(), listener).use { watch ->
                val began = System.nanoTime()
                repeat(60) { phone.noteCase(report("井盖$it")) }
                eventually { updates.lastOrNull()?.rows?.size == 60 }
                val took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began)
                assertTrue(updates.size <= 2 + took / 100, "${updates.size} updates in $took ms")
                watch.stop()
            }
        }
    }

    @Test
    fun `a listener may call the phone, to read, to record and to end its own watch`() = runBlocking<Unit> {
        phone().use { phone ->
            val subscription = CompletableFuture<Subscription>()
            val seen = LinkedBlockingQueue<List<String>>()
            val listener = object : RowsListener {
                override fun onRows(update: ListUpdate) {
                    when (update.number) {
                        1uL -> phone.core.noteCase(report("监听器所记"), null)
                        2uL -> subscription.get(60, TimeUnit.SECONDS).stop()
                    }
                    seen.put(phone.core.list(Query()).map { it.headline })
                }
            }
            subscription.complete(phone.core.watch(Query(), listener))
            assertEquals(listOf("监听器所记"), seen.next(), "what it recorded itself")
            assertEquals(listOf("监听器所记"), seen.next(), "the update for that")
            // Another watch has shown a later commit: this one has ended.
            val later = LinkedBlockingQueue<ListUpdate>()
            val other = object : RowsListener {
                override fun onRows(update: ListUpdate) = later.put(update)
            }
            phone.core.watch(Query(), other).use { watch ->
                assertEquals(1, later.next()?.rows?.size)
                phone.noteCase(report("井盖"))
                assertEquals(2, later.next()?.rows?.size)
                watch.stop()
            }
            assertNull(seen.poll())
        }
    }

    @Test
    fun `a listener that throws is reported, and breaks no write and no watch`() = runBlocking<Unit> {
        val lines = LinkedBlockingQueue<LogLine>()
        logTo { lines.put(it) }
        try {
            phone().use { phone ->
                val updates = LinkedBlockingQueue<ListUpdate>()
                val broken = object : RowsListener {
                    override fun onRows(update: ListUpdate) {
                        updates.put(update)
                        error("住户张三")
                    }
                }
                phone.core.watch(Query(), broken).use { watch ->
                    assertEquals(1uL, updates.poll(60, TimeUnit.SECONDS)?.number)
                    phone.report(report("井盖"))
                    assertEquals("井盖", updates.poll(60, TimeUnit.SECONDS)?.rows?.single()?.headline)
                    watch.stop()
                }
                assertEquals(1, phone.list().size)
                val reported = generateSequence { lines.poll(60, TimeUnit.SECONDS) }
                    .first { "a listener threw" in it.text }
                assertFalse("张三" in reported.text)
            }
        } finally {
            logTo(null)
        }
    }
}
