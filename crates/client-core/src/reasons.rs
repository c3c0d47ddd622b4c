//! Reason codes in words.

use gridlog_domain::record::policy;
use gridlog_domain::workflow::RefusalReason;
use gridlog_protocol::reason;

/// A reason code in Chinese and English: of a refused change, a refused proposal or a review. A
/// code that this app does not know, from a newer server, gets a general sentence; show the code
/// beside it.
pub fn explain(code: &str) -> (&'static str, &'static str) {
    gridlog_merge_guard::describe(code)
        .or_else(|| RefusalReason::from_code(code).map(|reason| (reason.zh(), reason.en())))
        .or_else(|| policy::describe(code))
        .or_else(|| reason::describe(code))
        .or_else(|| of_phone(code))
        .unwrap_or((
            "服务器未采用，请联系社区",
            "the server did not take it; ask your office",
        ))
}

/// Why this phone could not write something again, or could not read a record as it came.
fn of_phone(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "not_created" => ("所属记录被退回", "the record it belongs to was sent back"),
        "already_created" => ("记录已存在", "the record exists already"),
        "record_unopenable" => ("记录无法打开", "the record cannot be opened"),
        "change_unsound" => ("收到的一处修改已损坏", "a change of it came damaged"),
        "snapshot_unsound" => ("收到的记录内容已损坏", "its earlier changes came damaged"),
        "view_unsound" | "state_unsound" => {
            ("收到的记录摘要已损坏", "what lists show of it came damaged")
        }
        "ruling_unsound" => (
            "收到的裁定与记录不符",
            "a ruling that came with it does not belong to it",
        ),
        "wrong_value" | "unknown_field" => {
            ("填写的内容不符合要求", "a value does not fit its place")
        }
        "file_damaged" => (
            "本机照片已损坏，如有原图请重新添加",
            "the photo on this phone is damaged; attach it again if you still have it",
        ),
        "record_out_of_scope" => (
            "您已不能在这条记录里添加照片，请联系社区",
            "you may not add photos to this record any more; ask your office",
        ),
        "file_too_large" => (
            "照片超过服务器的上限，请压缩后重新添加",
            "the photo is larger than the server allows; make it smaller and attach it again",
        ),
        "record_unknown" => (
            "记录还没有到服务器，同步后再上传照片",
            "the server does not have the record yet; the photo goes after the next sync",
        ),
        "record_erased" => ("记录已被删除", "the record was erased"),
        "file_hash_wrong" | "checksum_wrong" => (
            "照片在途中出错，将再次上传",
            "the photo changed on its way; it is sent again",
        ),
        "required_missing" => ("必填项未填", "something required is missing"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_and_an_unknown_one_a_general_sentence() {
        for code in [
            "too_large",
            "wrong_stage",
            "sealed",
            "area_never_held",
            "not_created",
            "record_out_of_scope",
            "file_too_large",
        ] {
            assert_ne!(explain(code), explain("a code of tomorrow"));
        }
        assert!(!explain("a code of tomorrow").0.is_empty());
    }
}
