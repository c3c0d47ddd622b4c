//! Step 2: letting a change into a record.

use automerge::{Automerge, ChangeHash, ReadDoc};
use gridlog_domain::writes::Write;

use crate::check::Sound;
use crate::header::{Frame, Header};
use crate::history::{History, apply, read};
use crate::index::{Clock, Standing};
use crate::limits::Limits;
use crate::refusal::{PolicyRefusal, Refusal};
use crate::shield::shielded;

/// What a policy is shown to judge a change that is otherwise sound.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The change's header.
    pub header: &'a Header,
    /// The record without the change.
    pub before: &'a Automerge,
    /// The record with the change, as every phone will load it.
    pub after: &'a Automerge,
    /// The change's operations, each with its path, in order.
    pub writes: &'a [Write],
    /// Whether this is the record's first change.
    pub genesis: bool,
}

/// What became of a change that was not refused.
#[derive(Debug)]
pub enum Outcome {
    /// It is in.
    Admitted(Box<Admitted>),
    /// The record already has it; sending again is harmless.
    AlreadyKnown,
    /// It builds on changes that have not arrived. Try again when they have.
    Waiting {
        /// The dependencies that the record lacks.
        missing: Vec<ChangeHash>,
    },
}

/// An admitted change.
#[derive(Debug)]
pub struct Admitted {
    /// The change's header.
    pub header: Header,
    /// The history with the change.
    pub history: History,
    /// The change's operations, each with its path, in order.
    pub writes: Vec<Write>,
}

/// Step 2 of ingest (DESIGN section 5): judges the change in `bytes` against a record.
///
/// In order: everything [`receive`](crate::receive) checks; whether the record has the change,
/// or lacks its dependencies; the actor's sequence; the first counter; the canonical form; every
/// operation; then Automerge applies it to a scratch copy, saves and loads the result; `policy`
/// judges last. `history` is never changed. Which actors the sender may use is the caller's to
/// check, with [`Header::check_actor`].
///
/// A change without operations is refused (`empty_change`): Gridlog never records one, and
/// Automerge gives it no counter of its own.
///
/// # Errors
/// A [`Refusal`]; its code is stable. Panics of Automerge and of `policy` become
/// `automerge_panicked`.
pub fn admit(
    history: &History,
    bytes: &[u8],
    limits: &Limits,
    policy: impl FnOnce(&Candidate<'_>) -> Result<(), PolicyRefusal>,
) -> Result<Outcome, Refusal> {
    let frame = Frame::read(bytes, limits)?;
    let clock = match history.index.stand(&frame.header)? {
        Standing::Known => return Ok(Outcome::AlreadyKnown),
        Standing::Waiting(missing) => return Ok(Outcome::Waiting { missing }),
        Standing::Next(clock) => clock,
    };
    let sound = read(&history.index, &clock, &frame, limits)?;
    let document = rehearse(history, bytes, &frame.header)?;
    let candidate = Candidate {
        header: &frame.header,
        before: &history.document,
        after: &document,
        writes: &sound.writes,
        genesis: history.is_empty(),
    };
    shielded("policy", || policy(&candidate))?.map_err(Refusal::Policy)?;
    Ok(Outcome::Admitted(Box::new(conclude(
        history,
        document,
        frame.header,
        clock,
        sound,
    ))))
}

fn conclude(
    history: &History,
    document: Automerge,
    header: Header,
    clock: Clock,
    sound: Sound,
) -> Admitted {
    let mut index = history.index.clone();
    index.add(&header, clock, sound.entries);
    Admitted {
        header,
        history: History { document, index },
        writes: sound.writes,
    }
}

/// Applies the change to a scratch copy, saves it and loads it again. Returns the loaded document:
/// it is what every phone will have, whatever the scratch copy holds in memory.
fn rehearse(history: &History, bytes: &[u8], header: &Header) -> Result<Automerge, Refusal> {
    let scratch = shielded("apply", || apply(history.document.clone(), &[bytes]))??;
    shielded("compare", || require_one_more(history, &scratch, header))??;
    let saved = shielded("save", || scratch.save_nocompress())?;
    let loaded = shielded("reload", || Automerge::load(&saved))?
        .map_err(|_| Refusal::DoesNotReload { hash: header.hash })?;
    let same = shielded("compare", || {
        loaded.get_heads() == scratch.get_heads() && loaded.save_nocompress() == saved
    })?;
    if same {
        Ok(loaded)
    } else {
        Err(Refusal::DoesNotReload { hash: header.hash })
    }
}

/// The scratch copy has the change as its only new one. That the change comes out of a document as
/// it went in shows at the reload, where Automerge encodes and hashes every change anew.
fn require_one_more(
    history: &History,
    scratch: &Automerge,
    header: &Header,
) -> Result<(), Refusal> {
    let mut heads = history.document.get_heads();
    heads.retain(|head| !header.deps.contains(head));
    heads.push(header.hash);
    heads.sort_unstable();
    let mut found = scratch.get_heads();
    found.sort_unstable();
    let applied = scratch.stats().num_changes == history.len() as u64 + 1;
    let queued = !scratch.get_missing_deps(&[]).is_empty();
    if found == heads && applied && !queued {
        Ok(())
    } else {
        Err(Refusal::AutomergeRefused { stage: "compare" })
    }
}
