//! The table "who may take which step in which stage", for the docs.

use std::fmt::Write as _;

use super::step::{Guard, Need, StepRule, To, Who};
use super::steps::STEPS;
use crate::reference::Role;

/// The table as Markdown; `docs/workflow.md` holds exactly this.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Who may take which step in which stage\n\n\
         Made from `gridlog_domain::workflow::STEPS`; a test keeps this page equal to it. Roles\n\
         count where they cover the case's area at the time of the step.\n\n\
         | Step | Code | In stage | Leads to | Who | Must say | Must be so | Withdrawn, leads to |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in STEPS {
        let from: Vec<String> = row
            .from
            .iter()
            .map(|stage| format!("{} `{}`", stage.zh(), stage.code()))
            .collect();
        let to = match row.to {
            To::Undone => "as that step's last column says".to_owned(),
            To::Stays => "—".to_owned(),
            To::Back => "where it was".to_owned(),
            To::Stage(stage) => format!("{} `{}`", stage.zh(), stage.code()),
        };
        // Writing into a String cannot fail.
        let _ = writeln!(
            page,
            "| {} | `{}` | {} | {to} | {} | {} | {} | {} |",
            row.step.zh(),
            row.step.code(),
            from.join(", "),
            who(row),
            needs(row),
            guards(row),
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
            Who::CalledDepartment => "被吹哨部门 a department that was called".to_owned(),
            Who::JoinedDepartment => "协办部门 a department that takes part".to_owned(),
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
            Need::Departments => "一个或多个部门 departments",
            Need::Answer => "是或否 yes or no",
            Need::Limit => "时限 time",
            Need::Rating => "评分 1 至 5 rating",
            Need::Supervision => "督办级别 1 至 3 level",
            Need::Level => "更高的层级 a higher level",
            Need::Person => "人员 person",
            Need::Case => "另一件案卷 another case",
            Need::Parties => "两方以上 two parties or more",
            Need::Meeting => "会议：议题、人员、决议 a meeting",
            Need::Target => "被撤回的步骤 the step taken back",
        })
        .collect();
    listed(&names)
}

fn guards(row: &StepRule) -> String {
    let names: Vec<&str> = row
        .guards
        .iter()
        .map(|guard| match guard {
            Guard::NothingIsAsked => "没有待批的申请 nothing waits for approval",
            Guard::ExtensionIsAsked => "已申请延期 an extension was asked for",
            Guard::SuspensionIsAsked => "已申请挂账 a suspension was asked for",
            Guard::SupervisionIsOpen => "督办未回复 supervised and not answered",
            Guard::NobodyIsCalledTwice => "部门未被吹哨 not called already",
            Guard::CallIsNew => "尚未响应 has not responded",
            Guard::CallIsUnderWay => "尚未报到 is not at the place",
            Guard::CallIsAtThePlace => "已报到 is at the place",
            Guard::CallIsFinished => "哨应已办结 that department has finished",
            Guard::NobodyJoinsTwice => "部门未参加 does not take part already",
            Guard::PartIsOpen => "协办未办结 has not done its part",
            Guard::PartsAreDone => "协办均已办结 every part is done",
            Guard::NoAppealYet => "未申诉过 no appeal before",
            Guard::AppealIsTheirsToReview => {
                "有待复核的申诉，且非本人所提或所办 an appeal of others"
            }
            Guard::NotOwnWork => "非本人处置 not one's own handling",
        })
        .collect();
    listed(&names)
}

fn listed(names: &[&str]) -> String {
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
