//! What goes over the line for files: tus 1.0, as `docs/files.md` says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gridlog_domain::id::RecordId;
use gridlog_protocol::ErrorBody;
use sha2::{Digest, Sha256};

use super::hash::FileHash;
use crate::transport::TransportError;

/// Where files go.
pub const FILES_PATH: &str = "/v1/files";
/// Where unfinished uploads lie below it.
const UPLOADS: &str = "/uploads/";
/// The largest piece of a file that goes in one request, bytes. So much is sent again at most after a cut.
pub const PIECE_BYTES: usize = 256 * 1024;
/// The largest answer that is read where none is wanted but its head, bytes.
const HEAD_ANSWER_BYTES: usize = 64 * 1024;
/// Longest id of an upload.
const MAX_UPLOAD_ID: usize = 128;

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMethod {
    /// POST: begins an upload.
    Post,
    /// HEAD: asks how far an upload is.
    Head,
    /// PATCH: sends a piece.
    Patch,
    /// GET: fetches a file or a part of it.
    Get,
}

impl FileMethod {
    /// As HTTP names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Head => "HEAD",
            Self::Patch => "PATCH",
            Self::Get => "GET",
        }
    }
}

/// A request about files. Its bearer token comes beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRequest {
    /// What it does.
    pub method: FileMethod,
    /// Below the server's address, for example `/v1/files`.
    pub path: String,
    /// Headers, besides the token and the length.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent; empty for nothing.
    pub body: Vec<u8>,
    /// The most that the answer's body may have, bytes. More is [`TransportError::AnswerTooLarge`].
    pub max_answer: usize,
}

/// What a server answered to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileAnswer {
    /// HTTP status.
    pub status: u16,
    /// The header `Location`.
    pub location: Option<String>,
    /// The header `Upload-Offset`.
    pub upload_offset: Option<u64>,
    /// The header `Content-Range`.
    pub content_range: Option<String>,
    /// The header `Retry-After`, milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The body, as it came; nothing for HEAD.
    pub body: Vec<u8>,
}

/// Carries requests about files to the server and answers back.
pub trait FileTransport {
    /// Sends a request. Any status that the server gives is an answer.
    ///
    /// # Errors
    /// [`TransportError`] if no answer came; whether the server got the request is unknown then.
    fn exchange(&self, bearer: &str, request: &FileRequest) -> Result<FileAnswer, TransportError>;
}

fn tus(method: FileMethod, path: String) -> FileRequest {
    FileRequest {
        method,
        path,
        headers: vec![("tus-resumable", "1.0.0".to_owned())],
        body: Vec::new(),
        max_answer: HEAD_ANSWER_BYTES,
    }
}

fn upload_path(upload: &str) -> String {
    format!("{FILES_PATH}{UPLOADS}{upload}")
}

/// Begins an upload, or finds the one that was begun before. The first piece goes along, unless it is empty: tus
/// calls that `creation-with-upload`.
pub(super) fn create(record: RecordId, file: FileHash, bytes: u64, first: Vec<u8>) -> FileRequest {
    let mut request = tus(FileMethod::Post, FILES_PATH.to_owned());
    let record = BASE64.encode(record.to_string());
    let hash = BASE64.encode(file.to_string());
    request.headers.extend([
        ("upload-length", bytes.to_string()),
        ("upload-metadata", format!("record {record},sha256 {hash}")),
    ]);
    if !first.is_empty() {
        carry(&mut request, first);
    }
    request
}

/// Lets a request carry a piece, which counts whole or not at all.
fn carry(request: &mut FileRequest, bytes: Vec<u8>) {
    let checksum = BASE64.encode(Sha256::digest(&bytes));
    request.headers.extend([
        ("content-type", "application/offset+octet-stream".to_owned()),
        ("upload-checksum", format!("sha256 {checksum}")),
    ]);
    request.body = bytes;
}

/// Asks how far an upload is.
pub(super) fn ask(upload: &str) -> FileRequest {
    tus(FileMethod::Head, upload_path(upload))
}

/// Sends a piece.
pub(super) fn piece(upload: &str, offset: u64, bytes: Vec<u8>) -> FileRequest {
    let mut request = tus(FileMethod::Patch, upload_path(upload));
    request.headers.push(("upload-offset", offset.to_string()));
    carry(&mut request, bytes);
    request
}

/// Fetches a part of a file.
pub(super) fn part(record: RecordId, file: FileHash, from: u64, length: usize) -> FileRequest {
    let to = from.saturating_add(length as u64).saturating_sub(1);
    FileRequest {
        method: FileMethod::Get,
        path: format!("{FILES_PATH}/{record}/{file}"),
        headers: vec![("range", format!("bytes={from}-{to}"))],
        body: Vec::new(),
        max_answer: length.max(HEAD_ANSWER_BYTES),
    }
}

/// Fetches a preview.
pub(super) fn preview(record: RecordId, file: FileHash, max_answer: usize) -> FileRequest {
    FileRequest {
        method: FileMethod::Get,
        path: format!("{FILES_PATH}/{record}/{file}/preview"),
        headers: Vec::new(),
        body: Vec::new(),
        max_answer,
    }
}

impl FileAnswer {
    /// The id of the upload that was begun, if it is one: it becomes a part of a path.
    pub(super) fn upload(&self) -> Option<String> {
        let (_, id) = self.location.as_deref()?.rsplit_once(UPLOADS)?;
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_sound = (1..=MAX_UPLOAD_ID).contains(&id.len()) && id.bytes().all(is_id);
        is_sound.then(|| id.to_owned())
    }

    /// The server's word on why it refused; where it gives none, what its status means.
    pub(super) fn code(&self) -> String {
        if let Ok(said) = serde_json::from_slice::<ErrorBody>(&self.body) {
            return said.code;
        }
        // HEAD has no body.
        let code = match self.status {
            403 => "upload_foreign",
            404 => "upload_unknown",
            409 => "upload_offset",
            410 => "upload_expired",
            413 => "file_too_large",
            460 => "checksum_wrong",
            507 => "storage_full",
            _ => "no_gridlog_server",
        };
        code.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_that_would_lead_elsewhere_is_none() {
        let upload = |location: &str| {
            let location = Some(location.to_owned());
            FileAnswer {
                location,
                ..FileAnswer::default()
            }
            .upload()
        };
        assert_eq!(upload("/v1/files/uploads/a-B_9").as_deref(), Some("a-B_9"));
        let whole = "https://grid.example/v1/files/uploads/abc";
        assert_eq!(upload(whole).as_deref(), Some("abc"));
        let long = format!("/v1/files/uploads/{}", "a".repeat(129));
        for no_upload in [
            "",
            "/v1/files/uploads/",
            "/v1/files/uploads/../../sync",
            "/v1/files/uploads/a?b",
            "/v1/files/uploads/a\r\nx: y",
            &long,
        ] {
            assert_eq!(upload(no_upload), None, "{no_upload}");
        }
    }

    #[test]
    fn a_refusal_without_words_is_understood_by_its_status() {
        let answer = |status, body: &str| FileAnswer {
            status,
            body: body.as_bytes().to_vec(),
            ..FileAnswer::default()
        };
        assert_eq!(answer(410, "").code(), "upload_expired");
        let told = r#"{"code":"file_hash_wrong","zh":"错","en":"wrong"}"#;
        assert_eq!(answer(460, told).code(), "file_hash_wrong");
    }
}
