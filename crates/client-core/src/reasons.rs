//! Reason codes in words.

use gridlog_domain::workflow::RefusalReason;

/// A reason code in Chinese and English. A code that this app does not know, from a newer server,
/// gets a general sentence; the code itself is always shown beside it.
pub(crate) fn explain(code: &str) -> (&'static str, &'static str) {
    gridlog_merge_guard::describe(code)
        .or_else(|| RefusalReason::from_code(code).map(|reason| (reason.zh(), reason.en())))
        .or_else(|| own(code))
        .unwrap_or((
            "服务器未采用，请联系社区",
            "the server did not take it; ask your office",
        ))
}

/// Reasons for which this phone could not write something again.
fn own(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "not_created" => ("所属记录被退回", "the record it belongs to was sent back"),
        "entry_sealed" => ("这一条已经写入", "the entry is in the record already"),
        "record_unopenable" => ("记录无法打开", "the record cannot be opened"),
        "required_missing" => ("必填项未填", "something required is missing"),
        "wrong_value" | "unknown_field" => ("填写的内容不符合要求", "a value does not fit"),
        _ => return None,
    })
}
