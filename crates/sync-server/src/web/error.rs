//! What a refused request gets: a status, a stable code, and words in both languages.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gridlog_protocol::{ErrorBody, ProtocolError, file_reason, reason};

use crate::exchange::ExchangeError;
use crate::files::FileError;
use crate::identity::{EnrolError, PasswordError, TokenError};
use crate::ingest::OfficeError;
use crate::store::StoreError;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No token, or one that does not count any more.
    #[error("sign in: {0}")]
    Token(#[from] TokenError),
    /// Person or password is wrong; it is not said which.
    #[error("wrong person or password")]
    WrongPassword,
    /// Too many wrong passwords for one person.
    #[error("too many attempts; wait a minute")]
    TooManyAttempts,
    /// The device of the token is not known here.
    #[error("the device is not enrolled here; enrol again")]
    UnknownDevice,
    /// The person's role does not allow it.
    #[error("your role does not allow this")]
    Forbidden,
    /// No such thing, or none that the person may see.
    #[error("{what} {id} does not exist or is not yours to see")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its id as given, cut to 64 characters.
        id: String,
    },
    /// The body does not fit.
    #[error("{0}")]
    Protocol(#[from] ProtocolError),
    /// The JSON or a parameter does not fit.
    #[error("{detail}")]
    BadRequest {
        /// A stable code.
        code: &'static str,
        /// What to change.
        detail: String,
    },
    /// A file of the directory has bad lines.
    #[error("{detail}")]
    BadFile {
        /// All problems, a line each.
        detail: String,
    },
    /// The device's actor cannot be taken.
    #[error("the actor belongs to another device; take a fresh one")]
    ActorTaken,
    /// The person has as many devices as anybody may have.
    #[error("you have {limit} phones enrolled; ask your office to revoke those you do not use")]
    TooManyDevices {
        /// How many.
        limit: usize,
    },
    /// The device has registered too many actors.
    #[error("the device has registered too many actors; enrol again")]
    TooManyActors,
    /// An office's wish is not carried out.
    #[error(transparent)]
    Office(OfficeError),
    /// All hands are full.
    #[error("the server is busy; try again in {wait_ms} ms")]
    Busy {
        /// How long to wait, milliseconds.
        wait_ms: u64,
    },
    /// The device has as many requests under way as it may.
    #[error("the device has requests under way already; wait for their answers")]
    OneAtATime,
    /// The device has asked for more than its share.
    #[error("the device asks for too much at once; try again in {wait_ms} ms")]
    SlowDown {
        /// How long to wait, milliseconds.
        wait_ms: u64,
    },
    /// A file is not taken, or not given.
    #[error(transparent)]
    File(FileError),
    /// The store failed.
    #[error("the server could not do it; nothing was lost")]
    Store(StoreError),
    /// Something failed that should not.
    #[error("the server could not do it; nothing was lost")]
    Internal,
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<FileError> for ApiError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Store(error) => Self::Store(error),
            other => Self::File(other),
        }
    }
}

impl From<OfficeError> for ApiError {
    fn from(error: OfficeError) -> Self {
        match error {
            OfficeError::Store(error) => Self::Store(error),
            OfficeError::Stopping => Self::Busy {
                wait_ms: WHILE_IT_STARTS_MS,
            },
            other => Self::Office(other),
        }
    }
}

impl From<EnrolError> for ApiError {
    fn from(error: EnrolError) -> Self {
        match error {
            EnrolError::ActorTaken => Self::ActorTaken,
            EnrolError::TooManyDevices { limit } => Self::TooManyDevices { limit },
            EnrolError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ExchangeError> for ApiError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Protocol(error) => Self::Protocol(error),
            ExchangeError::UnknownDevice => Self::UnknownDevice,
            ExchangeError::ActorTaken => Self::ActorTaken,
            ExchangeError::TooManyActors => Self::TooManyActors,
            ExchangeError::Damaged(_) => Self::Internal,
            ExchangeError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        Self::BadRequest {
            code: "bad_password",
            detail: error.to_string(),
        }
    }
}

/// How long a server that stops is away, if it starts again.
const WHILE_IT_STARTS_MS: u64 = 5_000;

/// How long somebody is sent away who has too much under way, or for whom the disk has no room, in seconds.
const UNTIL_THERE_IS_ROOM_S: u64 = 60;

/// What tus calls a checksum that does not fit; HTTP has no such status.
const CHECKSUM_MISMATCH: u16 = 460;

impl ApiError {
    /// When to come back, in whole seconds; `None` unless it is a matter of time.
    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Busy { wait_ms } | Self::SlowDown { wait_ms } => {
                Some(wait_ms.div_ceil(1_000).max(1))
            }
            Self::OneAtATime | Self::TooManyAttempts => Some(1),
            Self::File(FileError::TooMany | FileError::Full) => Some(UNTIL_THERE_IS_ROOM_S),
            _ => None,
        }
    }

    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Token(TokenError::Expired) => (
                StatusCode::UNAUTHORIZED,
                "token_expired",
                "登录已过期，请重新登录",
            ),
            Self::Token(_) => (StatusCode::UNAUTHORIZED, "not_signed_in", "请先登录"),
            Self::WrongPassword => (
                StatusCode::UNAUTHORIZED,
                "wrong_password",
                "工号或密码不正确",
            ),
            Self::TooManyAttempts => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                "尝试次数过多，请稍候再试",
            ),
            Self::UnknownDevice => (
                StatusCode::UNAUTHORIZED,
                "unknown_device",
                "此设备未注册，请重新注册",
            ),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "您的岗位无权进行此操作"),
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found", "不存在，或您无权查看"),
            Self::Protocol(error) => {
                let status = match error {
                    ProtocolError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                    _ => StatusCode::BAD_REQUEST,
                };
                (status, error.code(), "请求内容无法识别")
            }
            Self::BadRequest { code, .. } => (StatusCode::BAD_REQUEST, code, "请求内容有误"),
            Self::BadFile { .. } => (StatusCode::BAD_REQUEST, "bad_file", "文件中有错误的行"),
            Self::ActorTaken => (
                StatusCode::CONFLICT,
                "actor_taken",
                "设备标识已被占用，请更换后重试",
            ),
            Self::TooManyDevices { .. } => (
                StatusCode::CONFLICT,
                "too_many_devices",
                "登记的手机过多，请联系社区注销不用的手机",
            ),
            Self::TooManyActors => (
                StatusCode::CONFLICT,
                "too_many_actors",
                "设备标识过多，请重新注册设备",
            ),
            Self::Office(error) => office_parts(error),
            Self::File(error) => file_parts(error),
            Self::Busy { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "服务器繁忙，请稍候",
            ),
            Self::OneAtATime => (
                StatusCode::TOO_MANY_REQUESTS,
                "one_at_a_time",
                "本设备正在同步，请等待完成",
            ),
            Self::SlowDown { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "slow_down",
                "本设备请求过多，请稍候再试",
            ),
            Self::Store(_) | Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_failed",
                "服务器出错，内容没有丢失",
            ),
        }
    }
}

fn file_parts(error: &FileError) -> (StatusCode, &'static str, &'static str) {
    let Some(code) = error.code() else {
        return (
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_failed",
            "服务器出错，内容没有丢失",
        );
    };
    let words = file_reason::describe(code).or_else(|| reason::describe(code));
    (file_status(error), code, words.map_or("", |(zh, _)| zh))
}

fn file_status(error: &FileError) -> StatusCode {
    match error {
        FileError::BadUpload(_) | FileError::LengthChanged(_) => StatusCode::BAD_REQUEST,
        FileError::OutOfScope | FileError::Foreign => StatusCode::FORBIDDEN,
        FileError::Unknown | FileError::NotHere | FileError::NoPreview => StatusCode::NOT_FOUND,
        FileError::Cut => StatusCode::REQUEST_TIMEOUT,
        FileError::RecordUnknown | FileError::Offset(_) | FileError::TakenOver => {
            StatusCode::CONFLICT
        }
        FileError::Erased | FileError::Expired => StatusCode::GONE,
        FileError::Version => StatusCode::PRECONDITION_FAILED,
        FileError::TooLarge(_) | FileError::BeyondEnd(_) => StatusCode::PAYLOAD_TOO_LARGE,
        FileError::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        FileError::TooMany => StatusCode::TOO_MANY_REQUESTS,
        FileError::ChecksumWrong | FileError::HashWrong => {
            StatusCode::from_u16(CHECKSUM_MISMATCH).unwrap_or(StatusCode::BAD_REQUEST)
        }
        FileError::Full => StatusCode::INSUFFICIENT_STORAGE,
        FileError::Store(_) | FileError::Folder(_) | FileError::Objects(_) | FileError::Thread => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

fn office_parts(error: &OfficeError) -> (StatusCode, &'static str, &'static str) {
    match error {
        OfficeError::Record(error) => (StatusCode::BAD_REQUEST, error.code(), "内容不符合要求"),
        OfficeError::NotAdmitted(_) => (StatusCode::CONFLICT, "not_admitted", "内容未被采纳"),
        OfficeError::OutOfScope(_) => {
            (StatusCode::FORBIDDEN, "forbidden", "您的岗位无权进行此操作")
        }
        OfficeError::UnknownRecord(_) => {
            (StatusCode::NOT_FOUND, "not_found", "不存在，或您无权查看")
        }
        OfficeError::UnknownArea(_) => (
            StatusCode::BAD_REQUEST,
            "unknown_area",
            "区域不存在或已停用",
        ),
        OfficeError::NotWaiting(_) => (
            StatusCode::NOT_FOUND,
            "not_waiting",
            "该内容不在待处理清单中",
        ),
        OfficeError::CannotAdmit { .. } => (
            StatusCode::CONFLICT,
            "cannot_admit",
            "该内容无法采纳，只能不予采纳",
        ),
        OfficeError::DayClosed(_) => (
            StatusCode::CONFLICT,
            "day_closed",
            "当日已日结，如需更正请先撤销日结",
        ),
        OfficeError::DayOpen(_) => (StatusCode::CONFLICT, "day_open", "当日尚未日结"),
        OfficeError::Store(_) | OfficeError::Stopping | OfficeError::Failed => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_failed",
            "服务器出错，内容没有丢失",
        ),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, zh) = self.parts();
        if let Self::Store(error) = &self {
            tracing::error!(%error, "the store failed");
        }
        if let Self::File(error) = &self
            && error.code().is_none()
        {
            tracing::error!(%error, "files failed");
        }
        let body = ErrorBody {
            code: code.to_owned(),
            zh: zh.to_owned(),
            en: self.to_string(),
        };
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_s() {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A panic's payload may quote anything; it is dropped unread.
pub(super) fn response_to_panic() -> Response {
    tracing::error!("a request failed inside the server");
    ApiError::Internal.into_response()
}
