//! Deciding on one change: into the log, or where else.

use gridlog_domain::channel::Channel;
use gridlog_domain::id::{AreaCode, PersonId};
use gridlog_domain::record::policy;
use gridlog_domain::record::{Beginning, Kind};
use gridlog_domain::time::{ActTimes, CountedTime};
use gridlog_domain::workflow::CaseState;
use gridlog_merge_guard::{
    Admitted, History, Limits, Outcome as Judged, PolicyRefusal, Refusal, admit,
};
use gridlog_protocol::limits::MAX_RECORD_BYTES;
use gridlog_protocol::{Digest, reason};

use super::ledger::Ledger;
use super::scope::{self, Place, Scope};
use super::working::{Ruled, Working};
use crate::directory::Directory;
use crate::store::{Batch, ItemStatus, Store, StoreError};

/// One change, and what is known of how it came.
#[derive(Debug, Clone)]
pub(super) struct Incoming<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) by: &'a PersonId,
    pub(super) offset_ms: Option<i64>,
    pub(super) received_ms: i64,
    pub(super) device_is_revoked: bool,
    /// Whether the author may write here is settled: an office let it in, or it was admitted before.
    pub(super) scope_is_cleared: bool,
    /// Whether a device pushed it: then a new case came in by its worker, by no other way.
    pub(super) from_device: bool,
}

/// What stays the same during a round.
pub(super) struct Circumstances<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) directory: &'a Directory,
    pub(super) limits: &'a Limits,
    pub(super) now_ms: i64,
}

/// Decides on one change. If it is admitted, `working` and `batch` carry it; if not, both are as
/// they were. `judged` is what was found about it on the very history that `working` has, if it was judged
/// before.
pub(super) fn decide(
    circumstances: &Circumstances<'_>,
    batch: &mut Batch,
    working: &mut Working,
    incoming: &Incoming<'_>,
    judged: Option<Result<Judged, Refusal>>,
) -> Result<ItemStatus, StoreError> {
    if working.erased {
        return Ok(ItemStatus::Refused(reason::ERASED.to_owned()));
    }
    if working.bytes + incoming.bytes.len() > MAX_RECORD_BYTES {
        return Ok(ItemStatus::Refused("record_full".to_owned()));
    }
    let judged = judged.unwrap_or_else(|| examine(circumstances, working, incoming));
    match judged {
        Err(refusal) => Ok(ItemStatus::Refused(refusal.code().to_owned())),
        Ok(Judged::Waiting { missing }) => wait_or_block(circumstances, working, &missing),
        Ok(Judged::AlreadyKnown) => already_known(circumstances, working, incoming),
        Ok(Judged::Admitted(admitted)) => {
            // Only a sound change is worth an office's look, so scope is judged last.
            let begun = match &working.ruled {
                None => match begin(circumstances, incoming, &admitted) {
                    Ok(ruled) => Some(ruled),
                    Err(status) => return Ok(status),
                },
                Some(ruled) => {
                    let device_ms = admitted.header.time_ms;
                    if let Some(status) = out_of_scope(circumstances, ruled, incoming, device_ms) {
                        return Ok(status);
                    }
                    None
                }
            };
            let mut ledger = Ledger {
                circumstances,
                batch,
                working,
                origin: None,
                stays_archived: false,
            };
            let (seq, proposals) = ledger.enter(*admitted, begun, incoming)?;
            for (id, stored) in proposals {
                ledger.rule(id, &stored, incoming.received_ms)?;
            }
            Ok(ItemStatus::Admitted(seq))
        }
    }
}

/// Judges the change's bytes and what it writes, whoever may write where.
pub(super) fn examine(
    circumstances: &Circumstances<'_>,
    working: &Working,
    incoming: &Incoming<'_>,
) -> Result<Judged, Refusal> {
    let (history, bytes) = (&working.history, incoming.bytes);
    judge(circumstances.limits, history, bytes, incoming.by)
}

/// Judges a change of `by` on a history. It depends on nothing else.
pub(super) fn judge(
    limits: &Limits,
    history: &History,
    bytes: &[u8],
    by: &PersonId,
) -> Result<Judged, Refusal> {
    admit(history, bytes, limits, |candidate| {
        policy::judge(policy::Judged {
            author: by,
            genesis: candidate.genesis,
            before: candidate.before,
            after: candidate.after,
            deps: &candidate.header.deps,
            writes: candidate.writes,
        })
        .map_err(|error| PolicyRefusal {
            code: error.code(),
            detail: error.to_string(),
        })
    })
}

fn counted(incoming: &Incoming<'_>, device_ms: i64) -> CountedTime {
    done_at(device_ms, incoming.offset_ms, incoming.received_ms)
}

/// When the work of a change was done.
pub(super) fn done_at(device_ms: i64, offset_ms: Option<i64>, received_ms: i64) -> CountedTime {
    ActTimes {
        device_ms,
        offset_ms,
        not_before_ms: i64::MIN,
        received_ms,
    }
    .counted()
}

/// Where a change to a record that exists goes if its author may not write there.
fn out_of_scope(
    circumstances: &Circumstances<'_>,
    ruled: &Ruled,
    incoming: &Incoming<'_>,
    device_ms: i64,
) -> Option<ItemStatus> {
    let departments: Vec<_> = ruled
        .state
        .iter()
        .flat_map(CaseState::departments)
        .collect();
    let place = Place {
        area: &ruled.area,
        departments: &departments,
        anywhere: ruled.kind == Kind::Case && &ruled.author == incoming.by,
    };
    refuse_by_scope(circumstances, incoming, place, device_ms)
}

fn refuse_by_scope(
    circumstances: &Circumstances<'_>,
    incoming: &Incoming<'_>,
    place: Place<'_>,
    device_ms: i64,
) -> Option<ItemStatus> {
    if incoming.scope_is_cleared || mutated!(ScopeNotJudged) {
        return None;
    }
    let scope = scope::judge(
        circumstances.directory,
        incoming.by,
        incoming.device_is_revoked,
        place,
        counted(incoming, device_ms),
        circumstances.now_ms,
    );
    match scope {
        Scope::Allowed => None,
        Scope::Review(reason) => Some(ItemStatus::Review(reason.to_owned())),
        Scope::NeverHeld => Some(ItemStatus::Refused(reason::AREA_NEVER_HELD.to_owned())),
    }
}

/// The server rules where a new record lives. A case may be reported anywhere; it lives where it
/// was reported, or in its reporter's own area if that place is unknown.
pub(super) fn begin(
    circumstances: &Circumstances<'_>,
    incoming: &Incoming<'_>,
    admitted: &Admitted,
) -> Result<Ruled, ItemStatus> {
    let refused = |code: &str| ItemStatus::Refused(code.to_owned());
    let begun = Beginning::read(admitted.history.document()).map_err(|_| refused("bad_genesis"))?;
    if incoming.from_device && begun.channel.is_some_and(|way| way != Channel::Worker) {
        return Err(refused(reason::CHANNEL_OF_AN_OFFICE));
    }
    let directory = circumstances.directory;
    let done = counted(incoming, admitted.header.time_ms);
    let area = home(
        directory,
        (&begun.area, begun.kind),
        incoming.by,
        done.at_ms,
    );
    let area = area.ok_or_else(|| refused("unknown_area"))?;
    let place = Place {
        area: &area,
        departments: &[],
        anywhere: begun.kind == Kind::Case,
    };
    if let Some(status) = refuse_by_scope(circumstances, incoming, place, admitted.header.time_ms) {
        return Err(status);
    }
    Ok(Ruled::new(begun.kind, area, begun.author))
}

/// Where a new record lives if its area is as good as the record says; see [`begin`].
pub(super) fn home(
    directory: &Directory,
    (declared, kind): (&AreaCode, Kind),
    by: &PersonId,
    at_ms: i64,
) -> Option<AreaCode> {
    let declared = directory.areas.get(declared);
    match declared.filter(|area| area.is_valid_at(at_ms)) {
        Some(area) => Some(area.code.clone()),
        None if kind == Kind::Case => own_area(directory, by),
        None => None,
    }
}

/// The area that a person works in.
pub(super) fn own_area(directory: &Directory, person: &PersonId) -> Option<AreaCode> {
    let assignments = &directory.person(person)?.assignments;
    assignments
        .iter()
        .find(|assignment| assignment.role.is_field())
        .map(|a| a.area.clone())
}

fn wait_or_block(
    circumstances: &Circumstances<'_>,
    working: &Working,
    missing: &[automerge::ChangeHash],
) -> Result<ItemStatus, StoreError> {
    for hash in missing {
        let hash = Digest(hash.0);
        match circumstances.store.change_status(working.id, hash)? {
            Some(ItemStatus::Refused(_)) => return Ok(ItemStatus::BlockedBy(hash)),
            Some(ItemStatus::BlockedBy(root)) => return Ok(ItemStatus::BlockedBy(root)),
            _ => {}
        }
    }
    let first = missing.first().map_or(Digest::ZERO, |hash| Digest(hash.0));
    Ok(ItemStatus::Waiting(first))
}

/// The same change in other bytes, or pushed for a record that has it: it is in the log already.
fn already_known(
    circumstances: &Circumstances<'_>,
    working: &Working,
    incoming: &Incoming<'_>,
) -> Result<ItemStatus, StoreError> {
    let damaged = || StoreError::Damaged {
        what: "record",
        id: working.id.to_string(),
    };
    let header = gridlog_merge_guard::receive(incoming.bytes, circumstances.limits)
        .map_err(|_| damaged())?;
    let changes = circumstances.store.record_changes(working.id)?;
    let seq = changes
        .iter()
        .find(|change| change.hash.0 == header.hash.0)
        .map(|c| c.seq);
    // Admitted earlier in this very round: its entry is not stored yet.
    Ok(ItemStatus::Admitted(seq.unwrap_or(working.as_of)))
}
