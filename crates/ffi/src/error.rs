//! Errors as apps see them.

use gridlog_client_core::{InvalidHash, PhoneError};
use gridlog_domain::id::InvalidId;

use crate::host::HostError;

/// Why a call did not do what it was asked. A recording call that fails has written nothing.
///
/// There is one variant for each thing that an app can do about it. `code` is stable and is what
/// programs look at; `zh` is what a worker reads; `en` is for developers and logs. No text holds
/// what a record says. Codes become more with time, variants do not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum GridlogError {
    /// The store on this phone: its key, its file, its marker, or it is shut down.
    #[error("{en} ({code})")]
    Store {
        /// Stable.
        code: String,
        /// For the worker.
        zh: String,
        /// For developers.
        en: String,
    },
    /// Who the phone works for: nobody enrolled yet, somebody else did, or the session has ended.
    /// Show the sign-in.
    #[error("{en} ({code})")]
    SignIn {
        /// Stable.
        code: String,
        /// For the worker.
        zh: String,
        /// For developers.
        en: String,
    },
    /// What was asked for does not fit: an unknown id, a field that does not take the value.
    #[error("{en} ({code})")]
    Input {
        /// Stable.
        code: String,
        /// For the worker.
        zh: String,
        /// For developers.
        en: String,
    },
    /// Not now: no signal, a busy server, a sync that runs already. Nothing is lost; try later.
    #[error("{en} ({code})")]
    TryLater {
        /// Stable.
        code: String,
        /// For the worker.
        zh: String,
        /// For developers.
        en: String,
        /// How long the server asks to wait, milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The server refused, for example a wrong password, or its answer cannot be trusted.
    #[error("{en} ({code})")]
    Server {
        /// Stable.
        code: String,
        /// For the worker.
        zh: String,
        /// For developers.
        en: String,
    },
    /// The app cancelled it. What was exchanged until then is kept.
    #[error("{en} ({code})")]
    Cancelled {
        /// Stable.
        code: String,
        /// For the worker.
        zh: String,
        /// For developers.
        en: String,
    },
    /// A mistake in Gridlog. The store is as it was before the call, and goes on working.
    #[error("{en} ({code})")]
    Internal {
        /// Stable.
        code: String,
        /// For the worker.
        zh: String,
        /// For developers.
        en: String,
    },
}

impl GridlogError {
    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Store { code, .. }
            | Self::SignIn { code, .. }
            | Self::Input { code, .. }
            | Self::TryLater { code, .. }
            | Self::Server { code, .. }
            | Self::Cancelled { code, .. }
            | Self::Internal { code, .. } => code,
        }
    }

    /// Something panicked. What it said is not passed on, it could quote a record.
    pub(crate) fn panicked() -> Self {
        Self::Internal {
            code: "panicked".to_owned(),
            zh: "应用内部出错，已记录的内容不受影响，请联系社区管理员".to_owned(),
            en: "a mistake in Gridlog; what was recorded before is kept; send the log".to_owned(),
        }
    }

    /// The phone is shut down.
    pub(crate) fn shut_down() -> Self {
        Self::Store {
            code: "shut_down".to_owned(),
            zh: "本机数据已关闭，请重新打开应用".to_owned(),
            en: "this phone is shut down; open it again".to_owned(),
        }
    }

    /// The key that the app gave is not one.
    pub(crate) fn bad_key(bytes: usize) -> Self {
        Self::Store {
            code: "bad_key".to_owned(),
            zh: "本机密钥无效，请联系社区管理员".to_owned(),
            en: format!("the key store gave {bytes} bytes; a key has 32"),
        }
    }

    /// The app's key store did not give the key.
    pub(crate) fn no_key(error: &HostError) -> Self {
        Self::Store {
            code: "key_store_failed".to_owned(),
            zh: "暂时取不到本机密钥，请解锁手机后重试".to_owned(),
            en: format!("the key store gave no key: {error}"),
        }
    }

    /// The system gave no thread.
    pub(crate) fn no_thread() -> Self {
        Self::TryLater {
            code: "no_thread".to_owned(),
            zh: "系统资源不足，请关闭其他应用后重试".to_owned(),
            en: "the system gave no thread; close other apps and try again".to_owned(),
            retry_after_ms: None,
        }
    }

    /// A view that cannot be written as JSON.
    pub(crate) fn not_json() -> Self {
        Self::Internal {
            code: "not_json".to_owned(),
            zh: "记录无法显示，请联系社区管理员".to_owned(),
            en: "a record cannot be written as JSON".to_owned(),
        }
    }
}

impl From<InvalidId> for GridlogError {
    fn from(error: InvalidId) -> Self {
        Self::Input {
            code: "invalid_id".to_owned(),
            zh: "编号格式不正确".to_owned(),
            en: error.to_string(),
        }
    }
}

impl From<InvalidHash> for GridlogError {
    fn from(error: InvalidHash) -> Self {
        Self::Input {
            code: "invalid_file".to_owned(),
            zh: "照片编号格式不正确".to_owned(),
            en: error.to_string(),
        }
    }
}

impl From<PhoneError> for GridlogError {
    fn from(error: PhoneError) -> Self {
        use gridlog_client_core::TransportError;

        let (code, zh, en) = (error.code().to_owned(), error.zh(), error.to_string());
        match error {
            PhoneError::Store(_)
            | PhoneError::WrongKey
            | PhoneError::StoreNewer { .. }
            | PhoneError::StoreDamaged { .. }
            | PhoneError::Marker(_)
            | PhoneError::DiskFull
            | PhoneError::FileStore(_)
            | PhoneError::FileDamaged { .. }
            | PhoneError::Unopenable { .. } => Self::Store { code, zh, en },
            PhoneError::NotEnrolled | PhoneError::OtherPerson | PhoneError::SignInAgain => {
                Self::SignIn { code, zh, en }
            }
            PhoneError::UnknownRecord { .. }
            | PhoneError::UnknownDraft { .. }
            | PhoneError::UnknownItem { .. }
            | PhoneError::FileTooLarge { .. }
            | PhoneError::RecordFull { .. }
            | PhoneError::FileEmpty
            | PhoneError::FileNotCleanable { .. }
            | PhoneError::FileUnreadable(_)
            | PhoneError::FileUnwritable(_)
            | PhoneError::UnknownFile { .. }
            | PhoneError::BadRevision
            | PhoneError::BadSearch
            | PhoneError::AreaNeeded
            | PhoneError::Record { .. }
            | PhoneError::NotSendable { .. }
            | PhoneError::Transport(TransportError::BadAddress) => Self::Input { code, zh, en },
            PhoneError::Busy { retry_after_ms, .. }
            | PhoneError::AskedToWait { retry_after_ms, .. } => Self::TryLater {
                code,
                zh,
                en,
                retry_after_ms: Some(retry_after_ms),
            },
            PhoneError::Transport(_)
            | PhoneError::SyncRunning
            | PhoneError::SendingFiles
            | PhoneError::NoThread(_) => Self::TryLater {
                code,
                zh,
                en,
                retry_after_ms: None,
            },
            PhoneError::Refused { .. }
            | PhoneError::OtherServer
            | PhoneError::Protocol(_)
            | PhoneError::BadPage { .. }
            | PhoneError::BadAnswer { .. }
            | PhoneError::BadEnrolment { .. } => Self::Server { code, zh, en },
            PhoneError::Cancelled => Self::Cancelled { code, zh, en },
            // `NothingAsked` cannot come about here, and the engine may get errors that this
            // version of the surface has no better place for.
            _ => Self::Internal { code, zh, en },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_and_both_languages_cross_the_border() {
        let error = GridlogError::from(PhoneError::WrongKey);
        let GridlogError::Store { code, zh, en } = error else {
            panic!("{error:?}");
        };
        assert_eq!(code, "wrong_key");
        assert!(zh.contains("密钥") && en.contains("key"));
    }

    #[test]
    fn a_busy_server_says_how_long_to_wait() {
        let error = GridlogError::from(PhoneError::Busy {
            retry_after_ms: 700,
            said: None,
        });
        assert!(matches!(
            error,
            GridlogError::TryLater {
                retry_after_ms: Some(700),
                ..
            }
        ));
    }
}
