package gridlog

import gridlog.ffi.surfaceRefusal
import java.nio.file.Files
import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** An app that is shipped with another native library than the one its bindings were generated from. */
class LibraryTest {
    @TempDir
    lateinit var folder: Path

    private val libraries = Path.of(System.getProperty("jna.library.path"))

    /** A program that records, in a process of its own, with other libraries or another name of the library. */
    private fun appWith(vararg options: String): String {
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val app = ProcessBuilder(
            java,
            "-cp", System.getProperty("java.class.path"),
            *options,
            "gridlog.WritingAppKt",
            "${folder.resolve("phone.db")}", "http://127.0.0.1:9", "07".repeat(32),
        ).redirectErrorStream(true).start()
        val said = app.inputStream.bufferedReader().readText()
        assertNotEquals(0, app.waitFor())
        return said
    }

    private fun assertRefused(said: String, why: String) {
        assertTrue("GridlogException\$Internal" in said && "other_api" in said, said)
        assertTrue(why in said && "ship both from one build" in said, said)
        assertFalse(Files.exists(folder.resolve("phone.db")))
    }

    @Test
    fun `a library of another surface is refused before anything is opened`() {
        val ours = Regex("surface!\\(\"([0-9a-f]{8})\"\\)")
            .find(Files.readString(Path.of("../../crates/ffi/src/version.rs")))!!.groupValues[1]
        val built = Files.list(libraries).use { it.toList().single() }
        // A byte for a letter, so that the rest stays as it is.
        val library = String(Files.readAllBytes(built), Charsets.ISO_8859_1)
        assertTrue(ours in library)
        val other = library.replace(ours, "0ther5ur")
        Files.write(folder.resolve(built.fileName), other.toByteArray(Charsets.ISO_8859_1))
        assertRefused(appWith("-Djna.library.path=$folder"), "this library has 0ther5ur")
    }

    @Test
    fun `a library that lacks a call, or is not there, is refused as one of another build`() {
        val nameOf = "-Duniffi.component.gridlog_ffi.libraryOverride"
        for (library in listOf("c", "no_such_library")) {
            assertRefused(appWith("-Djna.library.path=$libraries", "$nameOf=$library"), "is missing, or older")
        }
    }

    @Test
    fun `the library that is shipped with the bindings fits them`() = assertEquals(null, surfaceRefusal())
}
