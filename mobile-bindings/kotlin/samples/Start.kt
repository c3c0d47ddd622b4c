package gridlog.samples.start

import gridlog.FileMarker
import gridlog.Gridlog
import gridlog.ffi.FileStanding
import gridlog.ffi.Finding
import gridlog.ffi.NewReport
import gridlog.ffi.PhotoRole
import gridlog.ffi.Query
import gridlog.keyStore
import gridlog.zh
import java.nio.file.Files
import java.nio.file.Path
import java.security.SecureRandom
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/** Arguments: address of the server, staff number, password, a folder for the phone's files, a photo. */
fun main(arguments: Array<String>) = runBlocking {
    val (server, person, password, folder, photo) = arguments
    val home = Files.createDirectories(Path.of(folder))
    val key = home.resolve("key") // 手机上用系统密钥库 on a phone: the system's key store
    if (!Files.exists(key)) Files.write(key, ByteArray(32).also(SecureRandom()::nextBytes))
    val keys = keyStore { Files.readAllBytes(key) }

    Gridlog.open(home.resolve("phone.db"), server, keys, FileMarker(home.resolve("marker"))).use { phone ->
        if (phone.identity() == null) phone.enrol(person, password, "my phone") // 需要信号，仅一次 with signal, once

        // 以下不需要信号 no signal needed from here on
        val patrol = phone.startPatrol()
        phone.inspect(patrol, "井盖", Finding.PROBLEM, "缺失")
        val case = phone.report(NewReport(title = "人行道井盖缺失", category = "01014", patrol = patrol))
        phone.attach(case, Path.of(photo), PhotoRole.NEAR)

        // 列表：先给快照，有变化再给更新 the list: as it is, and again whenever it changes
        val watching = launch {
            phone.watch(Query(mineOnly = true)).collect { list ->
                println(list.rows.joinToString("；") { "${it.headline} ${it.standing.zh}" })
            }
        }

        // 应用打开期间保持同步，照片一并发送 in sync while the app is open; photos go too
        val syncing = launch { phone.stayInSync() }
        phone.watchPhotos(case).first { photos -> photos.all { it.standing == FileStanding.ON_SERVER } }
        while (!phone.allInLog()) delay(100)
        println("照片已上传，全部已入卷 the photo is sent, everything is in the log")
        syncing.cancel()
        watching.cancel()
    }
}
