//! A change taken apart into what its author said, and put together again to the same bytes.
//!
//! Automerge's format is made for being stored: every change carries a dozen columns of its own. On the
//! wire many changes travel together, and what follows by rule need not travel at all. As there is just
//! one canonical encoding of given operations ([`crate::encode`]), whoever has the operations has the
//! bytes, and with them the hash.

use automerge::{ActorId, ChangeHash};
use sha2::{Digest, Sha256};

use crate::encode::{Preamble, body, put_unsigned};
use crate::header::{CHANGE, Frame, MAGIC};
use crate::limits::Limits;
use crate::ops::{self, Op};
use crate::refusal::Refusal;

/// A change as header and operations.
#[derive(Debug, Clone, PartialEq)]
pub struct Spelled<'a> {
    /// Its hash. [`Spelled::to_bytes`] does not look at it.
    pub hash: ChangeHash,
    /// The changes it builds on, sorted.
    pub deps: Vec<ChangeHash>,
    /// Who wrote it.
    pub actor: ActorId,
    /// Its number among its actor's changes of the record.
    pub seq: u64,
    /// Counter of the first operation.
    pub start_op: u64,
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// The commit message.
    pub message: &'a [u8],
    /// Other actors that operations name, by index from 1.
    pub other_actors: Vec<ActorId>,
    /// What it does, in order.
    pub ops: Vec<Op<'a>>,
}

impl<'a> Spelled<'a> {
    /// Takes a change apart. What comes of it makes the same bytes again.
    ///
    /// # Errors
    /// As [`receive`](crate::receive); `unsupported_op`; `not_canonical`.
    pub fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        let frame = Frame::read(bytes, limits)?;
        let ops = operations(&frame)?;
        if is_canonical(&frame, &ops) {
            Ok(Self::of(frame, ops))
        } else {
            Err(Refusal::NotCanonical {
                hash: frame.header.hash,
            })
        }
    }

    /// As [`Spelled::read`], for a change that [`admit`](crate::admit) let in: it is canonical, and is not made anew
    /// to see that. Its checksum is checked.
    ///
    /// # Errors
    /// As [`Spelled::read`], except `not_canonical`.
    pub fn read_admitted(bytes: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        let frame = Frame::read(bytes, limits)?;
        let ops = operations(&frame)?;
        debug_assert!(is_canonical(&frame, &ops), "admitted changes are canonical");
        Ok(Self::of(frame, ops))
    }

    fn of(frame: Frame<'a>, ops: Vec<Op<'a>>) -> Self {
        let header = frame.header;
        Self {
            hash: header.hash,
            deps: header.deps,
            actor: header.actor,
            seq: header.seq,
            start_op: header.start_op,
            time_ms: header.time_ms,
            message: frame.message,
            other_actors: header.other_actors,
            ops,
        }
    }

    /// The change chunk and its hash. Whether a record may take it is for [`admit`](crate::admit) to
    /// say.
    pub fn to_bytes(&self) -> (ChangeHash, Vec<u8>) {
        let preamble = Preamble {
            deps: &self.deps,
            actor: &self.actor,
            seq: self.seq,
            start_op: self.start_op,
            time_ms: self.time_ms,
            message: self.message,
            other_actors: &self.other_actors,
        };
        let body = body(preamble, &self.ops);
        let mut chunk = Vec::with_capacity(body.len() + 16);
        chunk.extend_from_slice(&MAGIC);
        chunk.extend_from_slice(&[0; 4]);
        chunk.push(CHANGE);
        put_unsigned(&mut chunk, body.len() as u64);
        chunk.extend_from_slice(&body);
        let hash: [u8; 32] = Sha256::digest(&chunk[8..]).into();
        chunk[4..8].copy_from_slice(&hash[..4]);
        (ChangeHash(hash), chunk)
    }
}

fn operations<'a>(frame: &Frame<'a>) -> Result<Vec<Op<'a>>, Refusal> {
    ops::decode(&frame.columns, frame.header.op_count, |row| row.to_string())
}

fn is_canonical(frame: &Frame<'_>, ops: &[Op<'_>]) -> bool {
    body(Preamble::of(&frame.header, frame.message), ops) == frame.body
}
