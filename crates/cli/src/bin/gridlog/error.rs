//! What can go wrong on the command line, in words that say what to do next.

use std::path::PathBuf;

use gridlog_cli::street::StreetError;
use gridlog_client_core::PhoneError;
use serde_json::{Value, json};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The engine's own words.
    #[error("{0}")]
    Phone(#[from] PhoneError),
    /// The home folder cannot be found.
    #[error("there is no home folder; name one by --home or GRIDLOG_HOME")]
    NoHome,
    /// A file of the home folder cannot be read or written.
    #[error("{path} cannot be {what}: {source}; check the folder and its permissions")]
    File {
        /// The file.
        path: PathBuf,
        /// Read, written or created.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The key file is not one.
    #[error(
        "{path} is not a key file of 64 hex digits; the store cannot be opened without its key"
    )]
    BadKeyFile {
        /// The file.
        path: PathBuf,
    },
    /// No server is known.
    #[error("this phone knows no server; enrol first: gridlog enrol SERVER PERSON")]
    NoServer,
    /// A password is needed and cannot be asked for.
    #[error("a password is needed; give it by --password-stdin or GRIDLOG_PASSWORD")]
    NoPassword,
    /// A prefix that fits no record, draft or proposal.
    #[error("nothing here is named {text}; see `gridlog list`")]
    NothingNamed {
        /// What was typed.
        text: String,
    },
    /// A prefix that fits several.
    #[error("{text} fits {count} ids; type more of it")]
    Ambiguous {
        /// What was typed.
        text: String,
        /// How many.
        count: usize,
    },
    /// A prefix of fewer than four characters.
    #[error("{text} is too short for an id; type four characters or more")]
    TooShort {
        /// What was typed.
        text: String,
    },
    /// A field that the kind does not have.
    #[error("there is no field {field}; there are: {fields}")]
    UnknownField {
        /// What was typed.
        field: String,
        /// What there is.
        fields: String,
    },
    /// A value that its field does not take.
    #[error("{field} takes {expected}")]
    BadValue {
        /// The field.
        field: String,
        /// What it takes.
        expected: String,
    },
    /// An argument is missing.
    #[error("{what} is missing; {advice}")]
    Missing {
        /// What.
        what: &'static str,
        /// Where it comes from.
        advice: &'static str,
    },
    /// A category that the catalogue does not have.
    #[error("the catalogue has no category {code}; find it by: gridlog categories TEXT")]
    UnknownCategory {
        /// What was typed.
        code: String,
    },
    /// A filing condition that the category does not have.
    #[error("{category} has no filing condition {condition}; it has: {conditions}")]
    UnknownCondition {
        /// The category.
        category: String,
        /// What was typed.
        condition: String,
        /// What there is.
        conditions: String,
    },
    /// A checklist item that the template does not have.
    #[error("the checklist has no item {item}; it has {count}{}", if *count == 0 { ": sync first" } else { "" })]
    UnknownItem {
        /// What was typed.
        item: String,
        /// How many it has.
        count: usize,
    },
    /// A place that is not in conflict.
    #[error("{place} is not in conflict; see `gridlog show` for what is")]
    NoConflict {
        /// What was typed.
        place: String,
    },
    /// No patrol is under way.
    #[error("no patrol of yours is under way; begin one: gridlog patrol start")]
    NoPatrol,
    /// Nothing of one's own can be withdrawn.
    #[error("no accepted step of yours is the last one of this case; nothing to withdraw")]
    NothingToWithdraw,
    /// The data that came with this program is damaged.
    #[error("{0}")]
    Street(#[from] StreetError),
    /// The demo could not go on.
    #[error("{en}")]
    Demo {
        /// Stable.
        code: &'static str,
        /// For a person, Chinese.
        zh: String,
        /// For a developer, English.
        en: String,
    },
}

impl CliError {
    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Phone(error) => error.code(),
            Self::NoHome => "no_home",
            Self::File { .. } => "file",
            Self::BadKeyFile { .. } => "bad_key_file",
            Self::NoServer => "no_server",
            Self::NoPassword => "no_password",
            Self::NothingNamed { .. } => "nothing_named",
            Self::Ambiguous { .. } => "ambiguous",
            Self::TooShort { .. } => "too_short",
            Self::UnknownField { .. } => "unknown_field",
            Self::BadValue { .. } => "bad_value",
            Self::Missing { .. } => "missing",
            Self::UnknownCategory { .. } => "unknown_category",
            Self::UnknownCondition { .. } => "unknown_condition",
            Self::UnknownItem { .. } => "unknown_item",
            Self::NoConflict { .. } => "no_conflict",
            Self::NoPatrol => "no_patrol",
            Self::NothingToWithdraw => "nothing_to_withdraw",
            Self::Street(error) => error.code(),
            Self::Demo { code, .. } => code,
        }
    }

    /// What a person reads, in Chinese.
    pub(crate) fn zh(&self) -> String {
        match self {
            Self::Phone(error) => error.zh(),
            Self::NoHome => "找不到主目录，请用 --home 或 GRIDLOG_HOME 指定".to_owned(),
            Self::File { path, .. } => {
                format!("文件 {} 读写失败，请检查目录和权限", path.display())
            }
            Self::BadKeyFile { path } => {
                format!(
                    "{} 不是有效的密钥文件，没有密钥无法打开本机数据",
                    path.display()
                )
            }
            Self::NoServer => "本机还不知道服务器，请先登录：gridlog enrol 服务器 工号".to_owned(),
            Self::NoPassword => {
                "需要密码，请用 --password-stdin 或 GRIDLOG_PASSWORD 提供".to_owned()
            }
            Self::NothingNamed { text } => format!("本机没有 {text}，请用 gridlog list 查看"),
            Self::Ambiguous { text, count } => {
                format!("{text} 对应 {count} 个编号，请多输入几位")
            }
            Self::TooShort { text } => format!("{text} 太短，编号至少输入四位"),
            Self::UnknownField { field, fields } => format!("没有字段 {field}，可用：{fields}"),
            Self::BadValue { field, .. } => format!("字段 {field} 的内容不符合要求"),
            Self::Missing { what, .. } => format!("缺少 {what}"),
            Self::UnknownCategory { code } => {
                format!("目录中没有小类 {code}，请用 gridlog categories 查找")
            }
            Self::UnknownCondition {
                category,
                condition,
                conditions,
            } => format!("小类 {category} 没有立案条件 {condition}，可用：{conditions}"),
            Self::UnknownItem { count: 0, .. } => {
                "本机还没有检查清单，请先同步：gridlog sync".to_owned()
            }
            Self::UnknownItem { item, count } => {
                format!("检查清单没有 {item}，共 {count} 项")
            }
            Self::NoConflict { place } => format!("{place} 没有冲突，请用 gridlog show 查看"),
            Self::NoPatrol => "没有进行中的巡查，请先 gridlog patrol start".to_owned(),
            Self::NothingToWithdraw => "没有可撤回的步骤：您的步骤不是该案卷的最后一步".to_owned(),
            Self::Street(_) => "随程序提供的数据已损坏，请重新安装".to_owned(),
            Self::Demo { zh, .. } => zh.clone(),
        }
    }

    /// `{"error":{code,zh,en}}`.
    pub(crate) fn json(&self) -> Value {
        json!({ "error": { "code": self.code(), "zh": self.zh(), "en": self.to_string() } })
    }
}
