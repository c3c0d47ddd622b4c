package gridlog

import gridlog.ffi.Identity
import java.nio.file.Path
import kotlin.random.Random
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeout

/** How long a test waits for something that the server or the engine does by itself. */
val PATIENCE = 60.seconds

/** Minor class of the catalogue: 园林井盖. */
const val COVER = "01014"

/** One device: its folder, its key store, its marker. */
class Device(private val folder: Path, val name: String, var server: String) {
    val store: Path = folder.resolve("$name.db")
    val key: ByteArray = Random.nextBytes(32)
    val marker = FileMarker(folder.resolve("$name.marker"))

    suspend fun open(key: ByteArray = this.key): Gridlog = Gridlog.open(store, server, keyStore { key }, marker)

    /** Opens it and makes it a device of [person]. */
    suspend fun enrolled(person: PersonId, password: String): Gridlog {
        val phone = open()
        val identity: Identity = phone.enrol(person, password, name)
        check(identity.person.id == person)
        return phone
    }
}

/** Syncs until everything recorded here is in the log: the server may answer 已收到 first and rule later. */
suspend fun Gridlog.syncUntilSettled() = eventually {
    sync()
    val status = status()
    status.admitted == status.recorded
}

/** Waits until something is so. */
suspend fun eventually(isSo: suspend () -> Boolean) = withTimeout(PATIENCE) {
    while (!isSo()) delay(20.milliseconds)
}
