//! Reason codes that only a server gives: who may write where and when, and what an office decided.

/// What an office dismissed. It is a person's decision, so a phone does not write it again.
pub const DISMISSED: &str = "dismissed";

/// The person never held the area. An office may still let the change in.
pub const AREA_NEVER_HELD: &str = "area_never_held";

/// The record was erased.
pub const ERASED: &str = "record_erased";

/// Only an office says that a case came in by another way than by its worker.
pub const CHANNEL_OF_AN_OFFICE: &str = "channel_of_an_office";

/// Too many items of the device wait for changes that are not here.
pub const TOO_MANY_WAITING: &str = "too_many_waiting";

/// Too much of the device's items waits for something or for an office, or too many of them were refused.
/// Nothing is wrong with the change: a phone keeps it as it is and sends it again later.
pub const TOO_MUCH_HELD: &str = "too_much_held";

/// Every such code, in Chinese and English for a worker.
pub const REASONS: &[(&str, &str, &str)] = &[
    (
        AREA_NEVER_HELD,
        "不在您负责过的区域",
        "it is about an area that you were never assigned to",
    ),
    (
        "unknown_area",
        "区域不存在或已停用",
        "there is no such area, or it was not valid then",
    ),
    (
        "assignment_ended",
        "任职已结束，由社区复核",
        "your assignment had ended; an office decides",
    ),
    (
        "not_assigned_then",
        "当时不在任职期，由社区复核",
        "you were not assigned then; an office decides",
    ),
    (
        "account_disabled",
        "账号已停用，由社区复核",
        "your account is disabled; an office decides",
    ),
    (
        "device_handed_over",
        "手机已移交，由社区复核",
        "the phone was handed over; an office decides",
    ),
    (
        "record_damaged",
        "所属记录需修复，由社区处理",
        "the stored record needs repair; an office decides",
    ),
    (
        "record_full",
        "记录内容过多，请另建一条记录",
        "the record is full; begin another one",
    ),
    (
        TOO_MANY_WAITING,
        "等待前序内容的条目过多，请先同步",
        "too many of your changes wait for ones that are missing here; sync again",
    ),
    (
        TOO_MUCH_HELD,
        "本机待处理的内容过多，以后会自动再传，请联系社区处理",
        "too much of yours waits for a decision; it is sent again later, ask your office to decide",
    ),
    (
        CHANNEL_OF_AN_OFFICE,
        "手机只能按网格上报立卷",
        "from a phone a case comes in by its worker, by no other way",
    ),
    (ERASED, "记录已按规定删除", "the record was erased"),
    (DISMISSED, "社区不予采纳", "an office dismissed it"),
];

/// The words of a code, Chinese and English; `None` if it is not one of [`REASONS`].
pub fn describe(code: &str) -> Option<(&'static str, &'static str)> {
    REASONS
        .iter()
        .find(|(known, _, _)| *known == code)
        .map(|(_, zh, en)| (*zh, *en))
}
