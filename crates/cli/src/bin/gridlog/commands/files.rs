//! `gridlog attach`, `gridlog photos`, `gridlog fetch`, and what `gridlog sync` says of files.

use std::path::Path;

use gridlog_client_core::{
    FileHash, FileProgress, FileReport, FileRules, FileStanding, HttpTransport, Phone, PhoneError,
    SendOptions, Status,
};
use gridlog_domain::record::PhotoRole;
use serde_json::json;

use super::sync::reach;
use crate::answer::{Answer, Table};
use crate::arguments::{Attach, Fetch};
use crate::error::CliError;
use crate::home::Home;
use crate::ids;

/// Takes a photo into a record.
pub(super) fn attach(phone: &Phone, arguments: &Attach) -> Result<Answer, CliError> {
    let record = ids::record(phone, &arguments.record)?;
    if let Some(max_file_bytes) = arguments.max_bytes {
        let rules = phone.file_rules()?;
        phone.set_file_rules(FileRules {
            max_file_bytes,
            max_record_bytes: rules.max_record_bytes.max(max_file_bytes),
            ..rules
        })?;
    }
    let role = PhotoRole::from(arguments.role);
    let attached = phone.attach(record, &arguments.path, role)?;
    let note = match attached.is_clean {
        true => "",
        false => {
            "这种文件看不懂，其中的位置等信息没有去除 nothing was taken out of this kind of file\n"
        }
    };
    let text = format!(
        "照片已存入本机 photo kept on this phone  {}  {}\n{note}",
        ids::short(&record),
        attached.sha256,
    );
    Ok(Answer::new(
        json!({ "record": record, "attached": attached }),
        text,
    ))
}

/// Lists the photos that were attached here.
pub(super) fn photos(phone: &Phone, record: Option<&str>) -> Result<Answer, CliError> {
    let record = record.map(|text| ids::record(phone, text)).transpose()?;
    let photos = phone.files(record)?;
    let text = match photos.is_empty() {
        true => "本机没有添加过照片 no photos were attached here\n".to_owned(),
        false => table(&photos),
    };
    Ok(Answer::new(json!({ "photos": photos }), text))
}

/// Fetches a photo and writes it to a file.
pub(super) fn fetch(home: &Home, phone: &Phone, arguments: &Fetch) -> Result<Answer, CliError> {
    let record = ids::record(phone, &arguments.record)?;
    let file: FileHash = arguments.file.parse().map_err(|_| CliError::BadValue {
        field: "SHA256".to_owned(),
        expected: "64 lower-case hex digits".to_owned(),
    })?;
    let (_, transport) = reach(home, None)?;
    if arguments.preview {
        let small = phone.fetch_preview(&transport, record, file)?;
        write(&arguments.out, &small)?;
    } else {
        phone.fetch_file(&transport, record, file)?;
        phone.export_attachment(file, &arguments.out)?;
    }
    let out = arguments.out.display();
    Ok(Answer::new(
        json!({ "record": record, "sha256": file, "out": arguments.out }),
        format!("已写入 written to {out}\n"),
    ))
}

fn write(out: &Path, bytes: &[u8]) -> Result<(), CliError> {
    std::fs::write(out, bytes).map_err(|source| CliError::File {
        path: out.to_owned(),
        what: "written",
        source,
    })
}

/// What became of sending: a failure of it is told and fails nothing else.
pub(super) struct Sent(Option<Result<FileReport, PhoneError>>);

impl Sent {
    /// Sends what is only on this phone, unless the worker wants that left.
    pub(super) fn send(phone: &Phone, transport: &HttpTransport, wanted: bool) -> Self {
        Self(wanted.then(|| phone.send_files(transport, SendOptions::default())))
    }

    pub(super) fn json(&self) -> serde_json::Value {
        match &self.0 {
            None => json!(null),
            Some(Ok(report)) => json!(report),
            Some(Err(error)) => json!({
                "error": { "code": error.code(), "zh": error.zh(), "en": error.to_string() }
            }),
        }
    }

    pub(super) fn text(&self) -> String {
        match &self.0 {
            Some(Ok(report)) if report.files_sent > 0 => format!(
                "传了 {} 个照片文件 sent {} files of photos\n",
                report.files_sent, report.files_sent
            ),
            Some(Err(error)) => format!(
                "照片没有传完：{} photos were not all sent: {error}\n",
                error.zh()
            ),
            _ => String::new(),
        }
    }
}

/// The photos that the server does not have whole.
pub(super) fn only_here(phone: &Phone, status: &Status) -> Result<Vec<FileProgress>, CliError> {
    if status.files.only_here() == 0 {
        return Ok(Vec::new());
    }
    let mut photos = phone.files(None)?;
    photos.retain(|photo| photo.standing != FileStanding::OnServer);
    Ok(photos)
}

/// The same, for a person.
pub(super) fn table_of_those_here(phone: &Phone, status: &Status) -> Result<String, CliError> {
    let here = only_here(phone, status)?;
    Ok(match here.is_empty() {
        true => String::new(),
        false => format!(
            "以下照片只在本机 these photos are only on this phone:\n{}",
            table(&here)
        ),
    })
}

fn table(photos: &[FileProgress]) -> String {
    let mut table = Table::default();
    for photo in photos {
        let why = match (&photo.zh, &photo.en) {
            (Some(zh), Some(en)) => format!("{zh} {en}"),
            _ => String::new(),
        };
        table.row([
            ids::short(&photo.record),
            photo.sha256.to_string()[..12].to_owned(),
            format!("{} {}", photo.standing.zh(), photo.standing.en()),
            format!("{}/{}", photo.sent_bytes, photo.bytes),
            why,
        ]);
    }
    table.text()
}
