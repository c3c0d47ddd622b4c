//! Reading files and their previews.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use gridlog_domain::id::RecordId;
use gridlog_protocol::Digest;
use http_range_header::{EndPosition, StartPosition, parse_range_header};

use super::person::{OfPerson, audiences, let_ask, require_not_erased};
use crate::exchange::Work;
use crate::files::{FileError, Kept, Reading};
use crate::store::{FileOfRecord, Referred, StoredFile, Uploader, digest_of};
use crate::web::app::App;
use crate::web::error::ApiError;
use crate::web::office::visible_to;

/// What is not on the list of pictures.
const ANYTHING: &str = "application/octet-stream";
/// Of which type the server makes previews.
const PREVIEW: &str = "image/jpeg";

/// A file that they may read.
struct Readable {
    of: FileOfRecord,
    referred: Referred,
    held: Option<StoredFile>,
}

/// Finds a file of a record for somebody who may see both.
fn find(app: &App, by: &Uploader, record: &str, sha256: &str) -> Result<Readable, ApiError> {
    let_ask(app, by, Work::of_file(0))?;
    let audiences = audiences(app, by)?;
    if let Ok(id) = record.parse::<RecordId>() {
        require_not_erased(app, id)?;
    }
    let row = visible_to(app, &audiences, record)?;
    let not_found = || ApiError::NotFound {
        what: "file",
        id: sha256.chars().take(64).collect(),
    };
    let of = FileOfRecord {
        record: row.id,
        sha256: digest_of(sha256).ok_or_else(not_found)?,
    };
    let referred = app.store.referred(of)?.ok_or_else(not_found)?;
    Ok(Readable {
        of,
        referred,
        held: app.store.held_file(of)?,
    })
}

/// What is given out.
struct Given {
    kept: Kept,
    sha256: Digest,
    bytes: u64,
    media_type: String,
}

/// Reads a file of a record. One range is served as such; of several, the whole file is.
#[utoipa::path(get, path = "/v1/files/{record}/{sha256}",
    params(("record" = String, Path, description = "The record's id"),
        ("sha256" = String, Path, description = "SHA-256 of the file, lower-case hex"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag that you hold")),
    responses((status = OK, description = "The file", content_type = "application/octet-stream"),
        (status = PARTIAL_CONTENT, description = "The range"),
        (status = NOT_MODIFIED, description = "You hold it"),
        (status = NOT_FOUND, description = "`not_found`, or `file_not_here` while it is still on a phone"),
        (status = GONE, description = "`record_erased`"),
        (status = RANGE_NOT_SATISFIABLE, description = "The range begins behind the end")))]
pub(super) async fn file(
    State(app): State<App>,
    of: OfPerson,
    Path((record, sha256)): Path<(String, String)>,
    said: HeaderMap,
) -> Result<Response, ApiError> {
    let by = of.by.clone();
    let found = app.work(move |app| {
        let found = find(app, &by, &record, &sha256)?;
        let held = found.held.ok_or(FileError::NotHere)?;
        let_ask(app, &by, Work::of_file(held.bytes))?;
        // Photos show people and their homes.
        tracing::info!(by = %by.person, record = %found.of.record, "a file was shown");
        Ok(Given {
            kept: Kept::File,
            sha256: found.of.sha256,
            bytes: held.bytes,
            media_type: held.media_type,
        })
    });
    give(&app, of, found.await?, &said).await
}

/// Reads a small picture of a photo: the one that its reference names, else one that the server made.
#[utoipa::path(get, path = "/v1/files/{record}/{sha256}/preview",
    params(("record" = String, Path, description = "The record's id"),
        ("sha256" = String, Path, description = "SHA-256 of the photo, lower-case hex")),
    responses((status = OK, description = "The preview", content_type = "image/jpeg"),
        (status = NOT_MODIFIED, description = "You hold it"),
        (status = NOT_FOUND, description = "`no_preview`, `not_found` or `file_not_here`"),
        (status = GONE, description = "`record_erased`")))]
pub(super) async fn preview(
    State(app): State<App>,
    of: OfPerson,
    Path((record, sha256)): Path<(String, String)>,
    said: HeaderMap,
) -> Result<Response, ApiError> {
    let by = of.by.clone();
    let found = app.work(move |app| {
        let found = find(app, &by, &record, &sha256)?;
        let named = named_preview(app, &found)?;
        Ok((found, named))
    });
    let (found, named) = found.await?;
    let given = match named {
        Some(named) => named,
        None => made_preview(&app, &found).await?,
    };
    give(&app, of, given, &said).await
}

/// The preview that a reference names, if it is a picture and the record holds it.
fn named_preview(app: &App, found: &Readable) -> Result<Option<Given>, ApiError> {
    for &sha256 in &found.referred.previews {
        let of = FileOfRecord {
            record: found.of.record,
            sha256,
        };
        let held = app.store.held_file(of)?;
        if let Some(held) = held.filter(|held| !held.media_type.is_empty()) {
            return Ok(Some(Given {
                kept: Kept::File,
                sha256,
                bytes: held.bytes,
                media_type: held.media_type,
            }));
        }
    }
    Ok(None)
}

/// The preview that the server made, or makes now.
async fn made_preview(app: &App, found: &Readable) -> Result<Given, ApiError> {
    let held = found.held.as_ref().ok_or(FileError::NotHere)?;
    let sha256 = found.of.sha256;
    let made = app.file_door.files.preview(sha256, held).await?;
    Ok(Given {
        kept: Kept::Preview,
        sha256,
        bytes: made.ok_or(FileError::NoPreview)?,
        media_type: PREVIEW.to_owned(),
    })
}

/// Gives it out: as a whole, in part, or not at all if they hold it.
async fn give(
    app: &App,
    of: OfPerson,
    given: Given,
    said: &HeaderMap,
) -> Result<Response, ApiError> {
    let etag = match given.kept {
        Kept::File => format!("\"{}\"", given.sha256),
        Kept::Preview => format!("\"{}-preview\"", given.sha256),
    };
    let mut response = match hold(said, &etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => match wanted(said, &etag, given.bytes) {
            Wanted::Whole => stream(app, of, &given, None).await?,
            Wanted::Part(first, last) => stream(app, of, &given, Some((first, last))).await?,
            Wanted::Nothing => {
                let range = HeaderValue::try_from(format!("bytes */{}", given.bytes));
                let range = range.map_err(|_| ApiError::Internal)?;
                let said = [(header::CONTENT_RANGE, range)];
                (StatusCode::RANGE_NOT_SATISFIABLE, said).into_response()
            }
        },
    };
    let etag = HeaderValue::try_from(etag).map_err(|_| ApiError::Internal)?;
    let more = response.headers_mut();
    more.insert(header::ETAG, etag);
    for (name, value) in ALWAYS {
        more.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// What every answer says, so that nothing of it runs anywhere and no proxy keeps it.
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "private, max-age=86400"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "sandbox; default-src 'none'",
    ),
    (header::ACCEPT_RANGES, "bytes"),
];

/// Whether they say that they hold it.
fn hold(said: &HeaderMap, etag: &str) -> bool {
    let held = said.get(header::IF_NONE_MATCH);
    let held = held.and_then(|value| value.to_str().ok());
    held.is_some_and(|held| {
        let mut tags = held.split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
    })
}

/// What of a file is wanted; first and last byte.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(u64, u64),
    Nothing,
}

/// What is wanted of a file of `bytes`. A range that does not read, and several of them, are the whole file.
fn wanted(said: &HeaderMap, etag: &str, bytes: u64) -> Wanted {
    let other = said.get(header::IF_RANGE);
    let is_other = other.is_some_and(|known| known.as_bytes() != etag.as_bytes());
    let range = said.get(header::RANGE).filter(|_| !is_other);
    let range = range.and_then(|value| value.to_str().ok());
    let parsed = range.and_then(|range| parse_range_header(range).ok());
    let Some([range]) = parsed.as_ref().map(|parsed| parsed.ranges.as_slice()) else {
        return Wanted::Whole;
    };
    let end = bytes.saturating_sub(1);
    let first = match range.start {
        StartPosition::Index(first) => first,
        StartPosition::FromLast(last) => bytes.saturating_sub(last),
    };
    let last = match range.end {
        EndPosition::Index(last) => last.min(end),
        EndPosition::LastByte => end,
    };
    match first {
        _ if first >= bytes => Wanted::Nothing,
        _ if first > last => Wanted::Whole,
        _ => Wanted::Part(first, last),
    }
}

/// The bytes themselves, as they are read.
async fn stream(
    app: &App,
    of: OfPerson,
    given: &Given,
    part: Option<(u64, u64)>,
) -> Result<Response, ApiError> {
    let place = std::sync::Arc::clone(&app.file_door.readers).try_acquire_owned();
    let place = place.map_err(|_| app.busy())?;
    let range = part.map(|(first, last)| first..last + 1);
    let length = range
        .as_ref()
        .map_or(given.bytes, |range| range.end - range.start);
    let reading = app.file_door.files.read(given.kept, given.sha256, range);
    let reading: Reading = reading.await?.ok_or(FileError::NotHere)?;
    // Place and turn are taken until the last byte is sent.
    let body = Body::from_stream(reading.map(move |bytes| {
        let _ = (&place, &of);
        bytes
    }));
    let (shown, media_type) = match given.media_type.as_str() {
        "" => ("attachment", ANYTHING),
        picture => ("inline", picture),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(shown));
    let media_type = HeaderValue::from_str(media_type).map_err(|_| ApiError::Internal)?;
    headers.insert(header::CONTENT_TYPE, media_type);
    if let Some((first, last)) = part {
        let range = format!("bytes {first}-{last}/{}", given.bytes);
        let range = HeaderValue::try_from(range).map_err(|_| ApiError::Internal)?;
        headers.insert(header::CONTENT_RANGE, range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str) -> Wanted {
        let mut said = HeaderMap::new();
        said.insert(header::RANGE, range.parse().unwrap());
        wanted(&said, "\"x\"", 1_000)
    }

    #[test]
    fn one_range_is_a_part_and_whatever_cannot_be_one_is_the_whole_or_nothing() {
        assert_eq!(of("bytes=0-99"), Wanted::Part(0, 99));
        assert_eq!(of("bytes=990-"), Wanted::Part(990, 999));
        assert_eq!(of("bytes=-10"), Wanted::Part(990, 999));
        assert_eq!(of("bytes=-5000"), Wanted::Part(0, 999));
        assert_eq!(of("bytes=500-9999"), Wanted::Part(500, 999));
        assert_eq!(of("bytes=1000-"), Wanted::Nothing);
        for whole in [
            "bytes=-0",
            "bytes=0-1,5-6",
            "bytes=9-3",
            "pages=1-2",
            "bytes=x",
        ] {
            assert_eq!(of(whole), Wanted::Whole, "{whole}");
        }
    }

    #[test]
    fn who_holds_another_file_gets_the_whole_one() {
        let mut said = HeaderMap::new();
        said.insert(header::RANGE, "bytes=0-9".parse().unwrap());
        said.insert(header::IF_RANGE, "\"y\"".parse().unwrap());
        assert_eq!(wanted(&said, "\"x\"", 1_000), Wanted::Whole);
        said.insert(header::IF_RANGE, "\"x\"".parse().unwrap());
        assert_eq!(wanted(&said, "\"x\"", 1_000), Wanted::Part(0, 9));
    }

    #[test]
    fn who_holds_it_says_so_by_its_tag() {
        let of = |tags: &str| {
            let mut said = HeaderMap::new();
            said.insert(header::IF_NONE_MATCH, tags.parse().unwrap());
            hold(&said, "\"x\"")
        };
        for held in ["\"x\"", "W/\"x\"", "\"y\", \"x\"", "*"] {
            assert!(of(held), "{held}");
        }
        assert!(!of("\"y\""));
    }
}
