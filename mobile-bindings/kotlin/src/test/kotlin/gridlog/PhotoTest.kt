package gridlog

import gridlog.ffi.FilePolicy
import gridlog.ffi.FileStanding
import gridlog.ffi.GridlogException
import gridlog.ffi.HeldBack
import gridlog.ffi.Network
import gridlog.ffi.NewReport
import gridlog.ffi.PhotoRole
import gridlog.ffi.SyncCancel
import java.awt.Color
import java.awt.image.BufferedImage
import java.io.ByteArrayInputStream
import java.io.IOException
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import javax.imageio.ImageIO
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir

/** Photos with the real library and the real server. */
class PhotoTest {
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

    private suspend fun phoneOf(person: PersonId, device: Device = Device(folder, person, server.url)) =
        device.enrolled(person, server.password)

    /** A JPEG as a camera leaves it in the app's folder. */
    private fun photo(name: String, side: Int = 640): Path {
        val picture = BufferedImage(side, side, BufferedImage.TYPE_INT_RGB)
        for (x in 0 until side) for (y in 0 until side) picture.setRGB(x, y, (x * 31 + y * 17 + x * y) and 0xffffff)
        picture.createGraphics().apply {
            color = Color.DARK_GRAY
            fillOval(side / 4, side / 4, side / 2, side / 2)
            dispose()
        }
        return folder.resolve(name).also { check(ImageIO.write(picture, "jpeg", it.toFile())) }
    }

    private suspend fun Gridlog.reported(): RecordId = report(NewReport(title = "井盖缺失", category = COVER))

    @Test
    fun `a photo that was taken without signal is sent later, and a colleague looks at it`() = runBlocking<Unit> {
        phoneOf("W001").use { author ->
            phoneOf("W002").use { colleague ->
                author.sync()
                server.switchOff()
                val case = author.reported()
                val file = photo("near.jpg")
                val attached = author.attach(case, file, PhotoRole.NEAR)
                assertTrue(attached.isClean)
                assertEquals(FileStanding.ON_THIS_PHONE, author.photos(case).single().standing)
                assertEquals(2uL, author.sendPhotos().left, "they wait for their record")

                server.switchOn()
                author.syncUntilSettled()
                colleague.sync()
                val to = folder.resolve("seen.jpg")
                val early = assertThrows<GridlogException.Server> { colleague.savePhoto(case, attached.sha256, to) }
                assertEquals("file_not_here", early.code)
                assertTrue("拍摄人" in early.zh, early.zh)
                assertFalse(Files.exists(to))

                val report = author.sendPhotos()
                assertEquals(2uL to 0uL, report.filesSent to report.left, "the photo and its preview")
                val sent = author.photos().single()
                assertEquals(FileStanding.ON_SERVER to attached.bytes, sent.standing to sent.sentBytes)

                val small = colleague.preview(case, attached.sha256)
                assertArrayEquals(author.preview(case, attached.sha256), small)
                assertTrue(ImageIO.read(ByteArrayInputStream(small)).width in 1..640)
                colleague.savePhoto(case, attached.sha256, to)
                assertEquals(attached.bytes, Files.size(to).toULong())
                assertEquals(640, ImageIO.read(to.toFile()).width)
                assertTrue(Files.exists(file), "the app's file is the app's")
                val taken = assertThrows<GridlogException.Input> { colleague.savePhoto(case, attached.sha256, to) }
                assertEquals("file_unwritable", taken.code)
            }
        }
    }

    @Test
    fun `photos are held back as long as the worker wants them to be`() = runBlocking<Unit> {
        phoneOf("W001").use { phone ->
            phone.allowPhotos(FilePolicy.PAUSED, Network.UNMETERED)
            val case = phone.reported()
            phone.attach(case, photo("near.jpg"), PhotoRole.NEAR)
            phone.syncUntilSettled()
            val held = phone.sendPhotos()
            assertEquals(HeldBack.PAUSED to 0uL, held.heldBack to held.filesSent)
            phone.allowPhotos(FilePolicy.UNMETERED_ONLY, Network.METERED)
            assertEquals(HeldBack.METERED, phone.sendPhotos().heldBack)
            phone.allowPhotos(FilePolicy.UNMETERED_ONLY, Network.UNMETERED)
            assertEquals(2uL, phone.sendPhotos().filesSent)
        }
    }

    @Test
    fun `a phone that stays in sync sends photos as soon as they may go`() = runBlocking<Unit> {
        phoneOf("W001").use { phone ->
            phone.allowPhotos(FilePolicy.UNMETERED_ONLY, Network.METERED)
            val staying = launch(Dispatchers.Default) { phone.stayInSync() }
            val case = phone.reported()
            phone.attach(case, photo("near.jpg"), PhotoRole.NEAR)
            eventually { phone.allInLog() }
            assertEquals(FileStanding.ON_THIS_PHONE, phone.photos(case).single().standing)
            val arrived = async(Dispatchers.Default) {
                phone.watchPhotos(case).first { photos -> photos.all { it.standing == FileStanding.ON_SERVER } }
            }
            phone.allowPhotos(FilePolicy.UNMETERED_ONLY, Network.UNMETERED)
            assertEquals(1, withTimeout(PATIENCE) { arrived.await() }.size)
            // And the next one, without anybody saying anything.
            phone.attach(case, photo("far.jpg", 400), PhotoRole.FAR)
            eventually { phone.photos(case).all { it.standing == FileStanding.ON_SERVER } }
            staying.cancel()
            withTimeout(PATIENCE) { staying.join() }
        }
    }

    @Test
    fun `attaching that is cancelled half way leaves nothing behind`() = runBlocking<Unit> {
        phoneOf("W001").use { phone ->
            val case = phone.reported()
            // A file that does not end: whoever reads it can be cancelled at leisure.
            val endless = folder.resolve("endless.jpg")
            check(ProcessBuilder("mkfifo", "$endless").start().waitFor() == 0)
            val attaching = launch(Dispatchers.Default) { phone.attach(case, endless, PhotoRole.NEAR) }
            withContext(Dispatchers.IO) {
                Files.newOutputStream(endless).use { pipe ->
                    val piece = ByteArray(1 shl 20)
                    pipe.write(piece)
                    attaching.cancel()
                    // The reader goes away long before the largest file that it would take.
                    assertThrows<IOException> { repeat(15) { pipe.write(piece) } }
                }
            }
            withTimeout(PATIENCE) { attaching.join() }
            assertTrue(attaching.isCancelled)
            assertEquals(0, phone.photos().size)
            assertEquals(1uL, phone.status().recorded)
        }
    }

    @Test
    fun `fetching that is cancelled while the server is silent ends at once and keeps nothing`() = runBlocking<Unit> {
        val device = Device(folder, "colleague", server.url)
        phoneOf("W001").use { author ->
            val case = author.reported()
            val photo = author.attach(case, photo("near.jpg"), PhotoRole.NEAR).sha256
            author.syncUntilSettled()
            author.sendPhotos()
            phoneOf("W002", device).use { it.sync() }
            SilentServer().use { silent ->
                device.server = silent.url
                device.open().use { phone ->
                    val to = folder.resolve("seen.jpg")
                    val looking = launch(Dispatchers.Default) { phone.savePhoto(case, photo, to) }
                    withContext(Dispatchers.IO) { silent.reached.await(60, TimeUnit.SECONDS) }
                    withTimeout(PATIENCE) {
                        looking.cancel()
                        looking.join()
                    }
                    assertFalse(Files.exists(to))
                    // The same for languages whose tasks do not tell Rust.
                    SyncCancel().use { cancel ->
                        val asking = async(Dispatchers.Default) {
                            runCatching { phone.core.fetchPreview(case, photo, cancel) }
                        }
                        cancel.cancel()
                        val ended = withTimeout(PATIENCE) { asking.await() }
                        assertTrue(ended.exceptionOrNull() is GridlogException.Cancelled, "$ended")
                    }
                    assertThrows<GridlogException.Input> { phone.core.exportFile(photo, "$to", null) }
                    silent.close()
                }
            }
            device.server = server.url
            device.open().use { phone ->
                phone.savePhoto(case, photo, folder.resolve("at last.jpg"))
            }
        }
    }
}
