//! The pages that are made from code are equal to it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use gridlog_domain::record::policy;
use gridlog_domain::workflow::RefusalReason;
use gridlog_merge_guard::{Refusal, describe};
use gridlog_protocol::{file_reason, reason};

fn codes_page() -> String {
    let mut page = String::from(
        "# Reason codes\n\n\
         Made from code; a test keeps this page equal to it. What a screen should say stands in the\n\
         second column; `gridlog_client_core::explain` gives the same.\n",
    );
    let mut table = |title: &str, rows: Vec<(&str, &str, &str)>| {
        let _ = writeln!(
            page,
            "\n## {title}\n\n| Code | 中文 | English |\n|---|---|---|"
        );
        for (code, zh, en) in rows {
            let _ = writeln!(page, "| `{code}` | {zh} | {en} |");
        }
    };
    table(
        "A proposal is refused (in the log)",
        RefusalReason::ALL
            .iter()
            .map(|r| (r.code(), r.zh(), r.en()))
            .collect(),
    );
    table(
        "A change is refused or reviewed: who, where, when",
        reason::REASONS.to_vec(),
    );
    table(
        "A change is refused: not of a record's shape",
        policy::REASONS.to_vec(),
    );
    table(
        "A file is not taken, or not given",
        file_reason::REASONS.to_vec(),
    );
    let guard = Refusal::ALL_CODES.iter().map(|code| {
        let (zh, en) = describe(code).unwrap_or_else(|| panic!("{code} has no words"));
        (*code, zh, en)
    });
    table("A change is refused: malformed or forged", guard.collect());
    page
}

#[test]
fn the_page_of_codes_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/codes.md");
    if std::env::var_os("GRIDLOG_WRITE_DOCS").is_some() {
        std::fs::write(path, codes_page()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        page,
        codes_page(),
        "run GRIDLOG_WRITE_DOCS=1 cargo test -p gridlog-tests docs"
    );
}
