package gridlog

import java.io.ByteArrayOutputStream
import java.io.PrintStream
import java.nio.file.Files
import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The samples, as a developer runs them. */
class SampleTest {
    @TempDir
    lateinit var folder: Path

    /** What a sample prints against a server of its own. */
    private fun said(sample: (Array<String>) -> Unit): String = DevServer(folder.resolve("dev")).use { server ->
        server.switchOn()
        val terminal = System.out
        val said = ByteArrayOutputStream()
        System.setOut(PrintStream(said, true, Charsets.UTF_8))
        try {
            sample(arrayOf(server.url, "W001", server.password, "${folder.resolve("phone")}", PHOTO))
        } finally {
            System.setOut(terminal)
        }
        said.toString(Charsets.UTF_8)
    }

    @Test
    fun `the sample records a day offline and has it in the log in the evening`() {
        val text = said { gridlog.samples.main(it) }
        assertTrue("无信号 no signal" in text, text)
        assertTrue("photos sent: 1," in text, text)
        assertTrue("人行道井盖缺失两处 已入卷 待受理" in text, text)
    }

    @Test
    fun `the start of the guide records, attaches a photo, watches and syncs`() {
        val text = said { gridlog.samples.start.main(it) }
        assertTrue("人行道井盖缺失 在本机" in text, text)
        assertTrue("照片已上传，全部已入卷" in text, text)
    }

    @Test
    fun `the guide shows the very code that is compiled`() {
        val guide = Files.readString(Path.of("../README.md"))
        for (sample in listOf("samples/Start.kt", "../swift/samples/Start.swift", "../python/samples/start.py")) {
            assertTrue(Files.readString(Path.of(sample)).trim() in guide, "the guide does not hold $sample as it is")
        }
    }
}

/** What a camera would have left. */
private const val PHOTO = "../samples/manhole.jpg"
