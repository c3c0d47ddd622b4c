//! Ids and words of the domain, and what a worker reads for them.
//!
//! An id crosses the border as text. A text that is no id is refused with
//! [`crate::GridlogError::Input`] and the code `invalid_id`.

use gridlog_client_core::Standing;
use gridlog_domain::id::{AreaCode, Department, DeviceId, EntryId, PersonId, RecordId};
use gridlog_domain::record::{Crs, Finding, Kind, PhotoRole};
use gridlog_domain::reference::{AreaLevel, LimitUnit, Role};
use gridlog_domain::workflow::{Stage, Step, TimerKind, Urgency};

use crate::error::GridlogError;

uniffi::custom_type!(RecordId, String, {
    remote,
    lower: |id| id.to_string(),
    try_lift: |text| Ok(text.parse::<RecordId>().map_err(GridlogError::from)?),
});
uniffi::custom_type!(EntryId, String, {
    remote,
    lower: |id| id.to_string(),
    try_lift: |text| Ok(text.parse::<EntryId>().map_err(GridlogError::from)?),
});
uniffi::custom_type!(DeviceId, String, {
    remote,
    lower: |id| id.to_string(),
    try_lift: |text| Ok(text.parse::<DeviceId>().map_err(GridlogError::from)?),
});
uniffi::custom_type!(PersonId, String, {
    remote,
    lower: |id| id.as_str().to_owned(),
    try_lift: |text| Ok(PersonId::new(text)),
});
uniffi::custom_type!(AreaCode, String, {
    remote,
    lower: |code| code.as_str().to_owned(),
    try_lift: |text| Ok(AreaCode::new(text)),
});
uniffi::custom_type!(Department, String, {
    remote,
    lower: |department| department.as_str().to_owned(),
    try_lift: |text| Ok(Department::new(text)),
});

/// The kinds of record.
#[uniffi::remote(Enum)]
pub enum Kind {
    /// 巡查: one walk through a grid.
    Patrol,
    /// 走访: one visit to a household or shop.
    Visit,
    /// 案卷: one reported problem.
    Case,
    /// 场所: a building, unit, household, shop or facility.
    Site,
    /// 联系人: a caller, a party, a resident.
    Contact,
}

/// Where a case stands. Only the log holds it, never the record.
#[uniffi::remote(Enum)]
pub enum Stage {
    /// 未上报: the record is in the log, nobody has reported it yet.
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

/// A workflow step.
#[uniffi::remote(Enum)]
pub enum Step {
    /// 上报
    Report,
    /// 自行处置
    SelfHandle,
    /// 要求核实
    AskVerify,
    /// 核实
    Verify,
    /// 受理
    Accept,
    /// 立案
    Register,
    /// 不予立案
    Reject,
    /// 派遣
    Dispatch,
    /// 转办
    Forward,
    /// 回退
    Return,
    /// 联合处置
    Join,
    /// 协办反馈
    FinishPart,
    /// 反馈
    Feedback,
    /// 核查通过
    CheckPass,
    /// 返工
    CheckFail,
    /// 结案
    Close,
    /// 强制结案
    ForceClose,
    /// 重办
    Reopen,
    /// 申请延期
    AskExtension,
    /// 准予延期
    GrantExtension,
    /// 不予延期
    DenyExtension,
    /// 申请挂账
    AskSuspension,
    /// 准予挂账
    GrantSuspension,
    /// 不予挂账
    DenySuspension,
    /// 恢复办理
    Resume,
    /// 催办
    Urge,
    /// 督办
    Supervise,
    /// 督办回复
    AnswerSupervision,
    /// 升级
    Escalate,
    /// 包案
    CaseLead,
    /// 吹哨
    Whistle,
    /// 响应
    Respond,
    /// 报到
    ReportIn,
    /// 哨应办结
    FinishCall,
    /// 评价
    RateCall,
    /// 启动调解
    BeginMediation,
    /// 调解
    Mediate,
    /// 达成协议
    Agree,
    /// 调解不成
    FailMediation,
    /// 协商
    Consult,
    /// 回访
    Callback,
    /// 申诉
    Appeal,
    /// 申诉复核
    ReviewAppeal,
    /// 重复件
    MarkDuplicate,
    /// 关联
    Link,
    /// 作废
    Void,
    /// 撤回
    Withdraw,
}

/// The level of an area, widest first.
#[uniffi::remote(Enum)]
pub enum AreaLevel {
    /// 区 district.
    District,
    /// 街道 street.
    Street,
    /// 社区 community.
    Community,
    /// 网格 grid.
    Grid,
}

/// How a limit is counted.
#[uniffi::remote(Enum)]
pub enum LimitUnit {
    /// Hours around the clock.
    UrgentHour,
    /// Hours within working hours on working days.
    WorkHour,
    /// Working days by the calendar.
    WorkDay,
    /// Calendar days.
    NaturalDay,
}

/// Where an own change, or the worst of a record's own changes, stands.
#[uniffi::remote(Enum)]
pub enum Standing {
    /// 已入卷: in the case log. Also a record without changes of one's own.
    InLog,
    /// 服务器已收到: durable on the server, not yet judged.
    Received,
    /// 待社区复核: durable; an office decides.
    Review,
    /// 等待前序内容: durable, but something that it builds on has not arrived.
    Waiting,
    /// 在本机: committed here, the server does not have it yet.
    OnThisPhone,
    /// 前面的修改被退回: it builds on something that was refused.
    Blocked,
    /// 被退回，需要您处理: refused twice; the words are kept here until the worker decides.
    NeedsYou,
    /// 已丢失: it was in the case log and left this phone; then an older backup of the server was put
    /// back.
    Lost,
}

/// The finding of one checklist item.
#[uniffi::remote(Enum)]
pub enum Finding {
    /// 正常
    Ok,
    /// 有问题
    Problem,
    /// 不适用
    NotApplicable,
}

/// What a photo shows.
#[uniffi::remote(Enum)]
pub enum PhotoRole {
    /// 近景
    Near,
    /// 远景
    Far,
    /// 处置前
    Before,
    /// 处置后
    After,
}

/// The reference system of raw coordinates. They are never converted silently.
#[uniffi::remote(Enum)]
pub enum Crs {
    /// GPS.
    Wgs84,
    /// 国测局坐标, used by most Chinese maps.
    Gcj02,
    /// 百度坐标.
    Bd09,
    /// 2000 国家大地坐标系.
    Cgcs2000,
}

/// What a person does in an area.
#[uniffi::remote(Enum)]
pub enum Role {
    /// 网格员 patrol worker.
    GridWorker,
    /// 副网格长 deputy grid lead.
    DeputyLead,
    /// 网格长 grid lead.
    GridLead,
    /// 受理员 acceptor: registers or rejects what is reported.
    Acceptor,
    /// 派遣员 dispatcher: gives a case to a department.
    Dispatcher,
    /// 处置人员 handler: acts for a department.
    Handler,
    /// 核查员 checker: looks at what was done.
    Checker,
    /// 值班长 duty officer: closes and voids cases, looks after the review list.
    DutyOfficer,
    /// 管理员 administrator: directory and accounts.
    Administrator,
}

/// What a worker reads for a standing, for example 已入卷.
#[uniffi::export]
pub fn standing_zh(standing: Standing) -> String {
    standing.zh().to_owned()
}

/// What a worker reads for a stage, for example 待受理.
#[uniffi::export]
pub fn stage_zh(stage: Stage) -> String {
    stage.zh().to_owned()
}

/// What a worker reads for a step, for example 上报.
#[uniffi::export]
pub fn step_zh(step: Step) -> String {
    step.zh().to_owned()
}

/// What a worker reads for a kind of record, for example 案卷.
#[uniffi::export]
pub fn kind_zh(kind: Kind) -> String {
    kind.zh().to_owned()
}

/// What a worker reads for how urgent a case is: 绿灯, 黄灯, 红灯, 超期 or 暂停计时.
#[uniffi::export]
pub fn urgency_zh(urgency: Urgency) -> String {
    urgency.zh().to_owned()
}

/// What a worker reads for what the clock did, for example 超期.
#[uniffi::export]
pub fn timer_zh(kind: TimerKind) -> String {
    kind.zh().to_owned()
}
