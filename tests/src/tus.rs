//! Files over the wire, as any tus client sends them.

use std::io::Read as _;

use gridlog_domain::id::RecordId;
use sha2::{Digest as _, Sha256};

/// What a request about a file was answered.
#[derive(Debug)]
pub struct FileAnswer {
    /// The status.
    pub status: u16,
    /// Where the upload is, of one that was begun.
    pub location: Option<String>,
    /// Where it stands.
    pub offset: Option<u64>,
    /// How long to stay away, in seconds.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

/// Somebody who sends and reads files, with a token.
#[derive(Debug, Clone)]
pub struct FileSender {
    url: String,
    token: String,
    agent: ureq::Agent,
}

/// The SHA-256 of a file, lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63] as char;
            text.push(if place > chunk.len() { '=' } else { digit });
        }
    }
    text
}

impl FileSender {
    /// Who has that token at that server.
    pub fn new(url: &str, token: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build();
        Self {
            url: url.to_owned(),
            token: token.to_owned(),
            agent: agent.into(),
        }
    }

    fn read(mut answer: ureq::http::Response<ureq::Body>) -> FileAnswer {
        let text = |name: &str| {
            let value = answer.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let number = |name: &str| text(name)?.parse().ok();
        let (location, offset) = (text("location"), number("upload-offset"));
        let retry_after = number("retry-after");
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        let mut reader = answer.body_mut().as_reader();
        reader.read_to_end(&mut body).expect("the body arrives");
        FileAnswer {
            status,
            location,
            offset,
            retry_after,
            body,
        }
    }

    /// Begins an upload, or finds the one that was begun.
    pub fn begin(&self, record: RecordId, bytes: &[u8]) -> FileAnswer {
        let metadata = format!(
            "record {},sha256 {}",
            base64(record.to_string().as_bytes()),
            base64(sha256(bytes).as_bytes())
        );
        let request = self.agent.post(format!("{}/v1/files", self.url));
        let answer = request
            .header("authorization", format!("Bearer {}", self.token))
            .header("tus-resumable", "1.0.0")
            .header("upload-length", bytes.len().to_string())
            .header("upload-metadata", metadata)
            .send_empty();
        Self::read(answer.expect("the server answers"))
    }

    /// Sends a piece with its checksum.
    pub fn piece(&self, location: &str, offset: u64, bytes: &[u8]) -> FileAnswer {
        let request = self.agent.patch(format!("{}{location}", self.url));
        let sum = base64(&Sha256::digest(bytes));
        let answer = request
            .header("authorization", format!("Bearer {}", self.token))
            .header("tus-resumable", "1.0.0")
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", offset.to_string())
            .header("upload-checksum", format!("sha256 {sum}"))
            .send(bytes);
        Self::read(answer.expect("the server answers"))
    }

    /// Sends a whole file in pieces of at most `piece` bytes, and waits where the server asks for it.
    pub fn upload(&self, record: RecordId, bytes: &[u8], piece: usize) {
        let begun = self.asked_to_wait(|| self.begin(record, bytes));
        assert_eq!(
            begun.status,
            201,
            "{}",
            String::from_utf8_lossy(&begun.body)
        );
        let location = begun.location.expect("an upload has an address");
        let mut at = begun.offset.expect("an upload stands somewhere");
        while at < bytes.len() as u64 {
            let from = usize::try_from(at).expect("a file fits into memory");
            let to = bytes.len().min(from + piece);
            let sent = self.asked_to_wait(|| self.piece(&location, at, &bytes[from..to]));
            assert_eq!(sent.status, 204, "{}", String::from_utf8_lossy(&sent.body));
            at = sent.offset.expect("an upload stands somewhere");
        }
    }

    /// Asks again for as long as the server says when to come back.
    fn asked_to_wait(&self, ask: impl Fn() -> FileAnswer) -> FileAnswer {
        loop {
            let answer = ask();
            match answer.retry_after {
                Some(seconds) => std::thread::sleep(std::time::Duration::from_secs(seconds)),
                None => return answer,
            }
        }
    }

    /// Reads a file of a record.
    pub fn fetch(&self, record: RecordId, sha256: &str) -> FileAnswer {
        let path = format!("{}/v1/files/{record}/{sha256}", self.url);
        let request = self.agent.get(path);
        let answer = request
            .header("authorization", format!("Bearer {}", self.token))
            .call();
        Self::read(answer.expect("the server answers"))
    }
}
