//! The table "who may take which step in which stage", for the docs.

use std::fmt::Write as _;

use super::step::{Need, STEPS, StepRule, Who};
use crate::reference::Role;

/// The table as Markdown; `docs/workflow.md` holds exactly this.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Who may take which step in which stage\n\n\
         Made from `gridlog_domain::workflow::STEPS`; a test keeps this page equal to it. Roles\n\
         count where they cover the case's area at the time of the step.\n\n\
         | Step | Code | In stage | Leads to | Who | Must say | Withdrawn, leads to |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in &STEPS {
        let from: Vec<String> = row
            .from
            .iter()
            .map(|stage| format!("{} `{}`", stage.zh(), stage.code()))
            .collect();
        let to = match row.by {
            [Who::WhoTookIt] => "as that step's last column says".to_owned(),
            _ => format!("{} `{}`", row.to.zh(), row.to.code()),
        };
        // Writing into a String cannot fail.
        let _ = writeln!(
            page,
            "| {} | `{}` | {} | {to} | {} | {} | {} |",
            row.zh,
            row.step.code(),
            from.join(", "),
            who(row),
            needs(row),
            row.undone_to
                .map_or("—".to_owned(), |s| format!("{} `{}`", s.zh(), s.code())),
        );
    }
    page
}

fn who(row: &StepRule) -> String {
    let names: Vec<String> = row
        .by
        .iter()
        .map(|who| match who {
            Who::Author => "记录人 author of the record".to_owned(),
            Who::WhoTookIt => "该步骤的提出人 who took that step".to_owned(),
            Who::Field => {
                let roles: Vec<&str> = Role::ALL
                    .iter()
                    .filter(|role| role.is_field())
                    .map(|role| role.zh())
                    .collect();
                roles.join("/")
            }
            Who::Role(role) => format!("{} `{}`", role.zh(), role.code()),
            Who::HandlingDepartment => "承办部门 the department that has the case".to_owned(),
        })
        .collect();
    names.join(", ")
}

fn needs(row: &StepRule) -> String {
    let names: Vec<&str> = row
        .needs
        .iter()
        .map(|need| match need {
            Need::Reason => "理由 reason",
            Need::Result => "处置结果 result",
            Need::Category => "小类与立案条件 category and filing condition",
            Need::Department => "部门 department",
            Need::Target => "被撤回的步骤 the step taken back",
        })
        .collect();
    if names.is_empty() {
        "—".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_the_docs_is_the_table_in_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/workflow.md");
        if std::env::var_os("GRIDLOG_WRITE_DOCS").is_some() {
            std::fs::write(path, super::markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            page,
            super::markdown(),
            "run GRIDLOG_WRITE_DOCS=1 cargo test -p gridlog-domain"
        );
    }
}
