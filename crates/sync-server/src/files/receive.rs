//! Receiving one piece of an upload: written as it comes, hashed on the way, never held whole.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};

use super::checksum::Checksum;
use super::error::FileError;
use super::part::Part;
use super::turns::UploadTurn;
use crate::fairness::Cores;

/// However slowly a piece comes, it is over after this time; the next one goes on.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How many bytes of a piece are collected; what is more than these is written. A phone's pieces are as large.
const AT_ONCE: usize = 256 * 1024;

/// What a piece says of itself.
#[derive(Debug)]
pub struct Piece {
    /// Where it begins.
    pub offset: u64,
    /// The checksum that it must have.
    pub checksum: Option<Checksum>,
    /// How long the connection may say nothing.
    pub idle: Duration,
}

impl Piece {
    /// Whether its checksum is computed as the file's hash is, and over the same bytes so far.
    fn hashes_the_file(&self) -> bool {
        let checksum = self.checksum.as_ref();
        self.offset == 0 && checksum.is_some_and(|checksum| checksum.sha256().is_some())
    }
}

/// How many bytes of an upload may lie only in the memory of the system until they are synced. The power takes no
/// more than these.
const SYNC_EVERY: u64 = 1024 * 1024;

/// A piece while it comes in. The part is opened with the first bytes that are written.
struct Incoming {
    path: PathBuf,
    offset: u64,
    /// The hash of everything before the piece, if it is known, and not that of the first piece, which
    /// `checksum` computes.
    before: Option<Sha256>,
    checksum: Option<Checksum>,
    /// How many bytes before the piece were not synced.
    unsynced: u64,
    writing: Option<Writing>,
}

/// The part, open.
struct Writing {
    part: Part,
    /// Of everything up to the end of the part, if it is known.
    hash: Option<Sha256>,
}

/// How a piece ended.
enum Ending {
    Whole,
    Cut(FileError),
    /// Nothing of it counts, whatever came.
    Void(FileError),
}

/// What is there after a piece.
struct Closed {
    at: u64,
    hash: Option<Sha256>,
    unsynced: u64,
    ended: Result<(), FileError>,
}

/// Receives a piece into an upload of `length` bytes. Returns where the upload stands then. A whole upload is on the
/// disk; of one that goes on, all but the last [`SYNC_EVERY`] bytes.
///
/// # Errors
/// [`FileError`]. Without a checksum the bytes that came before it count.
pub(crate) async fn receive<E>(
    (path, length): (PathBuf, u64),
    turn: &mut UploadTurn,
    piece: Piece,
    body: impl Stream<Item = Result<Bytes, E>>,
    cores: &Cores,
) -> Result<u64, FileError> {
    let known = turn.remembered.hash.take();
    let incoming = Incoming {
        path,
        offset: piece.offset,
        before: match known {
            _ if piece.hashes_the_file() => None,
            _ if piece.offset == 0 => Some(Sha256::new()),
            Some((at, hash)) if at == piece.offset => Some(hash),
            _ => None,
        },
        checksum: piece.checksum,
        unsynced: turn.remembered.unsynced,
        writing: None,
    };
    let (incoming, came, ending) = pour(incoming, length, turn, piece.idle, body, cores).await?;
    let closing = on_a_core(cores, move || incoming.close(&came, ending, length));
    let closed = closing.await??;
    turn.remembered.hash = closed.hash.map(|hash| (closed.at, hash));
    turn.remembered.unsynced = closed.unsynced;
    closed.ended.map(|()| closed.at)
}

/// Runs what blocks on a thread for it, and on a core of its own.
async fn on_a_core<T: Send + 'static>(
    cores: &Cores,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FileError> {
    let core = cores.wait_for_one().await;
    let task = tokio::task::spawn_blocking(move || {
        let _core = core;
        work()
    });
    task.await.map_err(|_| FileError::Thread)
}

/// Writes what comes until it ends. What came last is given back unwritten.
async fn pour<E>(
    mut incoming: Incoming,
    length: u64,
    turn: &mut UploadTurn,
    idle: Duration,
    body: impl Stream<Item = Result<Bytes, E>>,
    cores: &Cores,
) -> Result<(Incoming, Vec<Bytes>, Ending), FileError> {
    let mut body = std::pin::pin!(body);
    let end = Instant::now() + LONGEST;
    let mut at = incoming.offset;
    let mut came: Vec<Bytes> = Vec::new();
    let mut size = 0;
    loop {
        let by = (Instant::now() + idle).min(end);
        let next = tokio::select! {
            biased;
            () = turn.over() => return Ok((incoming, came, Ending::Cut(FileError::TakenOver))),
            next = timeout_at(by, body.next()) => next,
        };
        match next {
            Err(_) | Ok(Some(Err(_))) => {
                return Ok((incoming, came, Ending::Cut(FileError::Cut)));
            }
            Ok(None) => return Ok((incoming, came, Ending::Whole)),
            Ok(Some(Ok(bytes))) => {
                at += bytes.len() as u64;
                if at > length {
                    let ending = Ending::Void(FileError::BeyondEnd(length));
                    return Ok((incoming, Vec::new(), ending));
                }
                size += bytes.len();
                came.push(bytes);
            }
        }
        if size > AT_ONCE {
            let bytes = std::mem::take(&mut came);
            let written;
            (incoming, written) = on_a_core(cores, move || {
                let written = incoming.write(&bytes);
                (incoming, written)
            })
            .await?;
            match written {
                Ok(()) => size = 0,
                Err(error) if incoming.writing.is_none() => return Err(error),
                Err(error) => return Ok((incoming, Vec::new(), Ending::Cut(error))),
            }
        }
    }
}

impl Incoming {
    /// Writes and hashes some bytes, all or none of them. Without `writing` after an error the part could not be
    /// opened.
    fn write(&mut self, came: &[Bytes]) -> Result<(), FileError> {
        let writing = match &mut self.writing {
            Some(writing) => writing,
            None => {
                let part = Part::open(&self.path)?;
                if part.length() != self.offset {
                    return Err(FileError::Offset(part.length()));
                }
                let hash = self.before.clone();
                self.writing.insert(Writing { part, hash })
            }
        };
        writing.part.append(came)?;
        for bytes in came {
            if let Some(hash) = &mut writing.hash {
                hash.update(bytes);
            }
            if let Some(checksum) = &mut self.checksum {
                checksum.update(bytes);
            }
        }
        Ok(())
    }

    /// Writes what came last, settles what of the piece counts, and puts it on the disk if it is time.
    fn close(mut self, came: &[Bytes], ending: Ending, length: u64) -> Result<Closed, FileError> {
        let written = self.write(came);
        let Some(Writing { mut part, mut hash }) = self.writing else {
            return Err(written.err().unwrap_or(FileError::Thread));
        };
        let ending = match (ending, written) {
            (Ending::Whole, Err(error)) => Ending::Cut(error),
            (ending, _) => ending,
        };
        let was_checked = self.checksum.is_some();
        if self.offset == 0 && hash.is_none() {
            hash = self.checksum.as_ref().and_then(Checksum::sha256).cloned();
        }
        let (voids, ended) = match ending {
            Ending::Whole if self.checksum.is_none_or(Checksum::fits) => (false, Ok(())),
            Ending::Whole => (true, Err(FileError::ChecksumWrong)),
            Ending::Cut(error) => (was_checked, Err(error)),
            Ending::Void(error) => (true, Err(error)),
        };
        if voids {
            part.cut_to(self.offset)?;
            hash = self.before;
        }
        let at = part.length();
        let mut unsynced = self.unsynced + at.saturating_sub(self.offset);
        if at == length {
            // It gets another name, which is synced then.
            part.sync_bytes()?;
        } else if unsynced >= SYNC_EVERY {
            Part::sync_at(&self.path)?;
            unsynced = 0;
        }
        Ok(Closed {
            at,
            hash,
            unsynced,
            ended,
        })
    }
}
