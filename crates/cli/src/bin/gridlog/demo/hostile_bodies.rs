//! Bodies that are no sync request: too large, cut, garbled, of another version.

use gridlog_protocol::{Blob, SyncRequest, codec, limits};

use super::hostile::Attack;
use super::rogue::{Rogue, RogueError, code_of};

/// A body that is no request.
pub(super) struct HostileBody {
    zh: &'static str,
    en: &'static str,
    expected: &'static str,
    body: Vec<u8>,
}

impl HostileBody {
    /// Sends it and notes the code that it got.
    pub(super) fn send(self, rogue: &Rogue) -> Result<Attack, RogueError> {
        let (status, answer) = rogue.post(&self.body)?;
        let code = if status == 200 {
            "taken".to_owned()
        } else {
            code_of(&answer)
        };
        Ok(Attack {
            zh: self.zh,
            en: self.en,
            expected: self.expected,
            code,
            followers: Vec::new(),
            honest: None,
        })
    }
}

/// Every kind.
pub(super) fn all(rogue: &Rogue) -> Vec<HostileBody> {
    let honest = codec::encode(&rogue.request(&[]));
    let future = SyncRequest {
        version: u16::MAX,
        ..rogue.request(&[])
    };
    let crowd = vec![(Rogue::record_id(), vec![0]); limits::MAX_PUSH_ITEMS + 1];
    let of = |(zh, en), expected, body| HostileBody {
        zh,
        en,
        expected,
        body,
    };
    vec![
        of(
            ("过大的请求", "an oversized body"),
            "body_too_large",
            vec![1; limits::MAX_WIRE_BYTES + 1],
        ),
        of(
            ("解压后过大的请求", "a body that unpacks to too much"),
            "body_too_large",
            codec::encode(&Blob(vec![0; limits::MAX_BODY_BYTES + 1])),
        ),
        of(
            ("截断的 zstd", "a truncated zstd body"),
            "bad_compression",
            honest[..honest.len() / 2].to_vec(),
        ),
        of(
            ("乱码 zstd", "a garbage zstd body"),
            "bad_compression",
            b"\x01garbage".to_vec(),
        ),
        of(
            ("未知格式", "a body of an unknown form"),
            "unknown_form",
            b"garbage".to_vec(),
        ),
        of(
            ("乱码 CBOR", "a garbage CBOR body"),
            "malformed_message",
            codec::encode(&vec![1_u8, 2, 3]),
        ),
        of(
            ("未知版本", "an unknown version"),
            "unsupported_version",
            codec::encode(&future),
        ),
        of(
            ("条目过多", "too many items"),
            "too_many",
            codec::encode(&rogue.request(&crowd)),
        ),
    ]
}
