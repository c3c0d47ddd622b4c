//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gridlog_client_core::Revision;
use gridlog_domain::record::{Crs, Finding, PhotoRole};

use crate::step_arguments::Propose;

/// 格志 Gridlog：终端里的一台手机。A phone in a terminal.
///
/// Everything but `enrol`, `sync`, `verify`, `fetch`, `search --online` and `demo` works without a server.
/// Records may be named by the first or the last four or more characters of their id.
#[derive(Debug, Parser)]
#[command(name = "gridlog", version)]
pub(crate) struct Arguments {
    /// 本机数据的文件夹。Where this phone keeps its store; default ~/.gridlog.
    #[arg(long, global = true, env = "GRIDLOG_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// 输出 JSON。Prints JSON instead of text, errors included.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 登录并登记本机（需要信号）。Signs in and makes this store a device.
    Enrol(Enrol),
    /// 巡查。Walks through a grid with a checklist.
    #[command(subcommand)]
    Patrol(Patrol),
    /// 走访。Records a visit; one where nobody was home is a valid visit.
    Visit(Visit),
    /// 上报案卷。Records a case and reports it.
    Report(Report),
    /// 草稿。Drafts stay on this phone.
    #[command(subcommand)]
    Draft(Draft),
    /// 修改记录。Edits fields of a record.
    Edit(Edit),
    /// 解决冲突。Ends a conflict: shows the values that lost and says which value stands.
    Resolve(Resolve),
    /// 批注。Comments on a record.
    Comment(Comment),
    /// 添加照片。Takes a photo into a record: cleaned of where and with what it was taken, kept encrypted here, and
    /// sent with the next sync.
    Attach(Attach),
    /// 照片。Lists the photos that were attached here, and where each stands.
    Photos {
        /// Only of this record.
        record: Option<String>,
    },
    /// 下载照片（需要信号）。Fetches a photo that a record refers to, and writes it to a file.
    Fetch(Fetch),
    /// 提出步骤。Proposes a workflow step; the server rules on it.
    Propose(Propose),
    /// 撤回。Takes back an accepted step of your own.
    Withdraw(Withdraw),
    /// 待办。What waits for you.
    Tasks,
    /// 列表。Lists records.
    List(List),
    /// 查看。Shows one record, its stage, its proposals and its conflicts.
    Show {
        /// The record.
        record: String,
    },
    /// 查找。Finds records by any part of their text.
    Search {
        /// One character or more.
        text: String,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// 联网查找（需要信号）。Asks the server, which also finds what left this phone.
        #[arg(long)]
        online: bool,
    },
    /// 被退回的内容。What was sent back and waits for your decision.
    #[command(subcommand)]
    NeedsYou(SentBack),
    /// 同步（需要信号）。Sends what is unsent and fetches what is new; then sends photos.
    Sync {
        /// The server's new address, kept from here on.
        #[arg(long, value_name = "URL")]
        server: Option<String>,
        /// 保持同步。Stays in sync until you end it: listens, and syncs whenever there is something.
        #[arg(long)]
        stay: bool,
        /// 不传照片。Leaves photos for another time.
        #[arg(long)]
        no_files: bool,
    },
    /// 核对（需要信号）。Syncs, compares every record with the server's, and mends what differs.
    Verify {
        /// Another address than the one that is kept.
        #[arg(long, value_name = "URL")]
        server: Option<String>,
    },
    /// 收录证明（需要信号）。Fetches what shows anybody that a record is in the log; `gridlog-verify record`
    /// checks it offline with nothing but the district's public key.
    Proof {
        /// The record.
        record: String,
        /// Where to write it; RECORD.proof.json if not given.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// 状态。Who this phone belongs to, whether everything is in the log, when it last synced.
    Status,
    /// 事项目录。Categories with their filing conditions and limits.
    Categories {
        /// Part of a name or code.
        text: Option<String>,
    },
    /// 街道名录。Writes the directory of a whole street, to load into a server of your own.
    Street {
        /// The folder for areas.csv and people.csv.
        #[arg(long, value_name = "DIR")]
        out: std::path::PathBuf,
        /// Everybody's password.
        #[arg(long)]
        password: String,
    },
    /// 演示：一条街道的一天。Plays one working day of a whole street; see `gridlog demo --help`.
    Demo,
    /// Comments on a record again and again, saying each time that it is recorded, until it is
    /// killed. The demo kills it in the middle of writing.
    #[command(hide = true)]
    Scribe {
        /// The record.
        record: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Enrol {
    /// The server, for example `https://grid.example`.
    pub(crate) server: String,
    /// Staff number (工号).
    pub(crate) person: String,
    /// Reads the password from standard input. Without it, it is taken from the environment
    /// variable GRIDLOG_PASSWORD or asked for.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// What you call this phone.
    #[arg(long, default_value = "终端 terminal")]
    pub(crate) device_name: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Patrol {
    /// 开始巡查。Begins a patrol and shows its checklist.
    Start {
        /// 路线 Where it leads.
        #[arg(long)]
        route: Option<String>,
        /// The grid; your own if not given.
        #[arg(long)]
        area: Option<String>,
    },
    /// 填写检查项。Enters what was found for one item.
    Inspect {
        /// The item's number in the checklist, or its text.
        item: String,
        /// What was found.
        #[arg(value_enum)]
        finding: FindingWord,
        /// 备注 Remarks.
        #[arg(long)]
        note: Option<String>,
        /// The patrol; your last unfinished one if not given.
        #[arg(long)]
        patrol: Option<String>,
    },
    /// 结束巡查。Ends the patrol.
    Finish {
        /// 巡查记事 Notes.
        #[arg(long)]
        notes: Option<String>,
        /// The patrol; your last unfinished one if not given.
        #[arg(long)]
        patrol: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum FindingWord {
    /// 正常
    Ok,
    /// 有问题
    Problem,
    /// 不适用
    NotApplicable,
}

impl From<FindingWord> for Finding {
    fn from(word: FindingWord) -> Self {
        match word {
            FindingWord::Ok => Self::Ok,
            FindingWord::Problem => Self::Problem,
            FindingWord::NotApplicable => Self::NotApplicable,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// 已见面
    Met,
    /// 无人在家
    NobodyHome,
    /// 拒绝走访
    Refused,
}

impl Outcome {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NobodyHome => "nobody_home",
            Self::Refused => "refused",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Visit {
    /// 走访结果 What became of it.
    #[arg(value_enum)]
    pub(crate) outcome: Outcome,
    /// 住户 Whom you visited.
    #[arg(long)]
    pub(crate) household: Option<String>,
    /// 走访事由 Why.
    #[arg(long)]
    pub(crate) purpose: Option<String>,
    /// 走访记事 Notes.
    #[arg(long)]
    pub(crate) notes: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The grid; your own if not given.
    #[arg(long)]
    pub(crate) area: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum CrsWord {
    /// GPS
    Wgs84,
    /// 国测局坐标
    Gcj02,
    /// 百度坐标
    Bd09,
    /// 2000 国家大地坐标系
    Cgcs2000,
}

impl From<CrsWord> for Crs {
    fn from(word: CrsWord) -> Self {
        match word {
            CrsWord::Wgs84 => Self::Wgs84,
            CrsWord::Gcj02 => Self::Gcj02,
            CrsWord::Bd09 => Self::Bd09,
            CrsWord::Cgcs2000 => Self::Cgcs2000,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PlaceArguments {
    /// 地址，由大到小，用 / 分隔。From wide to narrow, parted by slashes.
    #[arg(long)]
    pub(crate) address: Option<String>,
    /// 经度 Longitude, degrees.
    #[arg(long, requires = "lat", allow_negative_numbers = true)]
    pub(crate) lon: Option<f64>,
    /// 纬度 Latitude, degrees.
    #[arg(long, requires = "lon", allow_negative_numbers = true)]
    pub(crate) lat: Option<f64>,
    /// 坐标系 What the coordinates refer to; they are never converted.
    #[arg(long, value_enum, default_value = "wgs84")]
    pub(crate) crs: CrsWord,
}

/// What a case says.
#[derive(Debug, Args)]
pub(crate) struct CaseFields {
    /// 标题 One line.
    pub(crate) title: Option<String>,
    /// 小类代码 Minor class; see `gridlog categories`.
    pub(crate) category: Option<String>,
    /// 立案条件 The filing condition that you see fulfilled.
    #[arg(long)]
    pub(crate) condition: Option<String>,
    /// 情况描述 What is the matter.
    #[arg(long)]
    pub(crate) description: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The area; your own grid if not given.
    #[arg(long)]
    pub(crate) area: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) fields: CaseFields,
    /// Begins with what that draft holds, and discards it.
    #[arg(long)]
    pub(crate) draft: Option<String>,
    /// 只记录，不上报。Records the case without reporting it yet.
    #[arg(long)]
    pub(crate) record_only: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Draft {
    /// 保存草稿。Saves a draft of a case, incomplete ones too.
    Save {
        #[command(flatten)]
        fields: Box<CaseFields>,
        /// Replaces what that draft holds.
        #[arg(long)]
        draft: Option<String>,
    },
    /// 草稿列表。Lists drafts.
    List,
    /// 查看草稿。Shows one.
    Show {
        /// The draft.
        draft: String,
    },
    /// 丢弃草稿。Discards one.
    Discard {
        /// The draft.
        draft: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SentBack {
    /// 列表。Lists it with the reasons.
    List,
    /// 重写。Writes it once more; it goes out with the next sync.
    Retry {
        /// The item.
        item: String,
    },
    /// 放弃。Lets it go, for good.
    Dismiss {
        /// The item.
        item: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// The record.
    pub(crate) record: String,
    /// `field=value`, several at once; `place=` takes an address parted by slashes.
    #[arg(required = true, value_name = "FIELD=VALUE")]
    pub(crate) fields: Vec<String>,
    /// 所见版本 The revision that you saw, as `gridlog show` names it: what came in since then is kept beside
    /// your words as a conflict.
    #[arg(long, value_name = "REVISION")]
    pub(crate) shown: Option<Revision>,
}

#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// The record.
    pub(crate) record: String,
    /// The field in conflict, as `gridlog show` names it.
    pub(crate) place: String,
    /// The value that shall stand.
    pub(crate) value: String,
}

#[derive(Debug, Args)]
pub(crate) struct Comment {
    /// The record.
    pub(crate) record: String,
    /// What you say.
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum RoleWord {
    /// 近景
    Near,
    /// 远景
    Far,
    /// 处置前
    Before,
    /// 处置后
    After,
}

impl From<RoleWord> for PhotoRole {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Near => Self::Near,
            RoleWord::Far => Self::Far,
            RoleWord::Before => Self::Before,
            RoleWord::After => Self::After,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Attach {
    /// The record.
    pub(crate) record: String,
    /// The photo. It stays where it is.
    pub(crate) path: PathBuf,
    /// 拍的是什么 What it shows.
    #[arg(long, value_enum)]
    pub(crate) role: RoleWord,
    /// 大小上限 The largest file that this phone takes from now on, in bytes; 10 MiB at first.
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_bytes: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// The record.
    pub(crate) record: String,
    /// The photo's SHA-256, as the record names it.
    #[arg(value_name = "SHA256")]
    pub(crate) file: String,
    /// Where to write it; nothing may be there yet.
    pub(crate) out: PathBuf,
    /// 小图 Its preview instead.
    #[arg(long)]
    pub(crate) preview: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Withdraw {
    /// The case.
    pub(crate) record: String,
    /// The step to take back; your last accepted one if not given.
    pub(crate) proposal: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum KindWord {
    /// 巡查
    Patrol,
    /// 走访
    Visit,
    /// 案卷
    Case,
    /// 场所
    Site,
    /// 联系人
    Contact,
}

impl From<KindWord> for gridlog_domain::record::Kind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Patrol => Self::Patrol,
            KindWord::Visit => Self::Visit,
            KindWord::Case => Self::Case,
            KindWord::Site => Self::Site,
            KindWord::Contact => Self::Contact,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only of this kind.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<KindWord>,
    /// Only in this stage, for example reported.
    #[arg(long)]
    pub(crate) stage: Option<String>,
    /// Only with a conflict that nobody has resolved.
    #[arg(long)]
    pub(crate) conflicts: bool,
    /// At most so many, the newest first.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
