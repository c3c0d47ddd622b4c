//! Why a proposal is refused.

use serde::{Deserialize, Serialize};

/// Why a proposal is refused. The texts are what a worker reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The case stands elsewhere by now.
    WrongStage,
    /// The person has no role here that may take the step.
    NotYourRole,
    /// Another department has the case.
    NotYourDepartment,
    /// Only who handled a case may not check it.
    OwnWork,
    /// The step needs a reason.
    ReasonRequired,
    /// The step needs a result.
    ResultRequired,
    /// The step needs a minor class of the catalogue.
    UnknownCategory,
    /// The step needs a filing condition of that minor class.
    UnknownCondition,
    /// The step needs a department of the catalogue.
    UnknownDepartment,
    /// The proposal to withdraw is not the last accepted step.
    NothingToWithdraw,
    /// That step cannot be withdrawn.
    CannotWithdraw,
    /// The record is not a case.
    NotACase,
    /// The record is deleted.
    Deleted,
    /// The step needs yes or no.
    AnswerRequired,
    /// The step needs an amount of time.
    LimitRequired,
    /// The step needs a person.
    PersonRequired,
    /// The step needs another case, not this one.
    CaseRequired,
    /// The step needs a rating from 1 to 5.
    RatingRequired,
    /// The step needs a level of supervision from 1 to 3.
    LevelRequired,
    /// The step needs an area level above the one that has the case.
    NotHigher,
    /// The step needs a meeting with an agenda, people and a resolution.
    MeetingRequired,
    /// The step needs somebody who takes part.
    PeopleRequired,
    /// Something was asked for already, and nobody has answered.
    AlreadyAsked,
    /// Nobody has asked for that.
    NothingAsked,
    /// Nobody supervises the case.
    NotSupervised,
    /// That department was called already.
    AlreadyCalled,
    /// That department was not called, or has answered already.
    NotCalled,
    /// That department has not come to the place.
    NotReportedIn,
    /// That department takes part already.
    AlreadyJoined,
    /// That department does not take part, or has done its part.
    NotJoined,
    /// A department that takes part has not done its part.
    PartsOpen,
    /// There was an appeal already.
    AlreadyAppealed,
    /// There is no appeal, or it is decided.
    NoAppeal,
    /// The community does not take cases of that class.
    NotAdmitted,
    /// The person has reviewed the appeal, made it, or handled the case.
    NotYoursToReview,
}

impl RefusalReason {
    /// Every reason.
    pub const ALL: [Self; 35] = [
        Self::WrongStage,
        Self::NotYourRole,
        Self::NotYourDepartment,
        Self::OwnWork,
        Self::ReasonRequired,
        Self::ResultRequired,
        Self::UnknownCategory,
        Self::UnknownCondition,
        Self::UnknownDepartment,
        Self::NothingToWithdraw,
        Self::CannotWithdraw,
        Self::NotACase,
        Self::Deleted,
        Self::AnswerRequired,
        Self::LimitRequired,
        Self::PersonRequired,
        Self::CaseRequired,
        Self::RatingRequired,
        Self::LevelRequired,
        Self::NotHigher,
        Self::MeetingRequired,
        Self::PeopleRequired,
        Self::AlreadyAsked,
        Self::NothingAsked,
        Self::NotSupervised,
        Self::AlreadyCalled,
        Self::NotCalled,
        Self::NotReportedIn,
        Self::AlreadyJoined,
        Self::NotJoined,
        Self::PartsOpen,
        Self::AlreadyAppealed,
        Self::NoAppeal,
        Self::NotAdmitted,
        Self::NotYoursToReview,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        self.texts().0
    }

    /// The reason of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// What a worker reads, in Chinese.
    pub const fn zh(self) -> &'static str {
        self.texts().1
    }

    /// The same in English.
    pub const fn en(self) -> &'static str {
        self.texts().2
    }

    #[rustfmt::skip]
    const fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::WrongStage => ("wrong_stage", "案卷已处于其他环节", "the case has moved to another stage"),
            Self::NotYourRole => ("not_your_role", "您的岗位不能办理此步骤", "your role may not take this step"),
            Self::NotYourDepartment => ("not_your_department", "案卷不在您的部门", "another department has the case"),
            Self::OwnWork => ("own_work", "不能核查本人处置的案卷", "nobody checks their own handling"),
            Self::ReasonRequired => ("reason_required", "请填写理由", "say why"),
            Self::ResultRequired => ("result_required", "请填写处置结果", "say what was done"),
            Self::UnknownCategory => ("unknown_category", "请选择目录中的小类", "name a category of the catalogue"),
            Self::UnknownCondition => ("unknown_condition", "请选择该小类的立案条件", "name a filing condition of it"),
            Self::UnknownDepartment => ("unknown_department", "请选择目录中的部门", "name a department of the catalogue"),
            Self::NothingToWithdraw => ("nothing_to_withdraw", "该步骤不是最后一步，无法撤回", "that step is not the last one"),
            Self::CannotWithdraw => ("cannot_withdraw", "该步骤不能撤回", "that step cannot be withdrawn"),
            Self::NotACase => ("not_a_case", "只有案卷有办理环节", "only cases have steps"),
            Self::Deleted => ("deleted", "记录已删除", "the record is deleted"),
            Self::AnswerRequired => ("answer_required", "请选择是或否", "say yes or no"),
            Self::LimitRequired => ("limit_required", "请填写时限", "say how much time"),
            Self::PersonRequired => ("person_required", "请选择人员", "name a person"),
            Self::CaseRequired => ("case_required", "请选择另一件案卷", "name another case"),
            Self::RatingRequired => ("rating_required", "请按 1 至 5 分评价", "rate it from 1 to 5"),
            Self::LevelRequired => ("level_required", "请选择 1 至 3 级督办", "name a level from 1 to 3"),
            Self::NotHigher => ("not_higher", "请选择更高的层级", "name a level above the one that has the case"),
            Self::MeetingRequired => ("meeting_required", "请填写议题、参加人员与决议", "say what the meeting was about, who came and what it resolved"),
            Self::PeopleRequired => ("people_required", "请填写参加人员", "say who takes part"),
            Self::AlreadyAsked => ("already_asked", "已有申请待批", "something was asked for already"),
            Self::NothingAsked => ("nothing_asked", "没有待批的申请", "nobody has asked for that"),
            Self::NotSupervised => ("not_supervised", "案卷未被督办", "nobody supervises the case"),
            Self::AlreadyCalled => ("already_called", "该部门已被吹哨", "that department was called already"),
            Self::NotCalled => ("not_called", "您的部门未被吹哨，或已办理此步骤", "your department was not called, or has answered"),
            Self::NotReportedIn => ("not_reported_in", "您的部门尚未报到", "your department has not come to the place yet"),
            Self::AlreadyJoined => ("already_joined", "该部门已在联合处置中", "that department takes part already"),
            Self::NotJoined => ("not_joined", "您的部门未参加联合处置，或已办结", "your department does not take part, or has done its part"),
            Self::PartsOpen => ("parts_open", "协办部门尚未办结", "a department that takes part is not done"),
            Self::AlreadyAppealed => ("already_appealed", "该案卷已申诉过", "there was an appeal already"),
            Self::NoAppeal => ("no_appeal", "没有待复核的申诉", "there is no appeal to review"),
            Self::NotAdmitted => ("not_admitted", "该社区的准入清单不含此类事项", "the community's list does not admit this class"),
            Self::NotYoursToReview => ("not_yours_to_review", "您不能复核此申诉", "you may not review this appeal"),
        }
    }
}
