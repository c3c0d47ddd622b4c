//! Reason codes in words.

use gridlog_domain::workflow::RefusalReason;

/// A reason code in Chinese and English: of a refused change, a refused proposal or a review. A
/// code that this app does not know, from a newer server, gets a general sentence; show the code
/// beside it.
pub fn explain(code: &str) -> (&'static str, &'static str) {
    gridlog_merge_guard::describe(code)
        .or_else(|| RefusalReason::from_code(code).map(|reason| (reason.zh(), reason.en())))
        .or_else(|| of_shape(code))
        .or_else(|| of_person(code))
        .or_else(|| of_phone(code))
        .unwrap_or((
            "服务器未采用，请联系社区",
            "the server did not take it; ask your office",
        ))
}

/// Why a change does not keep to the shape of a record.
fn of_shape(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "bad_genesis" => ("记录的开头不完整", "the record does not begin as it must"),
        "unknown_schema" => (
            "记录版本过新，服务器尚未升级",
            "the record is newer than the server",
        ),
        "unknown_place" => ("记录没有这一项", "the record has no such place"),
        "sealed" => ("这一项建立后不能修改", "this is written once"),
        "proposal_sealed" => (
            "办理步骤提出后不能修改，请撤回后重新提出",
            "a proposal is written once; withdraw it",
        ),
        "entry_sealed" => (
            "这一条写入后不能修改，请另写一条",
            "an entry is written once; write a new one",
        ),
        "bad_value" | "wrong_value" | "unknown_field" => {
            ("填写的内容不符合要求", "a value does not fit its place")
        }
        "author_forged" => ("署名与登录人员不符", "it names another author"),
        "conflict_unseen" => (
            "有未查看的不同内容，请查看后再改",
            "it ends a conflict that was not seen",
        ),
        "unsupported_write" => ("记录不支持这种写法", "records do not have such writes"),
        "text_too_long" => ("文字过长，请缩短", "the text is too long"),
        _ => return None,
    })
}

/// Who wrote, where and when.
fn of_person(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "area_never_held" => (
            "不在您负责过的区域",
            "it is about an area that you were never assigned to",
        ),
        "assignment_ended" => (
            "任职已结束，由社区复核",
            "your assignment had ended; an office decides",
        ),
        "not_assigned_then" => (
            "当时不在任职期，由社区复核",
            "you were not assigned then; an office decides",
        ),
        "account_disabled" => ("账号已停用，由社区复核", "your account is disabled"),
        "device_handed_over" => ("手机已移交，由社区复核", "the phone was handed over"),
        _ => return None,
    })
}

/// Why this phone could not write something again.
fn of_phone(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "not_created" => ("所属记录被退回", "the record it belongs to was sent back"),
        "already_created" => ("记录已存在", "the record exists already"),
        "record_unopenable" => ("记录无法打开", "the record cannot be opened"),
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
        ] {
            assert_ne!(explain(code), explain("a code of tomorrow"));
        }
        assert!(!explain("a code of tomorrow").0.is_empty());
    }
}
