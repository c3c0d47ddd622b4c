//! A server of files in one process: tus as `docs/files.md` says, and what can go wrong on the way to it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gridlog_client_core::*;
use sha2::{Digest, Sha256};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not arrive.
    Lost,
    /// It arrives, and the answer is lost.
    Unheard,
    /// It is answered with that status and code instead.
    Answered(u16, &'static str),
}

#[derive(Default)]
struct Upload {
    record: String,
    file: String,
    length: u64,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct State {
    uploads: BTreeMap<String, Upload>,
    /// Files by record and name.
    held: BTreeMap<(String, String), Vec<u8>>,
    previews: BTreeMap<String, Vec<u8>>,
    begun: u32,
    faults: VecDeque<(FileMethod, Fault)>,
    /// Records that are refused, with the code.
    refuses: BTreeMap<String, (u16, &'static str)>,
    busy_ms: Option<u64>,
    log: Vec<(FileMethod, String)>,
    received: u64,
    /// Knows nothing of pieces that come with the request that begins.
    only_begins: bool,
}

/// The server. It is asked in one thread.
#[derive(Default)]
pub(crate) struct Shelf(RefCell<State>);

fn answer(status: u16) -> FileAnswer {
    FileAnswer {
        status,
        ..FileAnswer::default()
    }
}

fn refusal(status: u16, code: &str) -> FileAnswer {
    let body = format!(r#"{{"code":"{code}","zh":"不行","en":"no"}}"#);
    FileAnswer {
        body: body.into_bytes(),
        ..answer(status)
    }
}

fn header<'a>(request: &'a FileRequest, name: &str) -> &'a str {
    let found = request.headers.iter().find(|(header, _)| *header == name);
    found.map_or("", |(_, value)| value)
}

impl Shelf {
    /// The next request of that method meets that fault; several come one after the other.
    pub(crate) fn fault(&self, method: FileMethod, fault: Fault) {
        self.0.borrow_mut().faults.push_back((method, fault));
    }

    /// Refuses whatever is for a record.
    pub(crate) fn refuse(
        &self,
        record: gridlog_domain::id::RecordId,
        refusal: Option<(u16, &'static str)>,
    ) {
        let mut state = self.0.borrow_mut();
        match refusal {
            Some(refusal) => state.refuses.insert(record.to_string(), refusal),
            None => state.refuses.remove(&record.to_string()),
        };
    }

    /// Answers 429 from here on, with that time to wait, or no more.
    pub(crate) fn be_busy(&self, wait_ms: Option<u64>) {
        self.0.borrow_mut().busy_ms = wait_ms;
    }

    /// From here on pieces that come with the request that begins are not taken.
    pub(crate) fn only_begin(&self) {
        self.0.borrow_mut().only_begins = true;
    }

    /// Every unfinished upload expired.
    pub(crate) fn expire(&self) {
        self.0.borrow_mut().uploads.clear();
    }

    /// What is held for a record.
    pub(crate) fn held(
        &self,
        record: gridlog_domain::id::RecordId,
        file: FileHash,
    ) -> Option<Vec<u8>> {
        let key = (record.to_string(), file.to_string());
        self.0.borrow().held.get(&key).cloned()
    }

    pub(crate) fn files(&self) -> BTreeSet<String> {
        self.0
            .borrow()
            .held
            .keys()
            .map(|(_, file)| file.clone())
            .collect()
    }

    /// Puts a file there behind everybody's back.
    pub(crate) fn hold(&self, record: gridlog_domain::id::RecordId, file: FileHash, bytes: &[u8]) {
        let key = (record.to_string(), file.to_string());
        self.0.borrow_mut().held.insert(key, bytes.to_vec());
    }

    /// The server's own preview of a photo.
    pub(crate) fn show(&self, photo: FileHash, small: &[u8]) {
        self.0
            .borrow_mut()
            .previews
            .insert(photo.to_string(), small.to_vec());
    }

    /// Bytes of pieces that arrived, taken or not.
    pub(crate) fn received(&self) -> u64 {
        self.0.borrow().received
    }

    /// Methods and paths of all requests.
    pub(crate) fn log(&self) -> Vec<(FileMethod, String)> {
        self.0.borrow().log.clone()
    }

    fn serve(&self, request: &FileRequest) -> FileAnswer {
        let state = &mut *self.0.borrow_mut();
        if let Some(wait_ms) = state.busy_ms {
            let retry_after_ms = Some(wait_ms);
            return FileAnswer {
                retry_after_ms,
                ..refusal(429, "too_many_uploads")
            };
        }
        let id = request.path.strip_prefix("/v1/files/uploads/");
        match (request.method, id) {
            (FileMethod::Post, _) => state.create(request),
            (FileMethod::Head, Some(id)) => match state.uploads.get(id) {
                // As in HTTP, without a body.
                None => answer(404),
                Some(upload) => FileAnswer {
                    upload_offset: Some(upload.bytes.len() as u64),
                    ..answer(200)
                },
            },
            (FileMethod::Patch, Some(id)) => state.take(id, request),
            (FileMethod::Get, _) => state.give(request),
            _ => refusal(404, "not_found"),
        }
    }
}

impl State {
    fn create(&mut self, request: &FileRequest) -> FileAnswer {
        let metadata: BTreeMap<&str, String> = header(request, "upload-metadata")
            .split(',')
            .filter_map(|pair| pair.split_once(' '))
            .map(|(key, value)| {
                (
                    key,
                    String::from_utf8(BASE64.decode(value).unwrap()).unwrap(),
                )
            })
            .collect();
        let length: u64 = header(request, "upload-length").parse().unwrap();
        let (record, file) = (metadata["record"].clone(), metadata["sha256"].clone());
        if let Some((status, code)) = self.refuses.get(&record) {
            return refusal(*status, code);
        }
        let known = self
            .uploads
            .iter()
            .find(|(_, upload)| upload.record == record && upload.file == file);
        let (id, offset) = match known {
            _ if self.held.contains_key(&(record.clone(), file.clone())) => {
                ("done".to_owned(), length)
            }
            Some((id, upload)) => (id.clone(), upload.bytes.len() as u64),
            None => {
                self.begun += 1;
                let id = format!("upload-{}", self.begun);
                let upload = Upload {
                    record,
                    file,
                    length,
                    bytes: Vec::new(),
                };
                self.uploads.insert(id.clone(), upload);
                (id, 0)
            }
        };
        let location = Some(format!("/v1/files/uploads/{id}"));
        if offset == 0 && !request.body.is_empty() && !self.only_begins {
            let taken = self.append(&id, request);
            return match taken.upload_offset {
                Some(_) => FileAnswer {
                    status: 201,
                    location,
                    ..taken
                },
                None => taken,
            };
        }
        self.received += request.body.len() as u64;
        FileAnswer {
            location,
            upload_offset: Some(offset),
            ..answer(201)
        }
    }

    fn take(&mut self, id: &str, request: &FileRequest) -> FileAnswer {
        let Some(upload) = self.uploads.get(id) else {
            self.received += request.body.len() as u64;
            return refusal(404, "upload_unknown");
        };
        if header(request, "upload-offset") != upload.bytes.len().to_string() {
            self.received += request.body.len() as u64;
            return refusal(409, "upload_offset");
        }
        self.append(id, request)
    }

    fn append(&mut self, id: &str, request: &FileRequest) -> FileAnswer {
        self.received += request.body.len() as u64;
        let Some(upload) = self.uploads.get_mut(id) else {
            return refusal(404, "upload_unknown");
        };
        let checksum = header(request, "upload-checksum")
            .strip_prefix("sha256 ")
            .unwrap();
        if BASE64.decode(checksum).unwrap() != Sha256::digest(&request.body)[..] {
            return refusal(460, "checksum_wrong");
        }
        assert!(request.body.len() <= PIECE_BYTES);
        upload.bytes.extend_from_slice(&request.body);
        let offset = upload.bytes.len() as u64;
        if offset == upload.length {
            let Some(done) = self.uploads.remove(id) else {
                return refusal(404, "upload_unknown");
            };
            if hex::encode(Sha256::digest(&done.bytes)) != done.file {
                return refusal(460, "file_hash_wrong");
            }
            self.held.insert((done.record, done.file), done.bytes);
        }
        FileAnswer {
            upload_offset: Some(offset),
            ..answer(204)
        }
    }

    fn give(&mut self, request: &FileRequest) -> FileAnswer {
        let mut parts = request.path.trim_start_matches("/v1/files/").split('/');
        let key = (
            parts.next().unwrap().to_owned(),
            parts.next().unwrap().to_owned(),
        );
        if parts.next() == Some("preview") {
            return match self.previews.get(&key.1) {
                Some(small) => FileAnswer {
                    body: small.clone(),
                    ..answer(200)
                },
                None => refusal(404, "no_preview"),
            };
        }
        let Some(bytes) = self.held.get(&key) else {
            return refusal(404, "file_not_here");
        };
        let range = header(request, "range").strip_prefix("bytes=").unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
        FileAnswer {
            body: bytes[from.min(bytes.len())..(to + 1).min(bytes.len())].to_vec(),
            ..answer(206)
        }
    }
}

impl FileTransport for Shelf {
    fn exchange(&self, bearer: &str, request: &FileRequest) -> Result<FileAnswer, TransportError> {
        assert!(!bearer.is_empty());
        let fault = {
            let mut state = self.0.borrow_mut();
            state.log.push((request.method, request.path.clone()));
            let meets = |(method, _): &(FileMethod, Fault)| *method == request.method;
            let place = state.faults.iter().position(meets);
            place
                .and_then(|place| state.faults.remove(place))
                .map(|(_, fault)| fault)
        };
        match fault {
            Some(Fault::Lost) => Err(TransportError::TimedOut),
            Some(Fault::Unheard) => {
                self.serve(request);
                Err(TransportError::TimedOut)
            }
            Some(Fault::Answered(status, code)) => Ok(refusal(status, code)),
            None => Ok(self.serve(request)),
        }
    }
}
