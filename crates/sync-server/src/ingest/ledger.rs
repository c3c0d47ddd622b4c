//! Writing in the case log: what a round enters about one record.

use std::collections::BTreeSet;

use automerge::{ROOT, ReadDoc, ScalarValue};
use gridlog_domain::id::{AreaCode, Department, EntryId};
use gridlog_domain::record::{Container, Proposal, proposal_hash};
use gridlog_domain::time::{ActTimes, CountedTime};
use gridlog_domain::workflow::{
    Actor, CaseState, Outcome, RefusalReason, Rulebook, Ruling, Stage, Timer, To,
};
use gridlog_domain::writes::{Action, Target, Write};
use gridlog_merge_guard::Admitted;
use gridlog_protocol::{Digest, Fact, Key, LogEntry, Origin, audience, entry_hash};

use super::decide::{Circumstances, Incoming};
use super::working::{Ruled, Working};
use crate::store::{Batch, NewChange, NewEntry, NewRuling, StoreError};

/// The log, open at one record. Everything goes into the batch and is committed with it.
pub(super) struct Ledger<'a, 'b> {
    pub(super) circumstances: &'a Circumstances<'b>,
    pub(super) batch: &'a mut Batch,
    pub(super) working: &'a mut Working,
    /// Set while entries are written that a device gave back.
    pub(super) origin: Option<Origin>,
    /// Whether a record that left the phones stays away although something is written in it: what is
    /// given back is older than its leaving.
    pub(super) stays_archived: bool,
}

impl Ledger<'_, '_> {
    /// Enters an admitted change; `begun` if it is the record's first. Returns the entry's number
    /// and the proposals in the change, which are to be ruled on.
    pub(super) fn enter(
        &mut self,
        admitted: Admitted,
        begun: Option<Ruled>,
        incoming: &Incoming<'_>,
    ) -> Result<(u64, Vec<(EntryId, String)>), StoreError> {
        let Admitted {
            header,
            history,
            writes,
        } = admitted;
        self.working.history = history;
        self.working.bytes += incoming.bytes.len();
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
        self.bring_back(next);
        self.gain(audience::person(incoming.by.as_str()), next);
        let change = Digest(header.hash.0);
        let by = incoming.by.as_str().to_owned();
        let seq = self.append(Fact::Admit {
            change,
            by: by.clone(),
        });
        self.batch.changes.push(NewChange {
            record: self.working.id,
            hash: change,
            actor: header.actor.to_bytes().try_into().unwrap_or_default(),
            actor_seq: header.seq,
            person: by,
            seq,
            bytes: incoming.bytes.to_vec(),
        });
        if is_new {
            let area = self.ruled()?.area.as_str().to_owned();
            self.append(Fact::Assignment { area });
        }
        let proposals = writes.iter().filter_map(proposal_in);
        Ok((
            seq,
            proposals.map(|(id, text)| (id, text.to_owned())).collect(),
        ))
    }

    /// Brings a record back that had left the phones.
    fn bring_back(&mut self, since: u64) {
        if self.working.archived && !self.stays_archived {
            self.working.archived = false;
            let id = self.working.id;
            let audiences = self.working.audiences.iter();
            let again = audiences.map(|audience| (id, audience.clone(), since));
            self.batch.gained.extend(again);
        }
    }

    /// Lets a record leave the phones. Nobody did anything to it, so an office's list keeps its place.
    pub(super) fn archive(&mut self) {
        let updated_ms = self.working.updated_ms;
        self.working.archived = true;
        self.append(Fact::Archived);
        self.working.updated_ms = updated_ms;
    }

    /// Erases the record. What refers to it finds only that it is gone. Everybody is told: a phone may
    /// hold it sealed, or words for it unsent, that has not seen it for long.
    pub(super) fn erase(&mut self, by: &str) {
        self.append(Fact::Erase { by: by.to_owned() });
        if let Some(entry) = self.batch.entries.last_mut() {
            entry.audiences.push(audience::EVERYBODY.to_owned());
        }
        let id = self.working.id;
        self.batch.changes.retain(|change| change.record != id);
        self.batch.rulings.retain(|ruling| ruling.record != id);
        self.batch.gained.retain(|(gained, ..)| *gained != id);
        self.batch.erased.push(id);
        let mut gone = Working::new(id);
        gone.erased = true;
        *self.working = gone;
    }

    /// Rules that the record lives in another area: it leaves those who see only the old one, and
    /// enters those who see the new one.
    pub(super) fn relocate(&mut self, area: &AreaCode) -> Result<(), StoreError> {
        let directory = self.circumstances.directory;
        let before = self.ruled()?.area.clone();
        let of = |area: &AreaCode| -> BTreeSet<String> {
            directory.area_audiences(area).into_iter().collect()
        };
        let (old, new) = (of(&before), of(area));
        let next = self.batch.head.seq + 1;
        self.bring_back(next);
        for audience in new.difference(&old) {
            self.gain(audience.clone(), next);
        }
        self.ruled()?.area = area.clone();
        // Told to both sides, so that either can give it back.
        self.append(Fact::Assignment {
            area: area.as_str().to_owned(),
        });
        for audience in new.difference(&old) {
            self.append(Fact::Visible {
                audience: audience.clone(),
            });
        }
        for audience in old.difference(&new) {
            self.lose(audience);
        }
        Ok(())
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

    pub(super) fn append(&mut self, fact: Fact) -> u64 {
        let entry = LogEntry {
            seq: self.batch.head.seq + 1,
            previous: self.batch.head.hash,
            at_ms: self.circumstances.now_ms,
            record: Key(*self.working.id.as_bytes()),
            fact,
            origin: self.origin,
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
            let id = self.working.id;
            self.batch
                .lost
                .retain(|(lost, whose)| !(*lost == id && *whose == audience));
            self.batch.gained.push((id, audience, since));
        }
    }

    /// An audience sees the record from here on.
    fn show_to(&mut self, audience: &str) {
        self.gain(audience.to_owned(), self.batch.head.seq + 1);
        self.append(Fact::Visible {
            audience: audience.to_owned(),
        });
    }

    /// An audience no longer sees the record; it is told by the entry that takes it away.
    fn lose(&mut self, audience: &str) {
        self.append(Fact::Hidden {
            audience: audience.to_owned(),
        });
        let id = self.working.id;
        self.working.audiences.remove(audience);
        self.batch
            .gained
            .retain(|(gained, whose, _)| !(*gained == id && whose == audience));
        if !mutated!(AudienceKept) {
            self.batch.lost.push((id, audience.to_owned()));
        }
    }

    /// Enters what the clock did to the case. It `counts` unless the case has gone on since.
    pub(super) fn enter_timer(&mut self, timer: Timer, counts: bool) -> Result<(), StoreError> {
        self.append(Fact::Timer {
            kind: timer.kind.code().to_owned(),
            level: timer.kind.level().map(|level| level.code().to_owned()),
            due_ms: timer.due_ms,
        });
        if let Some(state) = self.ruled()?.state.as_mut().filter(|_| counts) {
            *state = state.after(timer);
        }
        Ok(())
    }

    /// Rules on one proposal, once and for all.
    pub(super) fn rule(
        &mut self,
        id: EntryId,
        stored: &str,
        received_ms: i64,
    ) -> Result<(), StoreError> {
        let Some(proposal) = self.unruled(id, stored) else {
            return Ok(());
        };
        let counts_at = self.counted(&proposal, received_ms)?;
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
        let refused = code_of(outcome);
        self.enter_ruling(id, stored, &proposal, (refused, counts_at), after)
    }

    /// Enters a ruling that was made before this log lost it, as it was made. Where the case has gone
    /// another way meanwhile, the step cannot be taken any more, and that is what is ruled.
    pub(super) fn rule_as_before(
        &mut self,
        (id, stored): (EntryId, &str),
        refused: Option<String>,
        counts_at: CountedTime,
        stage: Stage,
    ) -> Result<(), StoreError> {
        let Some(proposal) = self.unruled(id, stored) else {
            return Ok(());
        };
        let before = self.ruled()?.state.clone();
        let (refused, after) = match (before, refused) {
            (Some(state), None)
                if !leads_to(&state, &proposal, stage) && !mutated!(RulingTakenBlindly) =>
            {
                let anew = self.apply_rulebook(&state, id, &proposal, counts_at)?;
                (code_of(anew.outcome), Some(anew.state))
            }
            (Some(state), None) => {
                let who = self.proposer(&proposal, counts_at)?;
                let step = (id, &proposal);
                let after = self
                    .rulebook()
                    .taken(&state, step, (stage, &who), counts_at);
                (None, Some(after))
            }
            (before, refused) => (refused, before),
        };
        self.enter_ruling(id, stored, &proposal, (refused, counts_at), after)
    }

    /// The proposal, if nothing was ruled on it yet; it counts as ruled from here on.
    fn unruled(&mut self, id: EntryId, stored: &str) -> Option<Proposal> {
        // The policy has read this text before, so it is a proposal.
        let proposal = serde_json::from_str(stored).ok()?;
        let is_new = self.working.ruled_proposals.insert(*id.as_bytes());
        is_new.then_some(proposal)
    }

    fn apply_rulebook(
        &mut self,
        state: &CaseState,
        id: EntryId,
        proposal: &Proposal,
        counts_at: CountedTime,
    ) -> Result<Ruling, StoreError> {
        let who = self.proposer(proposal, counts_at)?;
        Ok(self.rulebook().rule(state, (id, proposal), &who, counts_at))
    }

    fn rulebook(&self) -> Rulebook<'_> {
        Rulebook::new(&self.circumstances.directory.catalogue).of(self.working.id)
    }

    /// Who proposes, with the roles that they had over the case at that time.
    fn proposer(&mut self, proposal: &Proposal, at: CountedTime) -> Result<Actor, StoreError> {
        let directory = self.circumstances.directory;
        let ruled = self.ruled()?;
        Ok(Actor {
            person: proposal.by.clone(),
            roles: directory.held_roles(&proposal.by, &ruled.area, at.at_ms),
            is_author: ruled.author == proposal.by,
        })
    }

    fn counted(&self, proposal: &Proposal, received_ms: i64) -> Result<CountedTime, StoreError> {
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
            received_ms,
        }
        .counted())
    }

    fn enter_ruling(
        &mut self,
        id: EntryId,
        stored: &str,
        proposal: &Proposal,
        (refused, counts_at): (Option<String>, CountedTime),
        after: Option<CaseState>,
    ) -> Result<(), StoreError> {
        let involved = |state: &Option<CaseState>| -> BTreeSet<Department> {
            let departments = state.iter().flat_map(CaseState::departments);
            departments.cloned().collect()
        };
        let (old, new) = (involved(&self.ruled()?.state), involved(&after));
        let department = after.as_ref().and_then(|state| state.department.as_ref());
        let department = department.map(|department| department.as_str().to_owned());
        let ruling = Fact::Ruling {
            proposal: Key(*id.as_bytes()),
            proposal_hash: Digest(proposal_hash(stored)),
            step: proposal.step.code().to_owned(),
            by: proposal.by.as_str().to_owned(),
            refused: refused.clone(),
            stage: after
                .as_ref()
                .map_or("", |state| state.stage.code())
                .to_owned(),
            counts_at_ms: counts_at.at_ms,
            time_flagged: counts_at.flagged,
            department,
        };
        if mutated!(RuledTwice) {
            self.append(ruling.clone());
        }
        let seq = self.append(ruling);
        self.batch.rulings.push(NewRuling {
            record: self.working.id,
            proposal: *id.as_bytes(),
            seq,
            refused,
        });
        self.ruled()?.state = after;
        for department in old.difference(&new) {
            self.lose(&audience::department(department.as_str()));
        }
        for department in new.difference(&old) {
            self.show_to(&audience::department(department.as_str()));
        }
        Ok(())
    }
}

fn code_of(outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Accepted => None,
        Outcome::Refused(reason) => Some(reason.code().to_owned()),
    }
}

/// Whether a step, once accepted, may lead from where the case stands now to that stage.
fn leads_to(state: &CaseState, proposal: &Proposal, stage: Stage) -> bool {
    let row = proposal.step.rule();
    let leads = match row.to {
        To::Stage(next) => next == stage,
        To::Stays => state.stage == stage,
        To::Back => state.goes_on_at == Some(stage),
        To::Undone => {
            return state.last.as_ref().is_some_and(|last| {
                proposal.details.target == Some(last.proposal)
                    && last.step.rule().undone_to == Some(stage)
            });
        }
    };
    leads && row.from.contains(&state.stage)
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
