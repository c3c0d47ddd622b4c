//! The page of every code that an app can meet is equal to the code.
//!
//! One example of each error is turned into what crosses the border, so the page shows the very texts that a
//! screen gets. That none is missing is read from the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gridlog_client_core::{FileHash, PhoneError, TransportError, explain};
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::{Kind, RecordError};
use gridlog_protocol::{ErrorBody, ProtocolError, file_reason};

use crate::error::GridlogError;
use crate::host::HostError;

const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../mobile-bindings/codes.md"
);

/// Where codes are made that cross as they are, and where in them the codes stand.
const SOURCES: [(&str, &str); 5] = [
    (
        "client-core/src/error.rs",
        include_str!("../../client-core/src/error.rs"),
    ),
    (
        "client-core/src/transport.rs",
        include_str!("../../client-core/src/transport.rs"),
    ),
    (
        "domain/src/record/error.rs",
        include_str!("../../domain/src/record/error.rs"),
    ),
    (
        "protocol/src/error.rs",
        include_str!("../../protocol/src/error.rs"),
    ),
    ("ffi/src/error.rs", include_str!("error.rs")),
];

/// What a server says to phones itself; it comes as [`GridlogError::Server`] with the server's texts.
const OF_SERVER: [(&str, &str); 7] = [
    ("forbidden", "您的岗位无权进行此操作"),
    ("wrong_password", "工号或密码不正确"),
    ("too_many_attempts", "尝试次数过多，请稍候再试"),
    ("unknown_device", "此设备未注册，请重新注册"),
    (
        "too_many_devices",
        "登记的手机过多，请联系社区注销不用的手机",
    ),
    ("too_many_actors", "设备标识过多，请重新注册设备"),
    ("server_failed", "服务器出错，内容没有丢失"),
];
/// The same of a phone that does too much at once; it comes as [`GridlogError::TryLater`].
const OF_SERVER_LATER: [(&str, &str); 2] = [
    ("one_at_a_time", "本设备正在同步，请等待完成"),
    ("slow_down", "本设备请求过多，请稍候再试"),
];
/// What it says that does not get through to an app: for an office, or because the engine has an answer of its own.
const NOT_FOR_APPS: [&str; 6] = [
    "actor_taken",
    "bad_file",
    "busy",
    "not_found",
    "not_signed_in",
    "token_expired",
];
const SERVER: &str = include_str!("../../sync-server/src/web/error.rs");
/// What a phone says itself of an answer that no server of ours gave.
const OF_STRANGERS: (&str, &str) = ("no_gridlog_server", "该地址没有格志服务器应答");
const ENROLMENT: &str = include_str!("../../client-core/src/enrol.rs");

/// Where codes of photos are made: by the server, and by the phone that sends.
const OF_PHOTOS: [(&str, &str); 3] = [
    (
        "protocol/src/file_reason.rs",
        include_str!("../../protocol/src/file_reason.rs"),
    ),
    (
        "client-core/src/files/wire.rs",
        include_str!("../../client-core/src/files/wire.rs"),
    ),
    (
        "client-core/src/files/session.rs",
        include_str!("../../client-core/src/files/session.rs"),
    ),
];
const SERVER_FILES: &str = include_str!("../../sync-server/src/files/error.rs");

/// What is said of photos beside [`file_reason::REASONS`].
const ALSO_OF_PHOTOS: [&str; 7] = [
    "bad_answer",
    "file_damaged",
    "forbidden",
    "no_gridlog_server",
    "not_found",
    "record_erased",
    "server_failed",
];

/// What only a program that drives a session by hand meets.
const NEVER_HERE: [&str; 1] = ["nothing_asked"];

fn record() -> RecordId {
    RecordId::from_bytes([1; 16])
}

fn file() -> FileHash {
    "ab".repeat(32).parse().expect("that names a file")
}

fn io() -> std::io::Error {
    std::io::Error::other("example")
}

fn of_records() -> Vec<RecordError> {
    vec![
        RecordError::UnknownField {
            kind: Kind::Case,
            field: "titel".to_owned(),
        },
        RecordError::WrongValue {
            field: "title",
            expected: "a line of text".to_owned(),
        },
        RecordError::RequiredMissing {
            kind: Kind::Case,
            field: "title",
        },
        RecordError::FieldSealed { field: "category" },
        RecordError::NotCreated,
        RecordError::AlreadyCreated,
        RecordError::NotARecord { missing: "kind" },
        RecordError::EntrySealed {
            entry: EntryId::from_bytes([1; 16]),
        },
        RecordError::EntryEmpty,
        RecordError::EntryTooLong { bytes: 70_000 },
        RecordError::Deleted,
        RecordError::NotEncodable,
        RecordError::Automerge(automerge::AutomergeError::InvalidObjId(String::new())),
    ]
}

fn of_protocol() -> Vec<ProtocolError> {
    vec![
        ProtocolError::TooLarge { limit: 1_048_576 },
        ProtocolError::UnknownForm { form: 9 },
        ProtocolError::BadCompression,
        ProtocolError::Malformed { what: "page" },
        ProtocolError::UnsupportedVersion { version: 9 },
        ProtocolError::TooMany {
            what: "items",
            limit: 1_000,
        },
        ProtocolError::BadSignature { what: "page" },
        ProtocolError::WrongAnswer,
    ]
}

fn of_transport() -> Vec<TransportError> {
    vec![
        TransportError::Unreachable {
            reason: "no route".to_owned(),
        },
        TransportError::TimedOut,
        TransportError::AnswerTooLarge { limit: 1_048_576 },
        TransportError::BadAddress,
        TransportError::CannotListen,
    ]
}

/// What a server says to a phone that it sends away for a while.
fn said_busy((code, zh): (&str, &str)) -> PhoneError {
    PhoneError::Busy {
        retry_after_ms: 1_000,
        said: Some(Box::new(ErrorBody {
            code: code.to_owned(),
            zh: zh.to_owned(),
            en: "what the server said".to_owned(),
        })),
    }
}

fn of_phone() -> Vec<PhoneError> {
    vec![
        PhoneError::Store(rusqlite::Error::InvalidQuery),
        PhoneError::WrongKey,
        PhoneError::StoreNewer { found: 9, known: 4 },
        PhoneError::StoreDamaged { what: "row" },
        PhoneError::Marker(io()),
        PhoneError::Unopenable {
            record: record(),
            code: "guard".to_owned(),
        },
        PhoneError::NotEnrolled,
        PhoneError::OtherPerson,
        PhoneError::SignInAgain,
        PhoneError::UnknownRecord { record: record() },
        PhoneError::UnknownDraft {
            draft: EntryId::from_bytes([1; 16]),
        },
        PhoneError::UnknownItem {
            item: EntryId::from_bytes([1; 16]),
        },
        PhoneError::BadRevision,
        PhoneError::BadSearch,
        PhoneError::AreaNeeded,
        PhoneError::NotSendable {
            record: record(),
            code: "change_too_large",
        },
        PhoneError::SendingFiles,
        PhoneError::FileTooLarge {
            bytes: 60_000_000,
            limit: 50_000_000,
        },
        PhoneError::RecordFull {
            record: record(),
            bytes: 210_000_000,
            limit: 200_000_000,
        },
        PhoneError::FileEmpty,
        PhoneError::FileNotCleanable { kind: "image/heic" },
        PhoneError::FileUnreadable(io()),
        PhoneError::FileUnwritable(io()),
        PhoneError::DiskFull,
        PhoneError::FileStore(io()),
        PhoneError::FileDamaged { file: file() },
        PhoneError::UnknownFile { file: file() },
        PhoneError::SyncRunning,
        PhoneError::NoThread(io()),
        PhoneError::AskedToWait {
            until_ms: 0,
            retry_after_ms: 30_000,
        },
        PhoneError::Busy {
            retry_after_ms: 2_000,
            said: None,
        },
        PhoneError::OtherServer,
        PhoneError::BadPage { what: "a position" },
        PhoneError::BadAnswer { to: "search" },
        PhoneError::BadEnrolment { what: "the token" },
        PhoneError::Cancelled,
    ]
}

/// What the layer of each language says itself, as a library of another surface cannot be trusted with an error.
fn of_layers() -> GridlogError {
    GridlogError::Internal {
        code: "other_api".to_owned(),
        zh: "应用组件版本不一致，请重新安装应用".to_owned(),
        en: crate::version::refusal("12ab34cd", "56ef7890"),
    }
}
const LAYERS: [&str; 3] = [
    include_str!("../../../mobile-bindings/kotlin/src/main/kotlin/gridlog/Library.kt"),
    include_str!("../../../mobile-bindings/swift/Sources/Gridlog/Library.swift"),
    include_str!("../../../mobile-bindings/python/gridlog/__init__.py"),
];

fn of_border() -> Vec<GridlogError> {
    vec![
        GridlogError::shut_down(),
        GridlogError::bad_key(31),
        GridlogError::no_key(&HostError::Threw),
        GridlogError::panicked(),
        of_layers(),
        GridlogError::no_thread(),
        GridlogError::not_json(),
        "no id"
            .parse::<RecordId>()
            .expect_err("that is none")
            .into(),
        "..".parse::<FileHash>().expect_err("that is none").into(),
    ]
}

fn all() -> Vec<GridlogError> {
    let records = of_records().into_iter().map(|source| PhoneError::Record {
        record: record(),
        source: Box::new(source),
    });
    let phone = of_phone()
        .into_iter()
        .chain(of_transport().into_iter().map(PhoneError::from))
        .chain(of_protocol().into_iter().map(PhoneError::from))
        .chain(records);
    let mut all: Vec<GridlogError> = phone.map(GridlogError::from).collect();
    all.extend(of_border());
    all.extend(OF_SERVER_LATER.map(said_busy).map(GridlogError::from));
    all.extend(
        OF_SERVER
            .into_iter()
            .chain([OF_STRANGERS])
            .map(|(code, zh)| {
                PhoneError::Refused {
                    status: 400,
                    code: code.to_owned(),
                    zh: zh.to_owned(),
                    en: "what the server said".to_owned(),
                }
                .into()
            }),
    );
    all
}

/// The variant, what an app does about it, and its code with both texts.
fn row(error: &GridlogError) -> (&'static str, [&str; 3]) {
    match error {
        GridlogError::Store { code, zh, en } => ("Store", [code, zh, en]),
        GridlogError::SignIn { code, zh, en } => ("SignIn", [code, zh, en]),
        GridlogError::Input { code, zh, en } => ("Input", [code, zh, en]),
        GridlogError::TryLater { code, zh, en, .. } => ("TryLater", [code, zh, en]),
        GridlogError::Server { code, zh, en } => ("Server", [code, zh, en]),
        GridlogError::Cancelled { code, zh, en } => ("Cancelled", [code, zh, en]),
        GridlogError::Internal { code, zh, en } => ("Internal", [code, zh, en]),
    }
}

const VARIANTS: [(&str, &str); 7] = [
    (
        "Store",
        "本机数据：按提示处理，不要自动重试 The store on this phone: say what to do, do not retry by yourself.",
    ),
    ("SignIn", "显示登录页 Show the sign-in."),
    ("Input", "在输入处提示 Say it beside the input."),
    (
        "TryLater",
        "稍后自动重试，不打扰用户；`retry_after_ms` 说明多久以后 Try again later, quietly; `retry_after_ms` says when.",
    ),
    ("Server", "提示并停止重试 Show it, and stop retrying."),
    (
        "Cancelled",
        "不提示：是用户要求的 Show nothing: the worker asked for it.",
    ),
    ("Internal", "提示联系管理员，附日志 Ask to send the log."),
];

fn page() -> String {
    let mut page = String::from(
        "# 错误代码 Error codes\n\n\
         由代码生成，测试保证一致。`zh` 给用户看，`en` 给开发者；两者都随错误提供。其中的数字只是示例。步骤或修改被退回不是调用错误，\
         其代码见 [docs/codes.md](../docs/codes.md)。\n\n\
         Made from code; a test keeps this page equal to it. `zh` is what a screen shows a worker, `en` is for \
         developers;\nboth come with the error. Numbers in them are examples.\n\n\
         Why a proposal or a change was sent back is no error of a call; those codes are in \
         [docs/codes.md](../docs/codes.md).\n",
    );
    let mut tables: BTreeMap<&str, BTreeMap<String, [String; 2]>> = BTreeMap::new();
    for error in all() {
        let (variant, [code, zh, en]) = row(&error);
        let texts = [zh, en].map(|text| {
            text.replace(&record().to_string(), "…")
                .replace(&file().to_string(), "…")
        });
        tables
            .entry(variant)
            .or_default()
            .insert(code.to_owned(), texts);
    }
    for (variant, what) in VARIANTS {
        let _ = writeln!(
            page,
            "\n## `{variant}`\n\n{what}\n\n| `code` | `zh` | `en` |\n|---|---|---|"
        );
        for (code, [zh, en]) in &tables[variant] {
            let _ = writeln!(page, "| `{code}` | {zh} | {en} |");
        }
    }
    page.push_str(
        "\n## 照片 Photos\n\n\
         `FileProgress` 的 `code`、`zh`、`en`，以及取回照片或预览时的 `Server`。在照片旁显示 `zh`；`standing` 为 `NEEDS_YOU` 时由用户选择\
         重试（`retry_file`）或放弃（`give_up_file`），否则会自动继续。\n\n\
         What `code`, `zh` and `en` of a `FileProgress` say, and `Server` when a photo or its preview is fetched. \
         Show `zh` beside the photo.\nWhat `standing` says decides: in `NEEDS_YOU` the worker chooses between \
         `retry_file` and `give_up_file`, else it goes on by itself.\n\n\
         | `code` | `zh` | `en` |\n|---|---|---|\n",
    );
    for code in of_photos() {
        let (zh, en) = explain(code);
        let _ = writeln!(page, "| `{code}` | {zh} | {en} |");
    }
    page
}

fn of_photos() -> BTreeSet<&'static str> {
    let of_server = file_reason::REASONS.iter().map(|(code, _, _)| *code);
    of_server.chain(ALSO_OF_PHOTOS).collect()
}

#[test]
fn the_page_of_codes_is_what_the_code_says() {
    if std::env::var_os("GRIDLOG_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, page()).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(
        written,
        page(),
        "run GRIDLOG_WRITE_DOCS=1 cargo test -p gridlog-ffi codes"
    );
}

/// The words in `quotes` that look like a code.
fn codes_in(source: &str) -> impl Iterator<Item = &str> {
    let after = source.lines().filter_map(|line| {
        let line = line.trim();
        let of_match = line.split_once("=> \"").map(|(_, rest)| rest);
        let of_border = line.strip_prefix("code: \"");
        of_match.or(of_border)?.split('"').next()
    });
    after.filter(|word| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    })
}

#[test]
fn no_code_is_missing_from_the_page() {
    let page = page();
    for (file, source) in SOURCES {
        let mut found = 0;
        for code in codes_in(source).filter(|code| !NEVER_HERE.contains(code)) {
            assert!(page.contains(&format!("| `{code}` |")), "{file}: {code}");
            found += 1;
        }
        assert!(
            found >= 5,
            "{file}: its codes are no longer found where they were"
        );
    }
}

/// Every code that the server gives to requests that are not about files or of an office.
fn codes_of_the_server() -> BTreeSet<&'static str> {
    let (_, parts) = SERVER.split_once("fn parts").unwrap();
    let (parts, _) = parts.split_once("\nfn ").unwrap();
    let is_code = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    parts
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(is_code)
        .collect()
}

#[test]
fn what_the_server_says_to_phones_is_on_the_page_and_nothing_else() {
    let on_the_page = OF_SERVER.into_iter().chain(OF_SERVER_LATER);
    let mut accounted: BTreeSet<&str> = NOT_FOR_APPS.into();
    for (code, zh) in on_the_page {
        assert!(
            SERVER.contains(&format!("\"{zh}\"")),
            "the server says {code} otherwise"
        );
        accounted.insert(code);
    }
    assert_eq!(codes_of_the_server(), accounted);
    let (code, zh) = OF_STRANGERS;
    assert!(ENROLMENT.contains(&format!("\"{code}\"")) && ENROLMENT.contains(&format!("\"{zh}\"")));
}

#[test]
fn every_layer_refuses_another_library_in_the_words_of_the_page() {
    let error = of_layers();
    let (_, [code, zh, _]) = row(&error);
    for layer in LAYERS {
        assert!(layer.contains(&format!("\"{code}\"")) && layer.contains(&format!("\"{zh}\"")));
    }
}

/// The codes that a source about photos makes: constants, and what is said literally of a file.
fn photo_codes_in(source: &str) -> impl Iterator<Item = &str> {
    let made = ["pub const ", "=> \"", "refuse(\"", "trouble(\""];
    source.lines().filter_map(move |line| {
        let (_, rest) = made.iter().find_map(|made| line.split_once(made))?;
        let (_, word) = line.split_once(": &str = \"").unwrap_or(("", rest));
        let word = word.split('"').next()?;
        let is_code = |word: &str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        (!word.is_empty() && is_code(word)).then_some(word)
    })
}

#[test]
fn no_code_of_a_photo_is_missing_from_the_page() {
    let page = page();
    let (_, photos) = page.split_once("## 照片 Photos").unwrap();
    for ((file, source), least) in OF_PHOTOS.into_iter().zip([20, 8, 2]) {
        let mut found = 0;
        for code in photo_codes_in(source) {
            assert!(photos.contains(&format!("| `{code}` |")), "{file}: {code}");
            assert_ne!(explain(code), explain("a code of tomorrow"), "{code}");
            found += 1;
        }
        assert!(
            found >= least,
            "{file}: its codes are no longer found where they were"
        );
    }
    // The server's own errors take their codes from the protocol, but for one.
    let of_server = SERVER_FILES
        .lines()
        .filter(|line| line.contains("Self::") && line.contains("reason::"));
    let elsewhere: Vec<&str> = of_server
        .filter(|line| line.contains("gridlog_protocol::reason::"))
        .map(str::trim)
        .collect();
    assert_eq!(
        elsewhere,
        ["Self::Erased => gridlog_protocol::reason::ERASED,"]
    );
    assert_eq!(gridlog_protocol::reason::ERASED, "record_erased");
}

#[test]
fn every_error_says_in_chinese_what_a_worker_can_do() {
    for error in all() {
        let (_, [code, zh, en]) = row(&error);
        assert!(
            zh.chars().any(|c| ('一'..='龥').contains(&c)),
            "{code}: {zh}"
        );
        assert!(!en.is_empty(), "{code}");
    }
}
