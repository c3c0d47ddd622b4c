package gridlog

import gridlog.ffi.Draft
import gridlog.ffi.FileProgress
import gridlog.ffi.FileReport
import gridlog.ffi.FoundOnline
import gridlog.ffi.GridlogException
import gridlog.ffi.HistoryLine
import gridlog.ffi.NeedsYou
import gridlog.ffi.OwnChange
import gridlog.ffi.RecordRow
import gridlog.ffi.Status
import gridlog.ffi.SyncReport
import gridlog.ffi.Urgency
import java.time.Duration
import java.time.Instant

/** When the record was begun, by its author's device. */
val RecordRow.createdAt: Instant get() = Instant.ofEpochMilli(createdMs)

/** When something last changed in it. */
val RecordRow.updatedAt: Instant get() = Instant.ofEpochMilli(updatedMs)

/** When it has to be handled; null while no time runs. */
val Urgency.dueAt: Instant? get() = dueMs?.let(Instant::ofEpochMilli)

/** When this line was entered in the log, by the server. */
val HistoryLine.at: Instant get() = Instant.ofEpochMilli(atMs)

/** When it was recorded, by this device. */
val OwnChange.recordedAt: Instant get() = Instant.ofEpochMilli(recordedMs)

/** When it was recorded, by this device. */
val NeedsYou.recordedAt: Instant get() = Instant.ofEpochMilli(recordedMs)

/** When it was last saved. */
val Draft.updatedAt: Instant get() = Instant.ofEpochMilli(updatedMs)

/** When the server entered something about it last. */
val FoundOnline.updatedAt: Instant get() = Instant.ofEpochMilli(updatedMs)

/** When a sync last came to its end; null before the first. */
val Status.lastSyncAt: Instant? get() = lastSyncMs?.let(Instant::ofEpochMilli)

/** Until when the server wants to be left alone; null if it does not. */
val Status.waitsUntil: Instant? get() = waitsUntilMs?.let(Instant::ofEpochMilli)

/** When it was attached, by this device. */
val FileProgress.attachedAt: Instant get() = Instant.ofEpochMilli(attachedMs)

/** How long the server asks to wait before photos are sent again; null if it does not. */
val FileReport.retryAfter: Duration? get() = retryAfterMs?.let { Duration.ofMillis(it.toLong()) }

/** How long the server asks to wait before the next sync; null if it does not. */
val SyncReport.retryAfter: Duration? get() = retryAfterMs?.let { Duration.ofMillis(it.toLong()) }

/** How long the server asks to wait; null if it does not say. */
val GridlogException.TryLater.retryAfter: Duration? get() = retryAfterMs?.let { Duration.ofMillis(it.toLong()) }
