//! Reason codes in words.

use gridlog_domain::record::policy;
use gridlog_domain::workflow::RefusalReason;
use gridlog_protocol::{file_reason, reason};

/// A reason code in Chinese and English: of a refused change, a refused proposal, a review, or a photo. A
/// code that this app does not know, from a newer server, gets a general sentence; show the code
/// beside it.
pub fn explain(code: &str) -> (&'static str, &'static str) {
    gridlog_merge_guard::describe(code)
        .or_else(|| RefusalReason::from_code(code).map(|reason| (reason.zh(), reason.en())))
        .or_else(|| policy::describe(code))
        .or_else(|| reason::describe(code))
        .or_else(|| of_phone(code))
        .or_else(|| of_file(code))
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
        "required_missing" => ("必填项未填", "something required is missing"),
        _ => return None,
    })
}

/// Why a photo did not go, or did not come: for whoever took it or wants to see it, not for whoever wrote the upload.
fn of_file(code: &str) -> Option<(&'static str, &'static str)> {
    Some(match code {
        "file_damaged" => (
            "本机照片已损坏，如有原图请重新添加",
            "the photo on this phone is damaged; attach it again if you still have it",
        ),
        file_reason::OUT_OF_SCOPE => (
            "您已不能在这条记录里添加照片，请联系社区",
            "you may not add photos to this record any more; ask your office",
        ),
        file_reason::TOO_LARGE => (
            "照片超过服务器的上限，请压缩后重新添加",
            "the photo is larger than the server allows; make it smaller and attach it again",
        ),
        file_reason::RECORD_UNKNOWN => (
            "记录还没有到服务器，同步后再上传照片",
            "the server does not have the record yet; the photo goes after the next sync",
        ),
        "record_erased" => ("记录已被删除", "the record was erased"),
        file_reason::HASH_WRONG | file_reason::CHECKSUM_WRONG => (
            "照片在途中出错，将再次上传",
            "the photo changed on its way; it is sent again",
        ),
        file_reason::UNKNOWN
        | file_reason::EXPIRED
        | file_reason::OFFSET
        | file_reason::TAKEN_OVER
        | file_reason::CUT
        | file_reason::FOREIGN
        | file_reason::LENGTH_CHANGED
        | file_reason::BEYOND_END => (
            "照片没有传完，将自动继续",
            "the upload was broken off; it goes on by itself",
        ),
        file_reason::BAD_UPLOAD | file_reason::TUS_VERSION | file_reason::CONTENT_TYPE => (
            "应用与服务器版本不符，请更新应用后重新上传照片",
            "the server does not understand this app's uploads; update the app and send the photo again",
        ),
        file_reason::TOO_MANY => (
            "正在上传的照片过多，稍后自动继续",
            "too much is being uploaded already; it goes on by itself",
        ),
        file_reason::STORAGE_FULL => (
            "服务器空间不足，照片留在本机，稍后自动上传",
            "the server's disk is full; the photo stays here and goes later by itself",
        ),
        file_reason::NOT_HERE => (
            "照片还在拍摄人的手机上，请稍后再看",
            "the file is still on its author's phone; look again later",
        ),
        file_reason::NO_PREVIEW => ("这张照片没有预览图", "there is no preview of this photo"),
        "not_found" => (
            "照片不存在，或您无权查看",
            "there is no such photo, or it is not yours to see",
        ),
        "forbidden" => (
            "您的岗位不能查看或上传这张照片",
            "your role does not allow this",
        ),
        "server_failed" | "bad_answer" | "no_gridlog_server" => (
            "服务器出错，照片没有丢失，请稍后再试",
            "the server could not do it; no photo was lost; try again later",
        ),
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

    #[test]
    fn every_reason_why_a_photo_does_not_go_has_words_for_who_took_it() {
        for (code, _, _) in file_reason::REASONS {
            assert_ne!(explain(code), explain("a code of tomorrow"), "{code}");
        }
    }
}
