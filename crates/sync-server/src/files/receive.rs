//! Receiving one piece of an upload: written as it comes, hashed on the way, never held whole.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};

use super::checksum::Checksum;
use super::error::FileError;
use super::part::{BUFFER, Part};
use super::turns::UploadTurn;
use crate::fairness::Cores;

/// However slowly a piece comes, it is over after this time; the next one goes on.
const LONGEST: Duration = Duration::from_secs(15 * 60);

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

/// A piece while it is written.
struct Writing {
    part: Part,
    path: PathBuf,
    /// Of everything up to the end of the part, if it is known.
    hash: Option<Sha256>,
    checksum: Option<Checksum>,
}

/// How a piece ended.
enum Ending {
    Whole,
    Cut(FileError),
    /// Nothing of it counts, whatever came.
    Void(FileError),
}

/// Receives a piece into an upload of `length` bytes. Returns where the upload stands then, with everything up to
/// there on the disk.
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
    let offset = piece.offset;
    let known = turn.remembered.hash.take();
    let (writing, before) = open(path, &piece, known).await?;
    let idle = piece.idle;
    let (writing, ending) = pour(writing, (offset, length), turn, idle, body, cores).await?;
    let closed = tokio::task::spawn_blocking(move || close(writing, offset, before, ending));
    let (at, hash, ended) = closed.await.map_err(|_| FileError::Thread)??;
    turn.remembered.hash = hash.map(|hash| (at, hash));
    ended.map(|()| at)
}

/// Opens the part where the piece begins. Returns the hash of what was there before, too.
async fn open(
    path: PathBuf,
    piece: &Piece,
    known: Option<(u64, Sha256)>,
) -> Result<(Writing, Option<Sha256>), FileError> {
    let (offset, checksum) = (piece.offset, piece.checksum.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let part = Part::open(&path)?;
        if part.length() != offset {
            return Err(FileError::Offset(part.length()));
        }
        let hash = match known {
            _ if offset == 0 => Some(Sha256::new()),
            Some((at, hash)) if at == offset => Some(hash),
            _ => None,
        };
        let before = hash.clone();
        let writing = Writing {
            part,
            path,
            hash,
            checksum,
        };
        Ok((writing, before))
    });
    opened.await.map_err(|_| FileError::Thread)?
}

/// Writes what comes until it ends.
async fn pour<E>(
    mut writing: Writing,
    (mut at, length): (u64, u64),
    turn: &mut UploadTurn,
    idle: Duration,
    body: impl Stream<Item = Result<Bytes, E>>,
    cores: &Cores,
) -> Result<(Writing, Ending), FileError> {
    let mut body = std::pin::pin!(body);
    let end = Instant::now() + LONGEST;
    let mut came: Vec<Bytes> = Vec::new();
    let mut size = 0;
    let ending = loop {
        let by = (Instant::now() + idle).min(end);
        let next = tokio::select! {
            biased;
            () = turn.over() => break Ending::Cut(FileError::TakenOver),
            next = timeout_at(by, body.next()) => next,
        };
        match next {
            Err(_) | Ok(Some(Err(_))) => break Ending::Cut(FileError::Cut),
            Ok(None) => break Ending::Whole,
            Ok(Some(Ok(bytes))) => {
                at += bytes.len() as u64;
                if at > length {
                    break Ending::Void(FileError::BeyondEnd(length));
                }
                size += bytes.len();
                came.push(bytes);
            }
        }
        if size >= BUFFER {
            let written = write(writing, std::mem::take(&mut came), cores).await?;
            writing = match written {
                (writing, Ok(())) => writing,
                (writing, Err(error)) => return Ok((writing, Ending::Cut(error))),
            };
            size = 0;
        }
    };
    match ending {
        Ending::Void(_) => Ok((writing, ending)),
        ending => match write(writing, came, cores).await? {
            (writing, Ok(())) => Ok((writing, ending)),
            (writing, Err(error)) => Ok((writing, Ending::Cut(error))),
        },
    }
}

/// Writes and hashes some bytes, on a thread for such work and a core of its own.
async fn write(
    mut writing: Writing,
    came: Vec<Bytes>,
    cores: &Cores,
) -> Result<(Writing, Result<(), FileError>), FileError> {
    if came.is_empty() {
        return Ok((writing, Ok(())));
    }
    let cores = cores.clone();
    let written = tokio::task::spawn_blocking(move || {
        let _core = cores.take();
        let written = writing.part.append(&came).map_err(FileError::from);
        if written.is_ok() {
            for bytes in &came {
                if let Some(hash) = &mut writing.hash {
                    hash.update(bytes);
                }
                if let Some(checksum) = &mut writing.checksum {
                    checksum.update(bytes);
                }
            }
        }
        (writing, written)
    });
    written.await.map_err(|_| FileError::Thread)
}

type Closed = (u64, Option<Sha256>, Result<(), FileError>);

/// Settles what of the piece counts, and puts it on the disk.
fn close(
    writing: Writing,
    offset: u64,
    before: Option<Sha256>,
    ending: Ending,
) -> Result<Closed, FileError> {
    let Writing {
        mut part,
        path,
        mut hash,
        checksum,
    } = writing;
    let was_checked = checksum.is_some();
    let ended = match ending {
        Ending::Cut(error) | Ending::Void(error) if was_checked => Err((true, error)),
        Ending::Void(error) => Err((true, error)),
        Ending::Cut(error) => Err((false, error)),
        Ending::Whole if checksum.is_none_or(Checksum::fits) => Ok(()),
        Ending::Whole => Err((true, FileError::ChecksumWrong)),
    };
    let ended = match ended {
        Err((true, error)) => {
            part.cut_to(offset)?;
            hash = before;
            Err(error)
        }
        Err((false, error)) => Err(error),
        Ok(()) => Ok(()),
    };
    part.sync(&path)?;
    Ok((part.length(), hash, ended))
}
