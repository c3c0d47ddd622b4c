//! Files over HTTP: a tus client of a few lines, and who may do what.

mod collect;
mod erase;
mod read;
mod refuse;
mod upload;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::{Command, PhotoRef, PhotoRole, PreviewRef};
use gridlog_protocol::Digest;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::store::{FileOfRecord, FileStore as _};
use crate::town::*;

/// An answer: status, headers, body.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> (u16, String) {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        (
            self.status,
            body["code"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

/// Sends a request as it is.
fn send(site: &Site, request: Request<Body>) -> Answer {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let response = router(site.app.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: to_bytes(body, 64 << 20).await.unwrap().to_vec(),
        }
    })
}

fn request(method: &str, path: &str, token: &str, headers: &[(&str, &str)]) -> Request<Body> {
    with_body(method, path, token, headers, Body::empty())
}

fn with_body(
    method: &str,
    path: &str,
    token: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const PIECE: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// Somebody with a token who sends files.
struct Sender<'a> {
    site: &'a Site,
    token: String,
}

impl<'a> Sender<'a> {
    fn phone(site: &'a Site, person: &str, n: u8) -> Self {
        let device = DeviceId::from_bytes([n; 16]);
        Self {
            site,
            token: site.token(person, Some(device)),
        }
    }

    fn office(site: &'a Site, person: &str) -> Self {
        Self {
            site,
            token: site.token(person, None),
        }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        send(self.site, request(method, path, &self.token, headers))
    }

    fn begin(&self, record: RecordId, sha256: Digest, length: usize) -> Answer {
        let metadata = metadata(record, sha256);
        let length = length.to_string();
        let said = [
            TUS,
            ("upload-length", &length),
            ("upload-metadata", &metadata),
        ];
        self.ask("POST", "/v1/files", &said)
    }

    /// The request that begins to upload a file, with its first piece.
    fn beginning(
        &self,
        record: RecordId,
        file: &[u8],
        first: &[u8],
        checksum: &str,
    ) -> Request<Body> {
        let metadata = metadata(record, hash(file));
        let (length, first_length) = (file.len().to_string(), first.len().to_string());
        let said = [
            TUS,
            PIECE,
            ("upload-length", &length),
            ("upload-metadata", &metadata),
            ("upload-checksum", checksum),
            ("content-length", &first_length),
        ];
        let body = Body::from(first.to_vec());
        with_body("POST", "/v1/files", &self.token, &said, body)
    }

    /// Begins to upload a file; its first piece goes along.
    fn begin_with(&self, record: RecordId, file: &[u8], first: &[u8], checksum: &str) -> Answer {
        send(self.site, self.beginning(record, file, first, checksum))
    }

    /// Where an upload is that begins, or goes on.
    fn begun(&self, record: RecordId, bytes: &[u8]) -> String {
        let answer = self.begin(record, hash(bytes), bytes.len());
        assert_eq!(answer.status, 201, "{:?}", answer.code());
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
        answer.header("location").to_owned()
    }

    fn piece(&self, at: &str, offset: usize, bytes: &[u8], more: &[(&str, &str)]) -> Answer {
        let (offset, length) = (offset.to_string(), bytes.len().to_string());
        let mut said = vec![
            TUS,
            PIECE,
            ("upload-offset", &offset),
            ("content-length", &length),
        ];
        said.extend(more);
        let body = Body::from(bytes.to_vec());
        send(self.site, with_body("PATCH", at, &self.token, &said, body))
    }

    fn stands_at(&self, at: &str) -> usize {
        let answer = self.ask("HEAD", at, &[TUS]);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.header("upload-offset").parse().unwrap()
    }

    /// Sends a whole file.
    fn upload(&self, record: RecordId, bytes: &[u8]) {
        let at = self.begun(record, bytes);
        let answer = self.piece(&at, 0, bytes, &[]);
        assert_eq!(answer.status, 204, "{:?}", answer.code());
        assert_eq!(answer.header("upload-offset"), bytes.len().to_string());
    }

    fn read(&self, record: RecordId, sha256: Digest, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", &format!("/v1/files/{record}/{sha256}"), headers)
    }
}

fn metadata(record: RecordId, sha256: Digest) -> String {
    format!(
        "filename {},record {},sha256 {}",
        STANDARD.encode("近景 某某家门口.jpg"),
        STANDARD.encode(record.to_string()),
        STANDARD.encode(sha256.to_string())
    )
}

fn hash(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn checksum(bytes: &[u8]) -> String {
    format!("sha256 {}", STANDARD.encode(hash(bytes).0))
}

/// Bytes that look like a JPEG to whoever reads their beginning only.
fn photo(n: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, n];
    bytes.extend((5..length).map(|at| (at * 31 + usize::from(n)) as u8));
    bytes
}

/// The command that refers to a photo.
fn refer(town: &Town, bytes: &[u8], preview: Option<&[u8]>, by: &str) -> Command {
    Command::Photo {
        id: gridlog_domain::id::EntryId::from_bytes(town.fresh()),
        photo: PhotoRef {
            sha256: hash(bytes).to_string(),
            role: PhotoRole::Near,
            bytes: bytes.len() as u64,
            by: by.into(),
            at_ms: town.now.get(),
            preview: preview.map(|preview| PreviewRef {
                sha256: hash(preview).to_string(),
                bytes: preview.len() as u64,
            }),
        },
    }
}

/// A town whose worker, with phone 1, has a case in the log that refers to these photos.
fn town_with(photos: &[&[u8]]) -> (Town, TestDevice) {
    let town = Town::new();
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    let mut said = vec![new_case(GRID_A, "井盖")];
    said.extend(photos.iter().map(|bytes| refer(&town, bytes, None, WORKER)));
    let begun = phone.write(&town, record(1), &said);
    phone.push(&town, vec![begun]);
    assert!(town.store.record(record(1)).unwrap().is_some());
    (town, phone)
}

/// Every file under the folder of files.
fn on_disk(town: &Town) -> Vec<std::path::PathBuf> {
    fn walk(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    walk(&town.folder.path().join("files"), &mut found);
    found
}

fn pair(n: u8, bytes: &[u8]) -> FileOfRecord {
    FileOfRecord {
        record: record(n),
        sha256: hash(bytes),
    }
}

use crate::store::Store as _;
