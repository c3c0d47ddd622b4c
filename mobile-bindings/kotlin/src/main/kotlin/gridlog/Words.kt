package gridlog

import gridlog.ffi.GridlogException
import gridlog.ffi.Kind
import gridlog.ffi.Stage
import gridlog.ffi.Standing
import gridlog.ffi.kindZh
import gridlog.ffi.stageZh
import gridlog.ffi.standingZh
import gridlog.ffi.Step
import gridlog.ffi.stepZh
import gridlog.ffi.TimerKind
import gridlog.ffi.timerZh
import gridlog.ffi.Urgency
import gridlog.ffi.urgencyZh

/** A record's id. */
typealias RecordId = String

/** The id of an entry in a record: a comment, a proposal, a draft. */
typealias EntryId = String

/** Staff number. */
typealias PersonId = String

/** Code of an area. */
typealias AreaCode = String

/** The SHA-256 of a file, by which records name it: 64 hex digits. */
typealias FileHash = String

// Why a call did not do what it was asked is a sealed class with one subclass for each thing that an app can do
// about it. Every one has these three: show `zh` to the worker, look at `code`, log `en`.

/** Stable; what programs look at. */
val GridlogException.code: String
    get() = when (this) {
        is GridlogException.Store -> code
        is GridlogException.SignIn -> code
        is GridlogException.Input -> code
        is GridlogException.TryLater -> code
        is GridlogException.Server -> code
        is GridlogException.Cancelled -> code
        is GridlogException.Internal -> code
    }

/** For the worker. */
val GridlogException.zh: String
    get() = when (this) {
        is GridlogException.Store -> zh
        is GridlogException.SignIn -> zh
        is GridlogException.Input -> zh
        is GridlogException.TryLater -> zh
        is GridlogException.Server -> zh
        is GridlogException.Cancelled -> zh
        is GridlogException.Internal -> zh
    }

/** For developers. */
val GridlogException.en: String
    get() = when (this) {
        is GridlogException.Store -> en
        is GridlogException.SignIn -> en
        is GridlogException.Input -> en
        is GridlogException.TryLater -> en
        is GridlogException.Server -> en
        is GridlogException.Cancelled -> en
        is GridlogException.Internal -> en
    }

/** What a worker reads, for example 待受理. */
val Stage.zh: String get() = stageZh(this)

/** What a worker reads, for example 已入卷. */
val Standing.zh: String get() = standingZh(this)

/** What a worker reads, for example 上报. */
val Step.zh: String get() = stepZh(this)

/** What a worker reads, for example 案卷. */
val Kind.zh: String get() = kindZh(this)

/** What a worker reads, for example 超期. */
val TimerKind.zh: String get() = timerZh(this)

/** What a worker reads: 绿灯, 黄灯, 红灯, 超期 or 暂停计时. */
val Urgency.zh: String get() = urgencyZh(this)
