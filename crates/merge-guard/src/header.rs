//! Step 1: reading a change chunk without Automerge.
//!
//! The server does this for everything that arrives, before it stores a byte, and the phone for
//! everything it pulls. It takes microseconds and allocates in proportion to the bytes received.

use automerge::{ActorId, ChangeHash};
use sha2::{Digest, Sha256};

use crate::columns::Columns;
use crate::limits::Limits;
use crate::reader::Reader;
use crate::refusal::Refusal;

pub(crate) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
pub(crate) const CHANGE: u8 = 1;
const COMPRESSED: u8 = 2;
pub(crate) const ACTOR_BYTES: usize = 16;

/// What [`receive`] reads from a change, without Automerge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// SHA-256 over chunk type, length and contents: the change's id.
    pub hash: ChangeHash,
    /// Who wrote the change; 16 bytes.
    pub actor: ActorId,
    /// Number of the change among its actor's changes of this record, from 1.
    pub seq: u64,
    /// Counter of the first operation.
    pub start_op: u64,
    /// When the author's device says the change was made, in milliseconds since 1970.
    pub time_ms: i64,
    /// The changes it builds on, sorted.
    pub deps: Vec<ChangeHash>,
    /// Other actors whose operations it refers to, sorted.
    pub other_actors: Vec<ActorId>,
    /// How many operations it has; at least 1.
    pub op_count: u64,
}

impl Header {
    /// Requires that the change's actor is one that the sender's certificates name
    /// (DESIGN section 4).
    ///
    /// # Errors
    /// `foreign_actor`.
    pub fn check_actor(&self, allowed: &[ActorId]) -> Result<(), Refusal> {
        if allowed.contains(&self.actor) {
            Ok(())
        } else {
            Err(Refusal::ForeignActor {
                actor: self.actor.clone(),
            })
        }
    }

    /// Counter of the last operation.
    pub fn max_op(&self) -> u64 {
        self.start_op + self.op_count - 1
    }
}

/// Step 1 of ingest (DESIGN section 5): reads the change chunk in `bytes` and bounds everything
/// that it declares. Does not call Automerge.
///
/// # Errors
/// A [`Refusal`] with one of the codes up to `empty_change` in [`Refusal::ALL_CODES`] (except
/// `not_canonical` and `foreign_actor`), `bad_key` for an overlong key, or `unsupported_op` for a
/// change with marks.
pub fn receive(bytes: &[u8], limits: &Limits) -> Result<Header, Refusal> {
    Frame::read(bytes, limits).map(|frame| frame.header)
}

/// A chunk that was read: its header, and its columns still encoded.
#[derive(Debug, Clone)]
pub(crate) struct Frame<'a> {
    pub(crate) header: Header,
    pub(crate) message: &'a [u8],
    pub(crate) columns: Columns<'a>,
    /// The chunk without magic number, checksum, type and length.
    pub(crate) body: &'a [u8],
}

impl<'a> Frame<'a> {
    pub(crate) fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        if bytes.len() > limits.max_change_bytes {
            return Err(Refusal::TooLarge {
                bytes: bytes.len(),
                limit: limits.max_change_bytes,
            });
        }
        let (hash, body) = open_chunk(bytes)?;
        let mut reader = Reader::new(body, "header");
        let deps = read_deps(&mut reader, limits)?;
        let actor = read_actor(&mut reader)?;
        let seq = reader.unsigned()?;
        let start_op = read_start_op(&mut reader, limits)?;
        if seq == 0 || seq > start_op {
            return Err(Refusal::Malformed {
                what: "sequence number",
            });
        }
        let time_ms = reader.signed()?;
        if !(0..=limits.max_time_ms).contains(&time_ms) {
            return Err(Refusal::TimeOutOfRange { time_ms });
        }
        let message = read_message(&mut reader, limits)?;
        let other_actors = read_other_actors(&mut reader, &actor, limits)?;
        let mut reader = Reader::new(reader.rest(), "columns");
        let columns = Columns::read(&mut reader)?;
        if !reader.is_empty() {
            return Err(Refusal::TrailingBytes {
                count: reader.remaining(),
            });
        }
        let op_count = columns.count(limits)?;
        if op_count == 0 {
            return Err(Refusal::EmptyChange);
        }
        let header = Header {
            hash,
            actor,
            seq,
            start_op,
            time_ms,
            deps,
            other_actors,
            op_count,
        };
        Ok(Self {
            header,
            message,
            columns,
            body,
        })
    }
}

/// Checks magic number, type, length and checksum; returns the hash and the contents.
fn open_chunk(bytes: &[u8]) -> Result<(ChangeHash, &[u8]), Refusal> {
    let mut reader = Reader::new(bytes, "chunk header");
    if !bytes.starts_with(&MAGIC) {
        return Err(Refusal::BadMagic);
    }
    reader.take(MAGIC.len())?;
    let checksum: [u8; 4] = reader.array()?;
    let hashed = reader.rest();
    match reader.byte()? {
        CHANGE => {}
        COMPRESSED => return Err(Refusal::CompressedChange),
        chunk_type => return Err(Refusal::NotAChange { chunk_type }),
    }
    let length = reader.length()?;
    if length < reader.remaining() {
        return Err(Refusal::TrailingBytes {
            count: reader.remaining() - length,
        });
    }
    let body = reader.take(length)?;
    let hash: [u8; 32] = Sha256::digest(hashed).into();
    if hash[..4] != checksum {
        return Err(Refusal::BadChecksum {
            hash: ChangeHash(hash),
        });
    }
    Ok((ChangeHash(hash), body))
}

fn read_deps(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<ChangeHash>, Refusal> {
    let count = reader.length()?;
    if count > limits.max_deps {
        return Err(Refusal::TooManyDeps {
            count,
            limit: limits.max_deps,
        });
    }
    let mut deps: Vec<ChangeHash> = Vec::with_capacity(count);
    for _ in 0..count {
        let hash = ChangeHash(reader.array()?);
        if deps.last().is_some_and(|previous| *previous >= hash) {
            return Err(Refusal::Malformed {
                what: "list of dependencies",
            });
        }
        deps.push(hash);
    }
    Ok(deps)
}

fn read_actor(reader: &mut Reader<'_>) -> Result<ActorId, Refusal> {
    if reader.length()? != ACTOR_BYTES {
        return Err(Refusal::BadActor);
    }
    Ok(ActorId::from(reader.array::<ACTOR_BYTES>()?))
}

fn read_start_op(reader: &mut Reader<'_>, limits: &Limits) -> Result<u64, Refusal> {
    let start_op = reader.unsigned()?;
    if start_op == 0 {
        return Err(Refusal::Malformed {
            what: "first operation number",
        });
    }
    if start_op > limits.max_start_op {
        return Err(Refusal::StartOpTooLarge {
            start_op,
            limit: limits.max_start_op,
        });
    }
    Ok(start_op)
}

fn read_message<'a>(reader: &mut Reader<'a>, limits: &Limits) -> Result<&'a [u8], Refusal> {
    let bytes = reader.length()?;
    if bytes > limits.max_message_bytes {
        return Err(Refusal::MessageTooLong {
            bytes,
            limit: limits.max_message_bytes,
        });
    }
    let message = reader.take(bytes)?;
    match std::str::from_utf8(message) {
        Ok(_) => Ok(message),
        Err(_) => Err(Refusal::Malformed {
            what: "commit message",
        }),
    }
}

fn read_other_actors(
    reader: &mut Reader<'_>,
    author: &ActorId,
    limits: &Limits,
) -> Result<Vec<ActorId>, Refusal> {
    let count = reader.length()?;
    if count > limits.max_actors {
        return Err(Refusal::TooManyActors {
            count,
            limit: limits.max_actors,
        });
    }
    let mut actors: Vec<ActorId> = Vec::with_capacity(count);
    for _ in 0..count {
        let actor = read_actor(reader)?;
        if actor == *author || actors.last().is_some_and(|previous| *previous >= actor) {
            return Err(Refusal::BadActor);
        }
        actors.push(actor);
    }
    Ok(actors)
}
