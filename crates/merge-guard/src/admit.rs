//! Step 2: letting a change into a record.

use automerge::{Automerge, ChangeHash, ReadDoc};
use gridlog_domain::writes::Write;

use crate::check::Sound;
use crate::header::{Frame, Header};
use crate::history::{History, apply, read};
use crate::index::{Clock, Standing};
use crate::limits::Limits;
use crate::refusal::{PolicyRefusal, Refusal};
use crate::rehearsal::reload;
use crate::shield::shielded;

/// What a policy is shown to judge a change that is otherwise sound.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The change's header.
    pub header: &'a Header,
    /// The record without the change.
    pub before: &'a Automerge,
    /// The record with the change; after [`admit`], as every phone will load it.
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
    judge(history, bytes, limits, policy, |scratch, hash| {
        reload(&scratch, hash)
    })
}

/// As [`admit`], but leaves saving and loading to [`History::rehearse`], which does it once for
/// all changes of a record that are let in together: loading costs with the size of the record,
/// not of the change.
///
/// Until [`History::rehearse`] has passed on the history that the last of them made, nothing of
/// them may be stored or sent on. If it fails, the caller goes back to the history before the
/// first of them, and [`admit`]s them one by one to find the one to refuse.
///
/// # Errors
/// As [`admit`], except `does_not_reload`.
pub fn admit_unrehearsed(
    history: &History,
    bytes: &[u8],
    limits: &Limits,
    policy: impl FnOnce(&Candidate<'_>) -> Result<(), PolicyRefusal>,
) -> Result<Outcome, Refusal> {
    judge(history, bytes, limits, policy, |scratch, _| Ok(scratch))
}

fn judge(
    history: &History,
    bytes: &[u8],
    limits: &Limits,
    policy: impl FnOnce(&Candidate<'_>) -> Result<(), PolicyRefusal>,
    prove: impl FnOnce(Automerge, ChangeHash) -> Result<Automerge, Refusal>,
) -> Result<Outcome, Refusal> {
    let frame = Frame::read(bytes, limits)?;
    let clock = match history.index.stand(&frame.header)? {
        Standing::Known => return Ok(Outcome::AlreadyKnown),
        Standing::Waiting(missing) => return Ok(Outcome::Waiting { missing }),
        Standing::Next(clock) => clock,
    };
    let sound = read(&history.index, &clock, &frame, limits)?;
    let scratch = shielded("apply", || apply(history.document.clone(), &[bytes]))??;
    shielded("compare", || {
        require_one_more(history, &scratch, &frame.header)
    })??;
    let document = prove(scratch, frame.header.hash)?;
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
    let applied = scratch.stats().num_changes == history.len() as u64 + 1;
    let queued = !scratch.get_missing_deps(&[]).is_empty();
    if scratch.get_heads() == heads && applied && !queued {
        Ok(())
    } else {
        Err(Refusal::AutomergeRefused { stage: "compare" })
    }
}
