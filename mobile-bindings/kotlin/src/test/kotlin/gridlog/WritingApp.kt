package gridlog

import gridlog.ffi.NewReport
import java.nio.file.Path
import kotlinx.coroutines.runBlocking

/** Records without end, to be killed. After every call that returned it prints the record's id. */
fun main(arguments: Array<String>) = runBlocking {
    val (store, server, hex) = arguments
    val key = hex.chunked(2) { it.toString().toInt(16).toByte() }.toByteArray()
    val file = Path.of(store)
    val marker = FileMarker(file.resolveSibling("first.marker"))
    val phone = Gridlog.open(file, server, keyStore { key }, marker)
    while (true) {
        println(phone.report(NewReport(title = "井盖", category = COVER)))
        System.out.flush()
    }
}
