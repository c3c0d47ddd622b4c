package gridlog

import gridlog.ffi.GridlogException
import gridlog.ffi.HostException
import java.nio.file.Files
import java.nio.file.Path
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** What an app meets before there is any server. */
class OpeningTest {
    @TempDir
    lateinit var folder: Path

    private fun device(server: String = "http://127.0.0.1:9") = Device(folder, "phone", server)

    private inline fun <reified E : GridlogException> refused(code: String, crossinline open: suspend () -> Gridlog): E {
        val error = assertThrows(E::class.java) { runBlocking { open().close() } }
        assertEquals(code, error.code)
        assertTrue(error.zh.isNotEmpty())
        return error
    }

    @Test
    fun `another key is refused and the store is left alone`() = runBlocking<Unit> {
        val device = device()
        device.open().close()
        val before = Files.readAllBytes(device.store)
        refused<GridlogException.Store>("wrong_key") { device.open(ByteArray(32)) }
        refused<GridlogException.Store>("bad_key") { device.open(ByteArray(5)) }
        assertArrayEquals(before, Files.readAllBytes(device.store))
        device.open().close()
    }

    @Test
    fun `a key store that fails is an error that does not quote it`() {
        val device = device()
        val locked = refused<GridlogException.Store>("key_store_failed") {
            Gridlog.open(device.store, device.server, keyStore { throw HostException.Failed("device_locked") }, device.marker)
        }
        assertTrue("device_locked" in locked.en)
        val broken = refused<GridlogException.Store>("key_store_failed") {
            Gridlog.open(device.store, device.server, keyStore { error("the key is 0123456789") }, device.marker)
        }
        assertFalse("0123456789" in broken.toString())
        assertFalse(Files.exists(device.store))
    }

    @Test
    fun `a closed phone says so`() = runBlocking<Unit> {
        val phone = device().open()
        phone.close()
        phone.close()
        refused<GridlogException.Store>("shut_down") {
            phone.status()
            phone
        }
    }

    @Test
    fun `an address that is none is refused`() {
        refused<GridlogException.Input>("bad_address") { device("grid.example").open() }
    }
}
