package gridlog

import gridlog.ffi.Assignment
import gridlog.ffi.Confirmed
import gridlog.ffi.Crs
import gridlog.ffi.Draft
import gridlog.ffi.FieldValue
import gridlog.ffi.FileProgress
import gridlog.ffi.FileReport
import gridlog.ffi.Fix
import gridlog.ffi.FollowUp
import gridlog.ffi.FoundOnline
import gridlog.ffi.GridlogException
import gridlog.ffi.HistoryLine
import gridlog.ffi.NeedsYou
import gridlog.ffi.NewReport
import gridlog.ffi.NewVisit
import gridlog.ffi.OwnChange
import gridlog.ffi.Proposal
import gridlog.ffi.RecordRow
import gridlog.ffi.SetAside
import gridlog.ffi.Status
import gridlog.ffi.SyncReport
import gridlog.ffi.Timer
import gridlog.ffi.Urgency
import java.time.Duration
import java.time.Instant

// Times cross the border as milliseconds since 1970. Here they are java.time's, both ways.

private fun instant(ms: Long): Instant = Instant.ofEpochMilli(ms)

private fun duration(ms: ULong): Duration = Duration.ofMillis(ms.toLong())

// What a worker records.

/** When it happened; null for now. */
val NewReport.occurredAt: Instant? get() = occurredAtMs?.let(::instant)

/** The same report of something that happened at [time]. */
fun NewReport.occurredAt(time: Instant): NewReport = copy(occurredAtMs = time.toEpochMilli())

/** When it was; null for now. */
val NewVisit.visitedAt: Instant? get() = visitedAtMs?.let(::instant)

/** The same visit, made at [time]. */
fun NewVisit.visitedAt(time: Instant): NewVisit = copy(visitedAtMs = time.toEpochMilli())

/** Until when; null for no time set. */
val FollowUp.until: Instant? get() = untilMs?.let(::instant)

/** The same, to be done until [time]. */
fun FollowUp.until(time: Instant): FollowUp = copy(untilMs = time.toEpochMilli())

/** When the fix was taken. */
val Fix.fixedAt: Instant get() = instant(fixedAtMs)

/**
 * A coordinate as a device gave it at [fixedAt].
 *
 * @param crs its reference system: Android's location says WGS 84, a map of a Chinese supplier says GCJ-02
 * @param lon longitude, degrees
 * @param lat latitude, degrees
 * @param accuracyM radius of uncertainty, metres; null if it is not known
 */
fun fix(crs: Crs, lon: Double, lat: Double, fixedAt: Instant, accuracyM: Double? = null): Fix =
    Fix(crs, lon, lat, accuracyM, fixedAt.toEpochMilli())

/** The moment. */
val FieldValue.Moment.at: Instant get() = instant(ms)

/** What a field holds that is a moment. */
fun moment(time: Instant): FieldValue = FieldValue.Moment(time.toEpochMilli())

// What a screen shows.

/** When the record was begun, by its author's device. */
val RecordRow.createdAt: Instant get() = instant(createdMs)

/** When something last changed in it. */
val RecordRow.updatedAt: Instant get() = instant(updatedMs)

/** When it has to be handled; null while no time runs. */
val Urgency.dueAt: Instant? get() = dueMs?.let(::instant)

/** When its time was over. */
val Timer.dueAt: Instant get() = instant(dueMs)

/** When this line was entered in the log, by the server. */
val HistoryLine.at: Instant get() = instant(atMs)

/** When the step was taken, by the author's device. */
val Proposal.at: Instant get() = instant(atMs)

/** How far the server's clock was ahead of the author's device at its last sync; null if it is not known. */
val Proposal.offset: Duration? get() = offsetMs?.let(Duration::ofMillis)

/** When it was recorded, by this device. */
val OwnChange.recordedAt: Instant get() = instant(recordedMs)

/** When it was recorded, by this device. */
val NeedsYou.recordedAt: Instant get() = instant(recordedMs)

/** Since when it waits. */
val SetAside.since: Instant get() = instant(sinceMs)

/** When it was first saved. */
val Draft.createdAt: Instant get() = instant(createdMs)

/** When it was last saved. */
val Draft.updatedAt: Instant get() = instant(updatedMs)

/** When the server entered something about it last. */
val FoundOnline.updatedAt: Instant get() = instant(updatedMs)

/** When it was attached, by this device. */
val FileProgress.attachedAt: Instant get() = instant(attachedMs)

/** From when on it holds. */
val Assignment.validFrom: Instant get() = instant(validFromMs)

/** When it ends, that moment not included; null while it lasts. */
val Assignment.validTo: Instant? get() = validToMs?.let(::instant)

// Where everything stands.

/** When the server signed it. */
val Confirmed.at: Instant get() = instant(atMs)

/** When a sync last came to its end; null before the first. */
val Status.lastSyncAt: Instant? get() = lastSyncMs?.let(::instant)

/** How far the server's clock was ahead of this device's at the last sync; null if it is not known. */
val Status.clockOffset: Duration? get() = clockOffsetMs?.let(Duration::ofMillis)

/** Until when the server wants to be left alone; null if it does not. */
val Status.waitsUntil: Instant? get() = waitsUntilMs?.let(::instant)

/** How long the server asks to wait before photos are sent again; null if it does not. */
val FileReport.retryAfter: Duration? get() = retryAfterMs?.let(::duration)

/** How long the server asks to wait before the next sync; null if it does not. */
val SyncReport.retryAfter: Duration? get() = retryAfterMs?.let(::duration)

/** How long the server asks to wait; null if it does not say. */
val GridlogException.TryLater.retryAfter: Duration? get() = retryAfterMs?.let(::duration)
