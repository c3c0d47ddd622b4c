package gridlog

import gridlog.ffi.GenerationMarker
import gridlog.ffi.KeyStore
import gridlog.ffi.LogLine
import gridlog.ffi.LogSink
import gridlog.ffi.setLogSink
import java.nio.file.Files
import java.nio.file.NoSuchFileException
import java.nio.file.Path
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardCopyOption.REPLACE_EXISTING
import java.nio.channels.FileChannel
import java.nio.file.StandardOpenOption.CREATE
import java.nio.file.StandardOpenOption.TRUNCATE_EXISTING
import java.nio.file.StandardOpenOption.WRITE
import java.nio.ByteBuffer

/** A key store that asks [key] for the 32 bytes: unwrap them there with a key of the Android Keystore. */
fun keyStore(key: () -> ByteArray): KeyStore = object : KeyStore {
    override fun storeKey(): ByteArray = key()
}

/**
 * Keeps the generation marker in a file. On Android put it in `Context.noBackupFilesDir`: a marker that a backup
 * brings back makes two phones that write as one.
 */
class FileMarker(private val file: Path) : GenerationMarker {
    override fun read(): ByteArray? = try {
        Files.readAllBytes(file)
    } catch (_: NoSuchFileException) {
        null
    }

    override fun write(generation: ByteArray) {
        val part = file.resolveSibling("${file.fileName}.part")
        FileChannel.open(part, CREATE, WRITE, TRUNCATE_EXISTING).use { channel ->
            channel.write(ByteBuffer.wrap(generation))
            channel.force(true)
        }
        Files.move(part, file, ATOMIC_MOVE, REPLACE_EXISTING)
    }
}

/**
 * Hands the engine's log to [sink], from here on; null ends it. Lines never hold what a record says.
 *
 * @throws gridlog.ffi.GridlogException.Internal `other_api`, as [Gridlog.open] does
 */
fun logTo(sink: ((LogLine) -> Unit)?) {
    checkLibrary()
    setLogSink(
        sink?.let {
            object : LogSink {
                override fun log(line: LogLine) = it(line)
            }
        },
    )
}
