package gridlog

import java.io.ByteArrayOutputStream
import java.io.PrintStream
import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The sample, as a developer runs it. */
class SampleTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun `the sample records a day offline and has it in the log in the evening`() {
        DevServer(folder.resolve("dev")).use { server ->
            server.switchOn()
            val terminal = System.out
            val said = ByteArrayOutputStream()
            System.setOut(PrintStream(said, true, Charsets.UTF_8))
            try {
                gridlog.samples.main(arrayOf(server.url, "W001", server.password, "${folder.resolve("phone")}"))
            } finally {
                System.setOut(terminal)
            }
            val text = said.toString(Charsets.UTF_8)
            assertTrue("无信号 no signal" in text, text)
            assertTrue("人行道井盖缺失两处 已入卷 待受理" in text, text)
        }
    }
}
