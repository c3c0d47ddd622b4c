package gridlog

import gridlog.ffi.GridlogException
import gridlog.ffi.FieldValue
import gridlog.ffi.Finding
import gridlog.ffi.Kind
import gridlog.ffi.NewReport
import gridlog.ffi.NewVisit
import gridlog.ffi.Place
import gridlog.ffi.ProposalStanding
import gridlog.ffi.Query
import gridlog.ffi.Stage
import gridlog.ffi.Standing
import gridlog.ffi.Step
import gridlog.ffi.StepDetails
import java.nio.file.Path
import java.time.Instant
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.fail
import org.junit.jupiter.api.io.TempDir

/** Phones with the real library and the real server. */
class PhoneTest {
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

    private fun device(name: String) = Device(folder, name, server.url)

    private suspend fun Device.of(person: PersonId) = enrolled(person, this@PhoneTest.server.password)

    private suspend inline fun <reified E : GridlogException> refuses(code: String, call: suspend () -> Unit): E {
        try {
            call()
        } catch (error: GridlogException) {
            assertTrue(error is E, "$error")
            assertEquals(code, error.code)
            assertTrue(error.zh.isNotEmpty() && error.en.isNotEmpty())
            return error as E
        }
        fail("it was not refused")
    }

    private fun report(title: String) = NewReport(title = title, category = COVER, condition = "缺失")

    @Test
    fun `a day without signal is in the log by the evening`() = runBlocking<Unit> {
        device("first").of("W001").use { phone ->
            phone.sync()
            server.switchOff()
            val patrol = phone.startPatrol(route = "梓园路一线")
            phone.inspect(patrol, "路灯", Finding.PROBLEM, "3号灯不亮")
            val case = phone.report(
                report("人行道井盖缺失").copy(
                    description = "已放警示桩",
                    place = Place(address = listOf("梓园路", "12号")),
                    patrol = patrol,
                ),
            )
            phone.comment(case, "天黑前要处理")
            phone.visit(NewVisit(outcome = "nobody_home", household = "3栋201"))
            phone.finishPatrol(patrol)
            val row = phone.list(Query(text = "人行道")).single()
            assertEquals(Standing.ON_THIS_PHONE, row.standing)
            assertEquals("在本机", row.standing.zh)
            assertEquals(Stage.UNREPORTED to Stage.REPORTED, row.stage to row.expectedStage)
            refuses<GridlogException.TryLater>("unreachable") { phone.sync() }
            val recorded = phone.status().recorded

            server.switchOn()
            phone.syncUntilSettled()
            val detail = checkNotNull(phone.show(case))
            assertEquals(Stage.REPORTED, detail.row.stage)
            assertEquals(ProposalStanding.Accepted, detail.proposals.single().standing)
            assertEquals(recorded, phone.status().admitted)
            assertFalse(detail.row.updatedAt.isBefore(detail.row.createdAt))
            phone.verify()
            assertTrue(phone.allInLog())
        }
    }

    @Test
    fun `what two phones wrote at once stays visible until somebody resolves it`() = runBlocking<Unit> {
        val first = device("first").of("W001")
        val second = device("second").of("W002")
        first.use {
            second.use {
                val case = first.report(report("井盖缺失"))
                first.syncUntilSettled()
                second.sync()
                val shown = first.show(case)!!
                second.edit(case, mapOf("title" to FieldValue.Text("井盖缺失两处")))
                second.syncUntilSettled()
                first.sync()
                first.edit(case, mapOf("title" to FieldValue.Text("井盖破损")), shown.revision)
                first.syncUntilSettled()
                second.sync()
                for (phone in listOf(first, second)) {
                    val detail = phone.show(case)!!
                    assertEquals("井盖破损", detail.row.headline)
                    assertEquals(1u, detail.row.conflicts)
                    assertTrue("井盖缺失两处" in detail.viewJson)
                }
                val ops = Regex("\"(?:shown_op|op)\":\"([^\"]+)\"").findAll(second.show(case)!!.viewJson)
                second.resolve(case, "title", FieldValue.Text("井盖破损两处"), ops.map { it.groupValues[1] }.toList())
                second.syncUntilSettled()
                first.sync()
                val row = first.show(case)!!.row
                assertEquals("井盖破损两处" to 0u, row.headline to row.conflicts)
            }
        }
    }

    @Test
    fun `a step that the server refuses is shown with its reason`() = runBlocking<Unit> {
        device("first").of("W001").use { phone ->
            phone.sync()
            val case = phone.list(Query(stage = Stage.REPORTED, kind = Kind.CASE)).first { it.mine }
            val proposal = phone.propose(case.id, Step.CLOSE, StepDetails(result = "已处理"))
            phone.syncUntilSettled()
            val standing = phone.show(case.id)!!.proposals.single { it.id == proposal }.standing
            val refused = standing as ProposalStanding.Refused
            assertTrue(refused.code.isNotEmpty() && refused.zh.isNotEmpty(), "$refused")
            assertEquals(Stage.REPORTED, phone.show(case.id)!!.row.stage)
        }
    }

    @Test
    fun `a sync that is cancelled while the server is silent ends, and the next one goes on`() = runBlocking<Unit> {
        val device = device("first")
        device.of("W001").use { it.report(report("井盖")) }
        SilentServer().use { silent ->
            device.server = silent.url
            device.open().use { phone ->
                val syncing = launch(Dispatchers.Default) { phone.sync() }
                withContext(Dispatchers.IO) { assertTrue(silent.reached.await(60, TimeUnit.SECONDS)) }
                withTimeout(PATIENCE) { syncing.cancelAndJoin() }
                // The last request is still under way; recording does not mind.
                phone.report(report("路灯"))
                assertEquals(2uL, phone.status().onThisPhone)
                silent.close()
            }
        }
        device.server = server.url
        device.open().use { phone ->
            phone.syncUntilSettled()
            assertEquals(2uL, phone.status().admitted)
        }
    }

    @Test
    fun `a sync that is cancelled half way keeps what was exchanged`() = runBlocking<Unit> {
        val device = device("first")
        device.of("W001").use { it.report(report("井盖")) }
        StallingRelay(server.url, after = 1).use { relay ->
            device.server = relay.url
            device.open().use { phone ->
                val syncing = launch(Dispatchers.Default) { phone.sync() }
                withContext(Dispatchers.IO) { assertTrue(relay.stalled.await(60, TimeUnit.SECONDS)) }
                withTimeout(PATIENCE) { syncing.cancelAndJoin() }
                val status = phone.status()
                assertEquals(0uL, status.onThisPhone, "the server had answered that it has it")
                assertNull(status.lastSyncAt, "and there was more to ask")
            }
        }
        device.server = server.url
        device.open().use { phone ->
            assertEquals(0uL, phone.sync().pushed, "nothing is sent twice")
            phone.syncUntilSettled()
            assertEquals(1uL, phone.status().admitted)
        }
    }

    @Test
    fun `an app that is killed loses nothing that it was told is recorded`() = runBlocking<Unit> {
        val device = device("first")
        device.of("W001").close()
        val acknowledged = mutableListOf<String>()
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val app = ProcessBuilder(
            java,
            "-cp", System.getProperty("java.class.path"),
            "-Djna.library.path=${System.getProperty("jna.library.path")}",
            "gridlog.WritingAppKt",
            "${device.store}", device.server, device.key.joinToString("") { "%02x".format(it) },
        ).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val lines = app.inputStream.bufferedReader()
        repeat(20) { acknowledged += lines.readLine() }
        // The handle, not the process: that would close what it printed.
        app.toHandle().destroyForcibly()
        app.waitFor()
        acknowledged += lines.lineSequence().filter { it.length == acknowledged.first().length }
        device.open().use { phone ->
            for (id in acknowledged) assertNotNull(phone.show(id), id)
            phone.syncUntilSettled()
        }
    }

    @Test
    fun `a hundred threads at once record, read and watch`() = runBlocking<Unit> {
        device("first").of("W001").use { phone ->
            val ids = LinkedBlockingQueue<RecordId>()
            val failures = LinkedBlockingQueue<Throwable>()
            val threads = List(100) { number ->
                Thread {
                    runCatching {
                        runBlocking {
                            val id = phone.noteCase(report("线程$number"))
                            ids.put(id)
                            phone.comment(id, "说明$number")
                            assertEquals("线程$number", phone.show(id)?.row?.headline)
                            assertTrue(phone.watch(Query(limit = 5u)).first().rows.isNotEmpty())
                        }
                    }.onFailure(failures::put)
                }
            }
            threads.forEach(Thread::start)
            threads.forEach(Thread::join)
            assertEquals(emptyList<Throwable>(), failures.toList())
            assertEquals(ids.toSet(), phone.list(Query(limit = 200u)).map { it.id }.toSet())
            phone.syncUntilSettled()
            assertEquals(200uL, phone.status().admitted)
        }
    }

    @Test
    fun `a record that is deleted leaves the lists, also a colleague's`() = runBlocking<Unit> {
        device("first").of("W001").use { first ->
            device("second").of("W002").use { second ->
                val case = first.noteCase(report("误报的井盖").occurredAt(Instant.parse("2026-09-21T13:46:40.123Z")))
                assertTrue("1789998400123" in first.show(case)!!.viewJson, "when it happened")
                first.syncUntilSettled()
                second.sync()
                assertFalse(second.show(case)!!.row.deleted)
                first.delete(case)
                assertFalse(first.list().any { it.id == case })
                assertTrue(first.list(Query(withDeleted = true)).single { it.id == case }.deleted)
                first.syncUntilSettled()
                second.sync()
                assertTrue(second.show(case)!!.row.deleted)
                assertFalse(second.list().any { it.id == case })
            }
        }
    }

    @Test
    fun `a wrong password is refused and the phone stays nobody's`() = runBlocking<Unit> {
        device("first").open().use { phone ->
            refuses<GridlogException.Server>("wrong_password") { phone.enrol("W001", "wrong", "first") }
            assertNull(phone.identity())
            refuses<GridlogException.SignIn>("not_enrolled") { phone.report(report("井盖")) }
        }
    }
}
