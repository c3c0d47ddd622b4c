//! The ways that matters take: for each kind of matter, who takes which step in turn.
//!
//! `data/matters.json` names such a way for each of its matters. A way is an example that a street can
//! follow, not a rule: what is allowed is in [`super::STEPS`] alone. `docs/paths.md` is made from
//! [`PATHS`], and a test keeps the two equal.

use std::fmt::Write as _;

use super::step::Step;
use crate::channel::Channel;
use crate::reference::Role;

/// One step on the way, by somebody with this role.
pub type Walked = (Step, Role);

/// The way that a kind of matter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// Its code, as `data/matters.json` names it.
    pub code: &'static str,
    /// Its name in Chinese.
    pub zh: &'static str,
    /// What is special about it.
    pub about: &'static str,
    /// By which way it comes in.
    pub channel: Channel,
    /// Who does what, in order.
    pub steps: &'static [Walked],
}

impl Path {
    /// The way of that code.
    pub fn from_code(code: &str) -> Option<&'static Self> {
        PATHS.iter().find(|path| path.code == code)
    }
}

const REPORT: Walked = (Step::Report, Role::GridWorker);
const TAKEN_IN: Walked = (Step::Report, Role::Acceptor);
const ACCEPT: Walked = (Step::Accept, Role::Acceptor);
const REGISTER: Walked = (Step::Register, Role::Acceptor);
const DISPATCH: Walked = (Step::Dispatch, Role::Dispatcher);
const FEEDBACK: Walked = (Step::Feedback, Role::Handler);
const CHECK: Walked = (Step::CheckPass, Role::Checker);
const CLOSE: Walked = (Step::Close, Role::DutyOfficer);
const CALLBACK: Walked = (Step::Callback, Role::Acceptor);

/// Every way.
pub const PATHS: &[Path] = &[
    Path {
        code: "report",
        zh: "上报处置",
        about: "A worker finds it, a department deals with it, somebody else checks.",
        channel: Channel::Worker,
        steps: &[REPORT, ACCEPT, REGISTER, DISPATCH, FEEDBACK, CHECK, CLOSE],
    },
    Path {
        code: "dispatch",
        zh: "派遣处置",
        about: "It is verified on the spot first, and sent to the department whose matter it is; one that \
                it is not for sends it back.",
        channel: Channel::Worker,
        steps: &[
            REPORT,
            (Step::AskVerify, Role::Acceptor),
            (Step::Verify, Role::GridWorker),
            REGISTER,
            DISPATCH,
            (Step::Return, Role::Handler),
            DISPATCH,
            FEEDBACK,
            CHECK,
            CLOSE,
        ],
    },
    Path {
        code: "self_handle",
        zh: "自行处置",
        about: "The worker deals with it at once; nobody else is needed.",
        channel: Channel::Worker,
        steps: &[(Step::SelfHandle, Role::GridWorker)],
    },
    Path {
        code: "urgent",
        zh: "紧急处置",
        about: "The limit is in hours around the clock; it is urged and supervised from the beginning.",
        channel: Channel::Worker,
        steps: &[
            REPORT,
            REGISTER,
            DISPATCH,
            (Step::Urge, Role::DutyOfficer),
            (Step::Supervise, Role::DutyOfficer),
            (Step::AnswerSupervision, Role::Handler),
            FEEDBACK,
            CHECK,
            CLOSE,
        ],
    },
    Path {
        code: "escalate",
        zh: "逐级升级",
        about: "The grid cannot solve it: from the community to the street, which puts it on the problem list \
                until there is money or a plan.",
        channel: Channel::Worker,
        steps: &[
            REPORT,
            REGISTER,
            (Step::Escalate, Role::GridLead),
            DISPATCH,
            (Step::AskSuspension, Role::Handler),
            (Step::GrantSuspension, Role::DutyOfficer),
            (Step::Resume, Role::DutyOfficer),
            (Step::AskExtension, Role::Handler),
            (Step::GrantExtension, Role::DutyOfficer),
            FEEDBACK,
            CHECK,
            CLOSE,
        ],
    },
    Path {
        code: "joint",
        zh: "联合处置",
        about: "One department leads, others take part; it is handled once each has done its part.",
        channel: Channel::Worker,
        steps: &[
            REPORT,
            REGISTER,
            DISPATCH,
            (Step::Join, Role::Dispatcher),
            (Step::FinishPart, Role::Handler),
            FEEDBACK,
            CHECK,
            CLOSE,
        ],
    },
    Path {
        code: "four_step",
        zh: "四步工作法：居民提题、社区出题、部门答题、群众评题",
        about: "The street whistles, the department answers, comes and finishes, and is rated.",
        channel: Channel::Worker,
        steps: &[
            REPORT,
            REGISTER,
            DISPATCH,
            (Step::Whistle, Role::Dispatcher),
            (Step::Respond, Role::Handler),
            (Step::ReportIn, Role::Handler),
            (Step::FinishCall, Role::Handler),
            (Step::RateCall, Role::Dispatcher),
            FEEDBACK,
            CHECK,
            CALLBACK,
            CLOSE,
        ],
    },
    Path {
        code: "mediate",
        zh: "矛盾调解",
        about: "The parties are heard, as often as it takes, until they agree.",
        channel: Channel::Worker,
        steps: &[
            REPORT,
            REGISTER,
            (Step::BeginMediation, Role::GridLead),
            (Step::Mediate, Role::GridLead),
            (Step::Mediate, Role::GridLead),
            (Step::Agree, Role::GridLead),
            CHECK,
            CALLBACK,
            CLOSE,
        ],
    },
    Path {
        code: "case_lead",
        zh: "领导包案",
        about: "A repeated petition: linked with the others, and a leader answers for it.",
        channel: Channel::Petition,
        steps: &[
            TAKEN_IN,
            REGISTER,
            (Step::Link, Role::Acceptor),
            (Step::CaseLead, Role::DutyOfficer),
            DISPATCH,
            FEEDBACK,
            CHECK,
            CALLBACK,
            CLOSE,
        ],
    },
    Path {
        code: "hotline",
        zh: "12345热线",
        about: "It comes with the hotline's number, is answered at once, and the caller is asked in the end.",
        channel: Channel::Hotline,
        steps: &[
            TAKEN_IN, ACCEPT, REGISTER, DISPATCH, FEEDBACK, CHECK, CALLBACK, CLOSE,
        ],
    },
    Path {
        code: "petition",
        zh: "网络问政",
        about: "Like the hotline, in writing; what is the same as another one is linked to it.",
        channel: Channel::Petition,
        steps: &[
            TAKEN_IN,
            ACCEPT,
            REGISTER,
            (Step::Link, Role::Acceptor),
            DISPATCH,
            FEEDBACK,
            CHECK,
            CALLBACK,
            CLOSE,
        ],
    },
    Path {
        code: "referral",
        zh: "110分流",
        about: "The police pass on what is none of theirs; the community's mediator takes it up.",
        channel: Channel::Referral,
        steps: &[
            TAKEN_IN,
            REGISTER,
            DISPATCH,
            (Step::BeginMediation, Role::Dispatcher),
            (Step::Mediate, Role::GridLead),
            (Step::Agree, Role::GridLead),
            CHECK,
            CLOSE,
        ],
    },
    Path {
        code: "quick_report",
        zh: "快递外卖快报",
        about: "A courier says where and what, with one photo; a worker verifies it.",
        channel: Channel::Courier,
        steps: &[
            TAKEN_IN,
            (Step::AskVerify, Role::Acceptor),
            (Step::Verify, Role::GridWorker),
            REGISTER,
            DISPATCH,
            FEEDBACK,
            CHECK,
            CLOSE,
        ],
    },
    Path {
        code: "consult",
        zh: "协商议事",
        about: "Residents, owners and offices meet; what they resolve is carried out by a department.",
        channel: Channel::Worker,
        steps: &[
            REPORT,
            ACCEPT,
            REGISTER,
            (Step::Consult, Role::GridLead),
            DISPATCH,
            FEEDBACK,
            CHECK,
            CALLBACK,
            CLOSE,
        ],
    },
    Path {
        code: "appeal",
        zh: "申诉复核",
        about: "It was closed, and the department disagrees; two people who did not handle it review that.",
        channel: Channel::Worker,
        steps: &[
            REPORT,
            REGISTER,
            DISPATCH,
            FEEDBACK,
            CHECK,
            CLOSE,
            (Step::Appeal, Role::Handler),
            (Step::ReviewAppeal, Role::Checker),
            (Step::ReviewAppeal, Role::DutyOfficer),
        ],
    },
    Path {
        code: "micro_project",
        zh: "民生微实事",
        about: "For now an ordinary case of its category.",
        channel: Channel::Worker,
        steps: &[REPORT, ACCEPT, REGISTER, DISPATCH, FEEDBACK, CHECK, CLOSE],
    },
    Path {
        code: "wish",
        zh: "微心愿",
        about: "For now an ordinary case of its category; whoever wished is asked in the end.",
        channel: Channel::Worker,
        steps: &[
            REPORT, ACCEPT, REGISTER, DISPATCH, FEEDBACK, CHECK, CALLBACK, CLOSE,
        ],
    },
    Path {
        code: "order",
        zh: "群众点单",
        about: "For now an ordinary case of its category.",
        channel: Channel::Worker,
        steps: &[
            REPORT, ACCEPT, REGISTER, DISPATCH, FEEDBACK, CHECK, CALLBACK, CLOSE,
        ],
    },
    Path {
        code: "errand",
        zh: "为民代办",
        about: "For now an ordinary case of its category; the worker does it.",
        channel: Channel::Worker,
        steps: &[(Step::SelfHandle, Role::GridWorker)],
    },
];

/// The ways as Markdown; `docs/paths.md` holds exactly this.
pub fn paths_markdown() -> String {
    let mut page = String::from(
        "# The ways that matters take\n\n\
         Made from `gridlog_domain::workflow::PATHS`; a test keeps this page equal to it, and another walks\n\
         every matter of `data/matters.json` along its way. A way is an example: what is allowed is in\n\
         [workflow](workflow.md).\n",
    );
    for path in PATHS {
        let steps: Vec<String> = path
            .steps
            .iter()
            .map(|(step, role)| format!("{} `{}`（{}）", step.zh(), step.code(), role.zh()))
            .collect();
        // Writing into a String cannot fail.
        let _ = write!(
            page,
            "\n## {} `{}`\n\n{} Comes in by {} `{}`.\n\n{}\n",
            path.zh,
            path.code,
            path.about,
            path.channel.zh(),
            path.channel.code(),
            steps.join(" → "),
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_about_ways_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/paths.md");
        if std::env::var_os("GRIDLOG_WRITE_DOCS").is_some() {
            std::fs::write(path, paths_markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            page,
            paths_markdown(),
            "run GRIDLOG_WRITE_DOCS=1 cargo test -p gridlog-domain"
        );
    }
}
