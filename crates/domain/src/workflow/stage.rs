//! Stages of a case.

use serde::{Deserialize, Serialize};

use crate::reference::Role;

/// Where a case stands. Only the log holds it, never the document.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// 未上报: the record is in the log, nobody has reported it yet.
    #[default]
    Unreported,
    /// 待受理: reported, waits for an acceptor.
    Reported,
    /// 待核实: somebody is to look whether it is so.
    Verifying,
    /// 已受理: accepted, waits to be registered.
    Accepted,
    /// 已立案: registered, waits for a dispatcher.
    Registered,
    /// 不予立案: rejected.
    Rejected,
    /// 处置中: dispatched to a department.
    Dispatched,
    /// 调解中: parties are heard.
    Mediating,
    /// 挂账: nothing can be done for now; it is on the problem list.
    Suspended,
    /// 待核查: the department has answered.
    Handled,
    /// 待结案: checked, waits for the duty officer.
    Checked,
    /// 已结案: closed.
    Closed,
    /// 自行处置: the worker dealt with it on the spot.
    SelfHandled,
    /// 已撤回: taken back by its reporter.
    Withdrawn,
    /// 已作废: void.
    Void,
    /// 重复件: another case is about the same; both are kept, one is counted.
    Duplicate,
}

impl Stage {
    /// Every stage, in the order of a case's life.
    pub const ALL: [Self; 16] = [
        Self::Unreported,
        Self::Reported,
        Self::Verifying,
        Self::Accepted,
        Self::Registered,
        Self::Rejected,
        Self::Dispatched,
        Self::Mediating,
        Self::Suspended,
        Self::Handled,
        Self::Checked,
        Self::Closed,
        Self::SelfHandled,
        Self::Withdrawn,
        Self::Void,
        Self::Duplicate,
    ];

    /// The stage's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreported => "unreported",
            Self::Reported => "reported",
            Self::Verifying => "verifying",
            Self::Accepted => "accepted",
            Self::Registered => "registered",
            Self::Rejected => "rejected",
            Self::Dispatched => "dispatched",
            Self::Mediating => "mediating",
            Self::Suspended => "suspended",
            Self::Handled => "handled",
            Self::Checked => "checked",
            Self::Closed => "closed",
            Self::SelfHandled => "self_handled",
            Self::Withdrawn => "withdrawn",
            Self::Void => "void",
            Self::Duplicate => "duplicate",
        }
    }

    /// The stage of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.code() == code)
    }

    /// Whether nobody has anything to do any more, unless the case is opened again.
    pub const fn is_over(self) -> bool {
        matches!(
            self,
            Self::Rejected
                | Self::Closed
                | Self::SelfHandled
                | Self::Withdrawn
                | Self::Void
                | Self::Duplicate
        )
    }

    /// Whose step moves a case on from here, as a rule: for whom it waits on a screen. Others may have steps
    /// of their own in it; see [`super::STEPS`].
    pub const fn waits_for(self) -> &'static [Role] {
        match self {
            Self::Reported | Self::Accepted => &[Role::Acceptor],
            Self::Verifying => &[
                Role::GridWorker,
                Role::DeputyLead,
                Role::GridLead,
                Role::Checker,
            ],
            Self::Registered => &[Role::Dispatcher],
            Self::Dispatched => &[Role::Handler],
            Self::Mediating => &[
                Role::GridWorker,
                Role::DeputyLead,
                Role::GridLead,
                Role::Dispatcher,
                Role::Handler,
            ],
            Self::Handled => &[Role::Checker],
            Self::Checked => &[Role::DutyOfficer],
            Self::Unreported
            | Self::Suspended
            | Self::Rejected
            | Self::Closed
            | Self::SelfHandled
            | Self::Withdrawn
            | Self::Void
            | Self::Duplicate => &[],
        }
    }

    /// The stage's name in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Unreported => "未上报",
            Self::Reported => "待受理",
            Self::Verifying => "待核实",
            Self::Accepted => "已受理",
            Self::Registered => "已立案",
            Self::Rejected => "不予立案",
            Self::Dispatched => "处置中",
            Self::Mediating => "调解中",
            Self::Suspended => "挂账",
            Self::Handled => "待核查",
            Self::Checked => "待结案",
            Self::Closed => "已结案",
            Self::SelfHandled => "自行处置",
            Self::Withdrawn => "已撤回",
            Self::Void => "已作废",
            Self::Duplicate => "重复件",
        }
    }
}
