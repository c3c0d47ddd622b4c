//! Deciding on one change: into the log, or where else.

use automerge::{ROOT, ReadDoc, ScalarValue};
use gridlog_domain::id::{AreaCode, EntryId, PersonId};
use gridlog_domain::record::policy;
use gridlog_domain::record::{Container, Kind, Proposal, RecordView, proposal_hash};
use gridlog_domain::time::{ActTimes, CountedTime};
use gridlog_domain::workflow::{Actor, CaseState, Outcome, RefusalReason, Rulebook};
use gridlog_domain::writes::{Action, Target, Write};
use gridlog_merge_guard::{Admitted, Limits, Outcome as Judged, PolicyRefusal, admit};
use gridlog_protocol::limits::MAX_RECORD_BYTES;
use gridlog_protocol::{Digest, Fact, Key, LogEntry, audience, entry_hash};

use super::scope::{self, Place, Scope};
use super::working::{Ruled, Working};
use crate::directory::Directory;
use crate::store::{Batch, ItemStatus, NewChange, NewEntry, NewRuling, Store, StoreError};

/// One change, and what is known of how it came.
#[derive(Debug, Clone)]
pub(super) struct Incoming<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) by: &'a PersonId,
    pub(super) offset_ms: Option<i64>,
    pub(super) received_ms: i64,
    pub(super) device_is_revoked: bool,
    /// An office, or the server for an office, vouches for the author's right to write here.
    pub(super) scope_is_cleared: bool,
}

/// What stays the same during a round.
pub(super) struct Circumstances<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) directory: &'a Directory,
    pub(super) limits: &'a Limits,
    pub(super) now_ms: i64,
}

/// Decides on one change. If it is admitted, `working` and `batch` carry it; if not, both are as
/// they were.
pub(super) fn decide(
    circumstances: &Circumstances<'_>,
    batch: &mut Batch,
    working: &mut Working,
    incoming: &Incoming<'_>,
) -> Result<ItemStatus, StoreError> {
    if working.bytes + incoming.bytes.len() > MAX_RECORD_BYTES {
        return Ok(ItemStatus::Refused("record_full".to_owned()));
    }
    let judged = admit(
        &working.history,
        incoming.bytes,
        circumstances.limits,
        |candidate| {
            policy::judge(policy::Judged {
                author: incoming.by,
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
        },
    );
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
            let mut admission = Admission {
                circumstances,
                batch,
                working,
                incoming,
            };
            admission.enter(*admitted, begun)
        }
    }
}

fn counted(incoming: &Incoming<'_>, device_ms: i64) -> CountedTime {
    ActTimes {
        device_ms,
        offset_ms: incoming.offset_ms,
        not_before_ms: i64::MIN,
        received_ms: incoming.received_ms,
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
    let place = Place {
        area: &ruled.area,
        department: ruled
            .state
            .as_ref()
            .and_then(|state| state.department.as_ref()),
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
    if incoming.scope_is_cleared {
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
        Scope::NeverHeld => Some(ItemStatus::Refused("area_never_held".to_owned())),
    }
}

/// The server rules where a new record lives. A case may be reported anywhere; it lives where it
/// was reported, or in its reporter's own area if that place is unknown.
fn begin(
    circumstances: &Circumstances<'_>,
    incoming: &Incoming<'_>,
    admitted: &Admitted,
) -> Result<Ruled, ItemStatus> {
    let refused = |code: &str| ItemStatus::Refused(code.to_owned());
    let view = RecordView::read(admitted.history.document()).map_err(|_| refused("bad_genesis"))?;
    let directory = circumstances.directory;
    let done = counted(incoming, admitted.header.time_ms);
    let declared = directory
        .areas
        .get(&view.area)
        .filter(|area| area.is_valid_at(done.at_ms));
    let area = match (declared, view.kind) {
        (Some(area), _) => area.code.clone(),
        (None, Kind::Case) => {
            own_area(directory, incoming.by).ok_or_else(|| refused("unknown_area"))?
        }
        (None, _) => return Err(refused("unknown_area")),
    };
    let place = Place {
        area: &area,
        department: None,
        anywhere: view.kind == Kind::Case,
    };
    if let Some(status) = refuse_by_scope(circumstances, incoming, place, admitted.header.time_ms) {
        return Err(status);
    }
    let state = (view.kind == Kind::Case).then(CaseState::default);
    Ok(Ruled {
        kind: view.kind,
        area,
        author: view.author,
        state,
    })
}

fn own_area(directory: &Directory, person: &PersonId) -> Option<AreaCode> {
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

struct Admission<'a, 'b> {
    circumstances: &'a Circumstances<'b>,
    batch: &'a mut Batch,
    working: &'a mut Working,
    incoming: &'a Incoming<'a>,
}

impl Admission<'_, '_> {
    fn enter(
        &mut self,
        admitted: Admitted,
        begun: Option<Ruled>,
    ) -> Result<ItemStatus, StoreError> {
        let Admitted {
            header,
            history,
            writes,
        } = admitted;
        self.working.history = history;
        self.working.bytes += self.incoming.bytes.len();
        let is_new = begun.is_some();
        if let Some(ruled) = begun {
            self.working.ruled = Some(ruled);
        }
        let next = self.batch.head.seq + 1;
        if is_new {
            let area = self.ruled()?.area.clone();
            for audience in self.circumstances.directory.area_audiences(&area) {
                self.gain(audience, next);
            }
        }
        self.gain(audience::person(self.incoming.by.as_str()), next);
        let change = Digest(header.hash.0);
        let by = self.incoming.by.as_str().to_owned();
        let seq = self.append(Fact::Admit { change, by });
        self.batch.changes.push(NewChange {
            record: self.working.id,
            hash: change,
            actor: header.actor.to_bytes().try_into().unwrap_or_default(),
            actor_seq: header.seq,
            seq,
            bytes: self.incoming.bytes.to_vec(),
        });
        if is_new {
            let area = self.ruled()?.area.as_str().to_owned();
            self.append(Fact::Assignment { area });
        }
        for write in &writes {
            if let Some((id, stored)) = proposal_in(write) {
                self.rule(id, stored)?;
            }
        }
        Ok(ItemStatus::Admitted(seq))
    }

    fn ruled(&mut self) -> Result<&mut Ruled, StoreError> {
        let id = self.working.id;
        self.working
            .ruled
            .as_mut()
            .ok_or_else(|| StoreError::Damaged {
                what: "record",
                id: id.to_string(),
            })
    }

    fn append(&mut self, fact: Fact) -> u64 {
        let entry = LogEntry {
            seq: self.batch.head.seq + 1,
            previous: self.batch.head.hash,
            at_ms: self.circumstances.now_ms,
            record: Key(*self.working.id.as_bytes()),
            fact,
        };
        let canonical = entry.to_bytes();
        self.batch.head.seq = entry.seq;
        self.batch.head.hash = entry_hash(&canonical);
        self.batch.entries.push(NewEntry {
            seq: entry.seq,
            record: self.working.id,
            canonical,
            audiences: self.working.audiences.iter().cloned().collect(),
        });
        self.working.as_of = entry.seq;
        self.working.updated_ms = self.circumstances.now_ms;
        entry.seq
    }

    fn gain(&mut self, audience: String, since: u64) {
        if self.working.audiences.insert(audience.clone()) {
            self.batch.gained.push((self.working.id, audience, since));
        }
    }

    /// Rules on one proposal, once and for all.
    fn rule(&mut self, id: EntryId, stored: &str) -> Result<(), StoreError> {
        if !self.working.ruled_proposals.insert(*id.as_bytes()) {
            return Ok(());
        }
        // The policy has read this text before, so it is a proposal.
        let Ok(proposal) = serde_json::from_str::<Proposal>(stored) else {
            return Ok(());
        };
        let counts_at = self.counted(&proposal)?;
        let document = self.working.history.document();
        let deleted = matches!(document.get(ROOT, "deleted_at"), Ok(Some(_)));
        let before = self.ruled()?.state.clone();
        let (outcome, after) = match &before {
            None => (Outcome::Refused(RefusalReason::NotACase), None),
            Some(state) if deleted => (
                Outcome::Refused(RefusalReason::Deleted),
                Some(state.clone()),
            ),
            Some(state) => {
                let ruling = self.apply_rulebook(state, id, &proposal, counts_at)?;
                (ruling.outcome, Some(ruling.state))
            }
        };
        self.enter_ruling(id, stored, &proposal, outcome, counts_at, after.as_ref());
        let department =
            |state: &Option<CaseState>| state.as_ref().and_then(|state| state.department.clone());
        let (old, new) = (department(&before), department(&after));
        self.ruled()?.state = after;
        if old != new {
            self.hand_over(
                old.as_ref().map(|d| d.as_str()),
                new.as_ref().map(|d| d.as_str()),
            );
        }
        Ok(())
    }

    fn apply_rulebook(
        &mut self,
        state: &CaseState,
        id: EntryId,
        proposal: &Proposal,
        counts_at: CountedTime,
    ) -> Result<gridlog_domain::workflow::Ruling, StoreError> {
        let directory = self.circumstances.directory;
        let ruled = self.ruled()?;
        let who = Actor {
            person: proposal.by.clone(),
            roles: directory.held_roles(&proposal.by, &ruled.area, counts_at.at_ms),
            is_author: ruled.author == proposal.by,
        };
        let rulebook = Rulebook {
            catalogue: &directory.catalogue,
        };
        Ok(rulebook.rule(state, (id, proposal), &who, counts_at))
    }

    fn counted(&self, proposal: &Proposal) -> Result<CountedTime, StoreError> {
        let seen = proposal.seen;
        let known = seen.epoch == self.batch.head.epoch;
        let seen_at = if known {
            self.circumstances.store.entry_time(seen.seq)?
        } else {
            None
        };
        // What a phone says it had seen is its own word; what the case has come to is not.
        let ruled = self.working.ruled.as_ref();
        let last = ruled.and_then(|ruled| ruled.state.as_ref()?.last.as_ref());
        let answers_at = seen_at
            .into_iter()
            .chain(last.map(|last| last.at.at_ms))
            .max();
        Ok(ActTimes {
            device_ms: proposal.at_ms,
            offset_ms: proposal.offset_ms,
            not_before_ms: answers_at.unwrap_or(i64::MIN),
            received_ms: self.incoming.received_ms,
        }
        .counted())
    }

    fn enter_ruling(
        &mut self,
        id: EntryId,
        stored: &str,
        proposal: &Proposal,
        outcome: Outcome,
        counts_at: CountedTime,
        after: Option<&CaseState>,
    ) {
        let refused = match outcome {
            Outcome::Accepted => None,
            Outcome::Refused(reason) => Some(reason.code().to_owned()),
        };
        let department = after.and_then(|state| state.department.as_ref());
        let seq = self.append(Fact::Ruling {
            proposal: Key(*id.as_bytes()),
            proposal_hash: Digest(proposal_hash(stored)),
            step: proposal.step.code().to_owned(),
            by: proposal.by.as_str().to_owned(),
            refused: refused.clone(),
            stage: after.map_or("", |state| state.stage.code()).to_owned(),
            counts_at_ms: counts_at.at_ms,
            time_flagged: counts_at.flagged,
            department: department.map(|department| department.as_str().to_owned()),
        });
        self.batch.rulings.push(NewRuling {
            record: self.working.id,
            proposal: *id.as_bytes(),
            seq,
            refused,
        });
    }

    /// A department sees a case while it has it.
    fn hand_over(&mut self, from: Option<&str>, to: Option<&str>) {
        if let Some(department) = from {
            let audience = audience::department(department);
            // The department is told by the entry that takes the case from it.
            self.append(Fact::Hidden {
                audience: audience.clone(),
            });
            self.working.audiences.remove(&audience);
            self.batch
                .gained
                .retain(|(id, gained, _)| !(*id == self.working.id && *gained == audience));
            self.batch.lost.push((self.working.id, audience));
        }
        if let Some(department) = to {
            let audience = audience::department(department);
            let seq = self.batch.head.seq + 1;
            self.batch
                .lost
                .retain(|(id, lost)| !(*id == self.working.id && *lost == audience));
            self.gain(audience.clone(), seq);
            self.append(Fact::Visible { audience });
        }
    }
}

/// The proposal that a write puts, with its stored text.
fn proposal_in(write: &Write) -> Option<(EntryId, &str)> {
    let [container] = write.path.as_slice() else {
        return None;
    };
    match (&write.target, &write.action) {
        (Target::Key(key), Action::Put(ScalarValue::Str(text)))
            if container == Container::Proposals.key() =>
        {
            Some((key.parse().ok()?, text))
        }
        _ => None,
    }
}
