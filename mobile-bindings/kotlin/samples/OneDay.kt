package gridlog.samples

import gridlog.FileMarker
import gridlog.Gridlog
import gridlog.RecordId
import gridlog.ffi.FieldValue
import gridlog.ffi.Finding
import gridlog.ffi.GridlogException
import gridlog.ffi.NewReport
import gridlog.ffi.NewVisit
import gridlog.ffi.PhotoRole
import gridlog.ffi.Place
import gridlog.ffi.Query
import gridlog.keyStore
import gridlog.retryAfter
import gridlog.zh
import java.nio.file.Files
import java.nio.file.Path
import java.security.SecureRandom
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/**
 * One working day: recorded without signal, with a photo, watched, then synced and sent.
 *
 * Arguments: address of the server, staff number, password, a folder for the phone's files, a photo. A server to try
 * it on: `gridlog-server dev`, which prints sign-ins.
 */
fun main(arguments: Array<String>) = runBlocking {
    val (server, person, password, folder, photo) = arguments
    val home = Files.createDirectories(Path.of(folder))
    val keys = keyStore { keyOf(home.resolve("key")) }
    Gridlog.open(home.resolve("phone.db"), server, keys, FileMarker(home.resolve("marker"))).use { phone ->
        if (phone.identity() == null) {
            println("登录 signed in: ${phone.enrol(person, password, "one day").person.name}")
        }
        phone.useNetworkWhile { false }
        val watching = launch {
            phone.watch(Query(mineOnly = true)).collect { println("列表 list ${it.number}: ${it.rows.size}") }
        }
        val case = record(phone, Path.of(photo))
        try {
            phone.sync()
        } catch (noSignal: GridlogException.TryLater) {
            println("无信号 no signal: ${noSignal.zh}")
        }
        phone.useNetworkWhile(null)
        // The server may answer 已收到 first and rule a moment later.
        while (!phone.allInLog()) {
            val report = phone.sync()
            delay(report.retryAfter?.toMillis() ?: 50)
        }
        // An app that is open calls `stayInSync` instead, which sends photos too.
        val sent = phone.sendPhotos()
        println("照片 photos sent: ${phone.status().files.onServer}, ${sent.bytesSent} bytes")
        watching.cancel()
        val row = phone.show(case)!!.row
        println("${row.headline} ${row.standing.zh} ${row.stage?.zh}")
    }
}

/** The day, with no signal at all. Every call returns when its change is on the disk. */
private suspend fun record(phone: Gridlog, photo: Path): RecordId {
    val patrol = phone.startPatrol(route = "梓园路一线")
    phone.inspect(patrol, "路灯", Finding.PROBLEM, "3号灯不亮")
    val case = phone.report(
        NewReport(
            title = "人行道井盖缺失",
            category = "01014",
            condition = "缺失",
            description = "已放警示桩。",
            place = Place(address = listOf("梓园路", "12号")),
            patrol = patrol,
        ),
    )
    phone.attach(case, photo, PhotoRole.NEAR)
    phone.edit(case, mapOf("title" to FieldValue.Text("人行道井盖缺失两处")))
    phone.comment(case, "天黑前要处理")
    phone.visit(NewVisit(outcome = "nobody_home", household = "3栋201"))
    phone.finishPatrol(patrol, "已劝离占道")
    return case
}

/** On a phone the key belongs in the system's key store. */
private fun keyOf(file: Path): ByteArray {
    if (!Files.exists(file)) Files.write(file, ByteArray(32).also(SecureRandom()::nextBytes))
    return Files.readAllBytes(file)
}
