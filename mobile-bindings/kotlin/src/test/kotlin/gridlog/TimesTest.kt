package gridlog

import gridlog.ffi.Crs
import gridlog.ffi.FieldValue
import gridlog.ffi.FollowUp
import gridlog.ffi.GridlogPhone
import gridlog.ffi.NewReport
import gridlog.ffi.NewVisit
import gridlog.ffi.TimerKind
import gridlog.ffi.Urgency
import java.lang.reflect.Method
import java.nio.file.Files
import java.nio.file.Path
import java.time.Duration
import java.time.Instant
import kotlin.io.path.nameWithoutExtension
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Times are java.time's, in everything that crosses the border. */
class TimesTest {
    private val time = Instant.parse("2026-09-21T13:46:40.123Z")
    private val ms = 1_789_998_400_123

    @Test
    fun `what a worker records takes times as they are in Java`() {
        val report = NewReport(title = "井盖缺失", category = COVER)
        assertNull(report.occurredAt)
        assertEquals(ms to time, report.occurredAt(time).let { it.occurredAtMs to it.occurredAt })
        assertEquals(report, report.occurredAt(time).copy(occurredAtMs = null), "nothing else changes")
        val visit = NewVisit(outcome = "nobody_home")
        assertNull(visit.visitedAt)
        assertEquals(ms to time, visit.visitedAt(time).let { it.visitedAtMs to it.visitedAt })
        val action = FollowUp(what = "复查")
        assertNull(action.until)
        assertEquals(ms to time, action.until(time).let { it.untilMs to it.until })
        val fix = fix(Crs.WGS84, lon = 112.9, lat = 28.2, fixedAt = time, accuracyM = 8.0)
        assertEquals(ms to time, fix.fixedAtMs to fix.fixedAt)
        assertEquals(listOf(112.9, 28.2, 8.0), listOf(fix.lon, fix.lat, fix.accuracyM))
        assertEquals(FieldValue.Moment(ms), moment(time))
        assertEquals(time, FieldValue.Moment(ms).at)
    }

    @Test
    fun `every time that crosses the border can be read as one of Java`() {
        val readers = Class.forName("gridlog.TimesKt").methods.filter {
            it.parameterCount == 1 && it.returnType in listOf(Instant::class.java, Duration::class.java)
        }
        var times = 0
        for (type in generated()) {
            for (field in type.declaredFields.filter { it.name == "ms" || it.name.endsWith("Ms") }) {
                assertNotNull(readers.find { it.reads(type, field.name) }, "${type.simpleName}.${field.name}")
                times++
            }
        }
        assertTrue(times >= readers.size, "$times times, ${readers.size} readers")
    }

    /** `getDueAt` of a type reads its `dueMs`. */
    private fun Method.reads(type: Class<*>, field: String): Boolean {
        val read = name.removePrefix("get").replaceFirstChar(Char::lowercase)
        return parameterTypes.single() == type && read.startsWith(field.removeSuffix("Ms").removeSuffix("ms"))
    }

    /** What the library is called through, class by class. */
    private fun generated(): List<Class<*>> {
        val some = GridlogPhone::class.java
        val classes = Path.of(some.protectionDomain.codeSource.location.toURI()).resolve("gridlog/ffi")
        return Files.list(classes).use { files ->
            files.map { Class.forName("gridlog.ffi.${it.nameWithoutExtension}", false, some.classLoader) }.toList()
        }
    }

    @Test
    fun `what the clock did and how urgent a case is have their words`() {
        assertEquals("超期", TimerKind.Overdue.zh)
        assertEquals("超期", Urgency(dueMs = ms, provisional = false, light = null, overdue = true).zh)
        assertEquals("暂停计时", Urgency(dueMs = null, provisional = false, light = null, overdue = false).zh)
    }
}
