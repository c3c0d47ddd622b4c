//! What can go wrong on a phone.

use gridlog_domain::id::RecordId;
use gridlog_domain::record::RecordError;
use gridlog_protocol::{ErrorBody, MAX_SEARCH_CHARACTERS, ProtocolError};

use crate::files::FileHash;
use crate::transport::TransportError;

/// Why a call did not do what it was asked.
///
/// No variant carries what a record says. A recording call that fails has written nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// SQLite failed: no space, a damaged file, or another process that kept the store locked.
    #[error("the store could not be read or written; check free space and try again")]
    Store(#[from] rusqlite::Error),
    /// The key does not open the store. The file was not touched.
    #[error("the key does not open this store; give the key it was made with")]
    WrongKey,
    /// A newer version of the app wrote the store. The file was not touched.
    #[error("the store has version {found}, this app knows up to {known}; update the app")]
    StoreNewer {
        /// Version of the store.
        found: i64,
        /// Newest version that this code knows.
        known: i64,
    },
    /// Something in the store is not what this code wrote.
    #[error("the store holds a {what} that cannot be read; send the diagnostics to your office")]
    StoreDamaged {
        /// What could not be read.
        what: &'static str,
    },
    /// The generation marker could not be read or written; see [`crate::GenerationMarker`].
    #[error("the generation marker could not be read or written; unlock the phone and try again")]
    Marker(#[source] std::io::Error),
    /// The system gave no thread for a watch.
    #[error("the system gave no thread to watch with; close other apps and try again")]
    NoThread(#[source] std::io::Error),
    /// Nobody enrolled this phone yet.
    #[error("this phone is not enrolled; enrol with signal first")]
    NotEnrolled,
    /// The store belongs to another person.
    #[error("this store belongs to another person; use a store of your own")]
    OtherPerson,
    /// The server that answered is not the one that this store enrolled with.
    #[error("another server answered; check the address")]
    OtherServer,
    /// No record of that id is here.
    #[error("record {record} is not on this phone; sync, or check the id")]
    UnknownRecord {
        /// The id asked for.
        record: RecordId,
    },
    /// No draft of that id is here.
    #[error("draft {draft} is not on this phone")]
    UnknownDraft {
        /// The id asked for.
        draft: crate::drafts::DraftId,
    },
    /// No refused item of that id is here.
    #[error("nothing of the id {item} needs you; it may be settled already")]
    UnknownItem {
        /// The id asked for.
        item: crate::needs_you::NeedsYouId,
    },
    /// The text names no revision of a record.
    #[error("that is no revision; give the one that the record's detail shows")]
    BadRevision,
    /// No area was named and the person walks none.
    #[error("name an area: you have no field assignment to take it from")]
    AreaNeeded,
    /// The record does not take the commands.
    #[error("record {record} does not take this: {source}")]
    Record {
        /// The record.
        record: RecordId,
        /// Why.
        #[source]
        source: Box<RecordError>,
    },
    /// The change would be refused by every server, for example because it is too large.
    #[error("record {record} cannot take so much at once ({code}); write less at a time")]
    NotSendable {
        /// The record.
        record: RecordId,
        /// The code that a server would refuse it with.
        code: &'static str,
    },
    /// The changes of a record do not make a document.
    #[error("record {record} cannot be opened ({code}); sync again, then tell your office")]
    Unopenable {
        /// The record.
        record: RecordId,
        /// The guard's code.
        code: String,
    },
    /// Nothing, or too much, was searched for. Nothing was sent.
    #[error(
        "search for 1 to {} characters, spaces around them aside",
        MAX_SEARCH_CHARACTERS
    )]
    BadSearch,
    /// A file is larger than the district allows. Nothing was stored.
    #[error("the file has {bytes} bytes, at most {limit} are allowed; make it smaller")]
    FileTooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A record holds as much as the district allows. Nothing was stored.
    #[error("the files of record {record} would be {bytes} bytes, at most {limit} are allowed")]
    RecordFull {
        /// The record.
        record: RecordId,
        /// What its files would have together.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A picture from which place and device cannot be taken out. Nothing was stored.
    #[error(
        "place and device cannot be taken out of this picture ({kind}); hand over a JPEG, or let the district's rules keep them"
    )]
    FileNotCleanable {
        /// What it is by its first bytes, as a media type.
        kind: &'static str,
    },
    /// A file holds nothing.
    #[error("the file is empty; take the photo again")]
    FileEmpty,
    /// The file that was named cannot be read.
    #[error("the file could not be read ({}); check its path and the app's permissions", .0.kind())]
    FileUnreadable(#[source] std::io::Error),
    /// The file that was named cannot be written.
    #[error("the file could not be written ({}); check its path and the app's permissions", .0.kind())]
    FileUnwritable(#[source] std::io::Error),
    /// There is no room on this phone. Nothing was stored.
    #[error("this phone is full; make room and try again")]
    DiskFull,
    /// The folder with the files of this phone failed.
    #[error("the files on this phone could not be read or written ({})", .0.kind())]
    FileStore(#[source] std::io::Error),
    /// What lies on this phone is not what was stored.
    #[error("file {file} on this phone is damaged; attach the photo again if you still have it")]
    FileDamaged {
        /// The file.
        file: FileHash,
    },
    /// No record on this phone has that file here.
    #[error("file {file} is not on this phone; fetch it, or check its name")]
    UnknownFile {
        /// The file asked for.
        file: FileHash,
    },
    /// Files are being sent already.
    #[error("files are being sent; wait for it or cancel it")]
    SendingFiles,
    /// A sync is running on this phone.
    #[error("a sync is running; wait for it or cancel it")]
    SyncRunning,
    /// The work was cancelled. What was exchanged until then is kept; a file is kept whole or not at all.
    #[error("it was cancelled; what was exchanged is kept")]
    Cancelled,
    /// An answer was given to a session that asked nothing.
    #[error("the session expects no answer; call next_request first")]
    NothingAsked,
    /// The request did not reach the server, or its answer did not come back.
    #[error("the server was not reached: {0}")]
    Transport(#[from] TransportError),
    /// The answer is not a page that this phone takes. Nothing of it was stored.
    #[error("the server's answer was not taken: {0}")]
    Protocol(#[from] ProtocolError),
    /// A signed page contradicts itself or the log that this phone knows. Nothing of it was stored.
    #[error("the server's page was not taken: {what}; tell your office")]
    BadPage {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The server's answer to an enrolment cannot be read.
    #[error("the server's answer to the enrolment is malformed: {what}")]
    BadEnrolment {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The server's answer to a question cannot be read.
    #[error("the server's answer to the {to} is malformed; try again, then tell your office")]
    BadAnswer {
        /// What was asked.
        to: &'static str,
    },
    /// The session has ended. Nothing on the phone is lost.
    #[error("sign in again; everything on this phone is kept")]
    SignInAgain,
    /// The server refused the request.
    #[error("the server refused ({status} {code}): {en}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's code.
        code: String,
        /// For a person, Chinese.
        zh: String,
        /// For a developer, English.
        en: String,
    },
    /// The server asked for a while of peace, and that is not over. Nothing was sent.
    #[error(
        "the server asked to be left alone for another {} s; nothing was sent, sync again then",
        seconds(*.retry_after_ms)
    )]
    AskedToWait {
        /// Until when, device time in milliseconds since the Unix epoch.
        until_ms: i64,
        /// For how long still, milliseconds.
        retry_after_ms: u64,
    },
    /// The server has no time now.
    #[error("{}; try again in {retry_after_ms} ms", .said.as_ref().map_or("the server is busy", |said| said.en.as_str()))]
    Busy {
        /// How long to wait, milliseconds.
        retry_after_ms: u64,
        /// What it said, if it is about this phone alone: that two of its requests are under way, or that it asks
        /// for too much.
        said: Option<Box<ErrorBody>>,
    },
}

impl PhoneError {
    /// A stable code for programs; that of the cause where the cause has one.
    pub fn code(&self) -> &str {
        match self {
            Self::Store(_) => "store_failed",
            Self::WrongKey => "wrong_key",
            Self::StoreNewer { .. } => "store_newer",
            Self::StoreDamaged { .. } => "store_damaged",
            Self::Marker(_) => "marker_failed",
            Self::NoThread(_) => "no_thread",
            Self::NotEnrolled => "not_enrolled",
            Self::OtherPerson => "other_person",
            Self::OtherServer => "other_server",
            Self::UnknownRecord { .. } => "unknown_record",
            Self::UnknownDraft { .. } => "unknown_draft",
            Self::UnknownItem { .. } => "unknown_item",
            Self::BadRevision => "bad_revision",
            Self::AreaNeeded => "area_needed",
            Self::Record { source, .. } => source.code(),
            Self::NotSendable { code, .. } => code,
            Self::Unopenable { .. } => "record_unopenable",
            Self::BadSearch => "bad_search",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::RecordFull { .. } => "record_full",
            Self::FileNotCleanable { .. } => "file_not_cleanable",
            Self::FileEmpty => "file_empty",
            Self::FileUnreadable(_) => "file_unreadable",
            Self::FileUnwritable(_) => "file_unwritable",
            Self::DiskFull => "disk_full",
            Self::FileStore(_) => "file_store_failed",
            Self::FileDamaged { .. } => "file_damaged",
            Self::UnknownFile { .. } => "unknown_file",
            Self::SendingFiles => "sending_files",
            Self::SyncRunning => "sync_running",
            Self::Cancelled => "cancelled",
            Self::NothingAsked => "nothing_asked",
            Self::Transport(cause) => cause.code(),
            Self::Protocol(cause) => cause.code(),
            Self::BadPage { .. } => "bad_page",
            Self::BadEnrolment { .. } => "bad_enrolment",
            Self::BadAnswer { .. } => "bad_answer",
            Self::SignInAgain => "sign_in_again",
            Self::Refused { code, .. } => code,
            Self::AskedToWait { .. } => "asked_to_wait",
            Self::Busy { said, .. } => said.as_ref().map_or("busy", |said| said.code.as_str()),
        }
    }

    /// What a worker reads, in Chinese.
    pub fn zh(&self) -> String {
        let text = match self {
            Self::Store(_) => "本机存储读写失败，请检查剩余空间后重试",
            Self::WrongKey => "密钥不正确，无法打开本机数据",
            Self::StoreNewer { .. } => "本机数据由新版本写入，请升级应用",
            Self::StoreDamaged { .. } => "本机数据有损坏，请联系社区管理员",
            Self::Marker(_) => "无法写入本机标记，请检查应用存储权限",
            Self::NoThread(_) => "系统资源不足，请关闭其他应用后重试",
            Self::NotEnrolled => "本机尚未登记，请在有信号时登录",
            Self::OtherPerson => "本机数据属于其他人员，不能换人登录",
            Self::OtherServer => "应答的不是登记时的服务器，请检查地址",
            Self::UnknownRecord { .. } => "本机没有这条记录，请先同步或核对编号",
            Self::UnknownDraft { .. } => "本机没有这份草稿",
            Self::UnknownItem { .. } => "没有这条待处理事项，可能已处理",
            Self::BadRevision => "版本标识有误，请重新打开记录",
            Self::AreaNeeded => "请选择所属区域",
            Self::Record { source, .. } => record_error_zh(source),
            Self::NotSendable { .. } => "一次写入的内容过多，请分几次填写",
            Self::Unopenable { .. } => "这条记录无法打开，请同步后重试",
            Self::BadSearch => {
                return format!("请输入 1 至 {MAX_SEARCH_CHARACTERS} 个字");
            }
            Self::FileTooLarge { bytes, limit } => {
                let (size, most) = (megabytes(*bytes), megabytes(*limit));
                return format!("文件 {size} MB，超过上限 {most} MB，请压缩后再添加");
            }
            Self::RecordFull { limit, .. } => {
                let most = megabytes(*limit);
                return format!("这条记录的照片总量超过 {most} MB，不能再添加");
            }
            Self::FileNotCleanable { .. } => "无法去除这张照片里的位置信息，请改用 JPEG 格式",
            Self::FileEmpty => "文件是空的，请重新拍摄",
            Self::FileUnreadable(_) => "读不到这个文件，请检查应用权限",
            Self::FileUnwritable(_) => "写不了这个文件，请检查应用权限",
            Self::DiskFull => "手机空间不足，未保存，请清理后重试",
            Self::FileStore(_) => "本机照片读写失败，请检查剩余空间后重试",
            Self::FileDamaged { .. } => "本机照片已损坏，如有原图请重新添加",
            Self::UnknownFile { .. } => "本机没有这张照片，请先下载",
            Self::SendingFiles => "正在上传照片，请稍候",
            Self::SyncRunning => "正在同步，请稍候",
            Self::Cancelled => "已取消，已传内容不会丢失",
            Self::NothingAsked => "没有等待应答的请求",
            Self::Transport(cause) => transport_error_zh(cause),
            Self::Protocol(_) | Self::BadPage { .. } | Self::BadAnswer { .. } => {
                "服务器应答有误，未采用，请联系管理员"
            }
            Self::BadEnrolment { .. } => "登录应答有误，请联系管理员",
            Self::SignInAgain => "登录已过期，请重新登录；本机内容都在",
            Self::Refused { zh, .. } => zh,
            Self::AskedToWait { retry_after_ms, .. } => {
                let seconds = seconds(*retry_after_ms);
                return format!("服务器要求稍候，请在 {seconds} 秒后再同步；内容都在本机");
            }
            Self::Busy { said, .. } => said
                .as_ref()
                .map_or("服务器繁忙，请稍后再试", |said| said.zh.as_str()),
        };
        text.to_owned()
    }
}

/// Megabytes with one digit behind the point, as phones show them.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10).div_ceil(1024 * 1024);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Whole seconds in which that time is over.
const fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1_000)
}

const fn transport_error_zh(error: &TransportError) -> &'static str {
    match error {
        TransportError::Unreachable { .. } | TransportError::TimedOut => {
            "连不上服务器，内容都在本机，有信号后再同步"
        }
        TransportError::AnswerTooLarge { .. } => "服务器的应答过大，未采用，请联系管理员",
        TransportError::BadAddress => "服务器地址格式不正确",
        TransportError::CannotListen => "当前网络方式不能保持同步，请定时同步",
    }
}

fn record_error_zh(error: &RecordError) -> &'static str {
    match error {
        RecordError::UnknownField { .. } => "没有这个字段",
        RecordError::WrongValue { .. } => "填写的内容不符合要求",
        RecordError::RequiredMissing { .. } => "必填项未填",
        RecordError::FieldSealed { .. } => "这一项建立后不能修改",
        RecordError::NotCreated | RecordError::NotARecord { .. } => "记录尚未建立",
        RecordError::AlreadyCreated => "记录已存在",
        RecordError::EntrySealed { .. } => "这一条写入后不能修改，请另写一条",
        RecordError::EntryEmpty => "请填写内容",
        RecordError::EntryTooLong { .. } => "内容过长，请缩短",
        RecordError::Deleted => "记录已删除",
        RecordError::NotEncodable => "数值有误，无法保存",
        RecordError::Automerge(_) => "记录无法写入",
    }
}
