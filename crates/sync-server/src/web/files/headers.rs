//! The headers of tus 1.0.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gridlog_domain::id::RecordId;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::files::{Checksum, FileError};
use crate::store::{FileOfRecord, digest_of};

/// The version of the protocol.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
/// What the server does beyond the core.
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";
/// What a piece says that it is.
const PIECE: &str = "application/offset+octet-stream";

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

/// Requires the version that the server speaks.
pub(super) fn require_version(headers: &HeaderMap) -> Result<(), FileError> {
    match headers.get("tus-resumable") == Some(&VERSION) {
        true => Ok(()),
        false => Err(FileError::Version),
    }
}

/// `Upload-Length` of an upload that begins.
pub(super) fn length(headers: &HeaderMap) -> Result<u64, FileError> {
    match number(headers, "upload-length") {
        Some(length @ 1..) => Ok(length),
        _ => Err(FileError::BadUpload(
            "Upload-Length is the size of the file in bytes, from 1",
        )),
    }
}

/// `Upload-Length` where it is not needed: 0, which no upload has, for what is no number.
pub(super) fn length_again(headers: &HeaderMap) -> Option<u64> {
    let is_there = headers.contains_key("upload-length");
    is_there.then(|| number(headers, "upload-length").unwrap_or(0))
}

/// `Upload-Offset`.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64, FileError> {
    number(headers, "upload-offset").ok_or(FileError::BadUpload(
        "Upload-Offset is where the piece begins",
    ))
}

/// `Content-Length`; a piece may come without.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    number(headers, "content-length")
}

/// `Upload-Checksum`, if there is one.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, FileError> {
    let Some(header) = headers.get("upload-checksum") else {
        return Ok(None);
    };
    Checksum::read(header.to_str().unwrap_or_default()).map(Some)
}

/// Requires that a piece says that it is one.
pub(super) fn require_piece(headers: &HeaderMap) -> Result<(), FileError> {
    match text(headers, "content-type") {
        Some(PIECE) => Ok(()),
        _ => Err(FileError::ContentType),
    }
}

/// What `Upload-Metadata` says that the upload is of. Other keys are let through unread.
pub(super) fn file(headers: &HeaderMap) -> Result<FileOfRecord, FileError> {
    let metadata = text(headers, "upload-metadata").unwrap_or_default();
    let value = |name: &str| -> Option<String> {
        let mut pairs = metadata.split(',').map(|pair| pair.trim().split_once(' '));
        let (_, value) = pairs.find_map(|pair| pair.filter(|(key, _)| *key == name))?;
        String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()
    };
    let record = value("record").and_then(|id| id.parse::<RecordId>().ok());
    let record = record.ok_or(FileError::BadUpload(
        "Upload-Metadata needs the record's id under `record`, in Base64",
    ))?;
    let sha256 = value("sha256").and_then(|hash| digest_of(&hash));
    let sha256 = sha256.ok_or(FileError::BadUpload(
        "Upload-Metadata needs the file's SHA-256 under `sha256`: its lower-case hex digits, in Base64",
    ))?;
    Ok(FileOfRecord { record, sha256 })
}

/// A moment as HTTP writes it; empty beyond the year 9999.
pub(super) fn moment(at_ms: i64) -> HeaderValue {
    let text = Timestamp::from_millisecond(at_ms)
        .and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at));
    let value = text.ok().and_then(|text| HeaderValue::try_from(text).ok());
    value.unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn metadata_names_record_and_hash_among_whatever_else_a_client_sends() {
        let record = RecordId::from_bytes([1; 16]);
        let encode = |text: &str| STANDARD.encode(text);
        let (id, hash) = (record.to_string(), "ab".repeat(32));
        let said = format!(
            "filename {},is_empty,sha256 {} , record {}",
            encode("近景.jpg"),
            encode(&hash),
            encode(&id)
        );
        let found = file(&headers(&[("upload-metadata", &said)])).unwrap();
        assert_eq!(found.record, record);
        assert_eq!(found.sha256.to_string(), hash);
        let bad = [
            String::new(),
            format!("record {}", encode(&id)),
            format!(
                "record {},sha256 {}",
                encode(&id),
                encode(&hash.to_uppercase())
            ),
            format!("record {},sha256 {}", encode("7"), encode(&hash)),
            format!("record {id},sha256 {hash}"),
        ];
        for said in bad {
            assert!(
                file(&headers(&[("upload-metadata", &said)])).is_err(),
                "{said}"
            );
        }
    }

    #[test]
    fn a_length_is_a_number_of_bytes_from_one() {
        assert_eq!(length(&headers(&[("upload-length", "7")])).unwrap(), 7);
        for bad in ["0", "-1", "1e3", "", "99999999999999999999999"] {
            assert!(
                length(&headers(&[("upload-length", bad)])).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_moment_is_written_as_http_has_it() {
        assert_eq!(moment(1_790_000_000_000), "Mon, 21 Sep 2026 14:13:20 GMT");
        assert_eq!(moment(i64::MAX), "");
    }
}
