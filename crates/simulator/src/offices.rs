//! What offices and operators do.

use gridlog_domain::id::{PersonId, RecordId};
use gridlog_domain::reference::{Assignment, Person, Role};
use gridlog_domain::workflow::{CaseState, Stage};
use gridlog_protocol::{Fact, LogEntry};
use gridlog_sync_server::identity::revoke;
use gridlog_sync_server::store::{CaseFilter, ItemStatus, RecordRow, Store as _};

use crate::broken::Broken;
use crate::chance::Chance;
use crate::deeds::short;
use crate::people::{self, DISTRICT, GRIDS};
use crate::server::{Done, Running};
use crate::steps::{About, Taken};
use crate::turn::Turn;
use crate::words::{Claim, Word, found_in};
use crate::world::World;

/// Every case that the whole district sees.
fn cases(running: &Running) -> Vec<RecordRow> {
    let filter = CaseFilter {
        audiences: vec![gridlog_protocol::audience::area(DISTRICT)],
        limit: 10_000,
        ..CaseFilter::default()
    };
    let mut rows = running.store.records(&filter).unwrap_or_default();
    rows.sort_by_key(|row| row.id);
    rows
}

/// Where a case is filed and not forgotten.
const FAR: [Stage; 6] = [
    Stage::Dispatched,
    Stage::Mediating,
    Stage::Suspended,
    Stage::Handled,
    Stage::Checked,
    Stage::Closed,
];

fn state_of(row: &RecordRow) -> Option<CaseState> {
    serde_json::from_str(row.state.as_deref()?).ok()
}

/// A record at the server.
pub(crate) fn some_record(running: &Running, chance: &mut Chance) -> Option<RecordRow> {
    chance.pick(&cases(running)).cloned()
}

impl World {
    /// A record at the server.
    fn some_record(&self, chance: &mut Chance) -> Option<RecordRow> {
        some_record(self.house.running()?, chance)
    }

    /// Plays a turn of an office or an operator.
    pub(crate) fn office(&mut self, turn: Turn, chance: &mut Chance) -> Result<(), Broken> {
        if self.house.running().is_none() {
            return Ok(());
        }
        match turn {
            Turn::OfficeStep => {
                (0..chance.between(1, 3)).try_for_each(|_| self.office_sitting(chance))
            }
            Turn::OfficeComment => {
                let Some(row) = self.some_record(chance) else {
                    return Ok(());
                };
                let before = self.house.machine.strikes();
                let by = PersonId::new("O1");
                let text = self.fresh_word();
                let place = short(row.id);
                self.tell(format!("the duty officer says {text} in {place}"));
                let said = format!("已阅{text}。");
                let done = self.house.office_comment(by, row.id, &said);
                let done = self.server_did(before, "an office's comment", done)?;
                let claim = match done {
                    Some(_) => Claim::Kept,
                    None => Claim::Unsure,
                };
                let word = Word {
                    handset: None,
                    record: Some(row.id),
                    claim,
                    number: 0,
                };
                self.words.note(text, word);
                Ok(())
            }
            Turn::LetIn | Turn::Dismiss => self.review(turn == Turn::LetIn, chance),
            Turn::Backup => self.back_up(chance),
            Turn::Snapshot => self.snapshot(),
            Turn::Seal => self.seal(),
            Turn::Relocate => self.relocate(chance),
            Turn::Archive => self.archive(),
            Turn::Erase => self.erase(chance),
            _ => self.change_directory(turn, chance),
        }
    }

    /// Somebody sits down to a case and does one or several things in it. Two in three times it is one that
    /// is far on, or hardly a case would ever be closed.
    fn office_sitting(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let Some(running) = self.house.running() else {
            return Ok(());
        };
        let all = cases(running);
        let is_far = |row: &&RecordRow| {
            let stage = state_of(row).map(|state| state.stage);
            stage.is_some_and(|stage| FAR.contains(&stage))
        };
        let far: Vec<&RecordRow> = all.iter().filter(is_far).collect();
        let chosen = match chance.percent(66) {
            true => chance.pick(&far).copied(),
            false => None,
        };
        let Some(row) = chosen.or_else(|| chance.pick(&all)) else {
            return Ok(());
        };
        let others: Vec<RecordId> = all.iter().map(|row| row.id).collect();
        let record = row.id;
        (0..chance.between(1, 5)).try_for_each(|_| self.office_step(record, &others, chance))
    }

    fn office_step(
        &mut self,
        record: RecordId,
        others: &[RecordId],
        chance: &mut Chance,
    ) -> Result<(), Broken> {
        let Some(running) = self.house.running() else {
            return Ok(());
        };
        let row = running.store.record(record).unwrap_or_default();
        let Some(state) = row.as_ref().and_then(state_of) else {
            return Ok(());
        };
        let mut others = others.to_vec();
        others.retain(|other| *other != record);
        let first = chance.index(others.len());
        others.rotate_left(first);
        let Some(taken) = (About { state, others }).office(chance) else {
            return Ok(());
        };
        let Taken { step, by, details } = taken;
        self.tell(format!("{by} takes {} in {}", step.code(), short(record)));
        let before = self.house.machine.strikes();
        let done = self.house.office_step(by, record, step, details);
        self.server_did(before, "an office's step", done)?;
        Ok(())
    }

    fn review(&mut self, admits: bool, chance: &mut Chance) -> Result<(), Broken> {
        let before = self.house.machine.strikes();
        let listed = self
            .house
            .with(|running, _| running.store.quarantine(None, 10_000));
        let Some(mut items) = self.server_did(before, "the review list", listed)? else {
            return Ok(());
        };
        // An office that lets in what was refused, after its phone gave the words back to their author,
        // makes them stand twice if the author sends them again; that is the office's decision.
        let is_honest = |person: &PersonId| person.as_str() != people::ROGUE;
        items.retain(|item| {
            is_honest(&item.item.pushed.person)
                && (matches!(item.status, ItemStatus::Review(_)) || (!admits && chance.percent(30)))
        });
        items.sort_by_key(|item| item.item.arrival);
        let Some(item) = chance.pick(&items) else {
            return Ok(());
        };
        let what = if admits { "lets in" } else { "dismisses" };
        let of = &item.item.pushed;
        self.tell(format!(
            "the duty officer {what} what {} wrote in {}",
            of.person,
            short(of.record)
        ));
        let words = self.house.with(|running, _| {
            let whole = running.store.inbox_item(of.item)?;
            Ok(whole.map_or_else(Vec::new, |whole| found_in(&whole.pushed.bytes)))
        });
        let before = self.house.machine.strikes();
        let done = self.house.review(of.item, PersonId::new("O1"), admits);
        if let (Done::Ok(words), false, false) = (words, admits, matches!(done, Done::Refused(_))) {
            self.no_phone_is_told(words);
        }
        self.server_did(before, "a review", done)?;
        self.later(100, crate::network::Happening::ServerDecides);
        Ok(())
    }

    /// An office dismissed these words. Whose phone wrote them is told, and they are owed until it shows
    /// them; but what only the review list still had, since that phone was lost or put back, is nobody's to
    /// show: it ends by the office's decision.
    fn no_phone_is_told(&mut self, words: Vec<String>) {
        for text in words {
            if self.watch.is_inherited(&text) && !self.is_on_a_phone(&text) {
                self.words.claim(&text, Claim::Unsure);
            }
        }
    }

    fn snapshot(&mut self) -> Result<(), Broken> {
        let before = self.house.machine.strikes();
        let done = self.house.snapshot();
        if let Some(count) = self.server_did(before, "making snapshots", done)? {
            self.tell(format!("the server makes {count} snapshots"));
            self.tally.add("snapshot", "made", count as u64);
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<(), Broken> {
        let before = self.house.machine.strikes();
        let done = self.house.seal();
        if let Some(seq) = self.server_did(before, "sealing", done)? {
            self.tell(format!("the duty officer seals the log, as entry {seq}"));
        }
        Ok(())
    }

    fn back_up(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let by_files = chance.percent(30);
        let before = self.house.machine.strikes();
        let done = self.house.back_up(by_files);
        if let Some(seq) = self.server_did(before, "a backup", done)? {
            self.tell(format!("a backup of the server, up to entry {seq}"));
        }
        Ok(())
    }

    fn change_directory(&mut self, turn: Turn, chance: &mut Chance) -> Result<(), Broken> {
        let now_ms = self.time.now_ms();
        let people = ["W1", "W2", "W3", "L1", "H1"];
        let id = PersonId::new(chance.pick(&people).copied().unwrap_or("W1"));
        let grid = chance.pick(&GRIDS).copied().unwrap_or(GRIDS[0]);
        // A worker can be moved with effect from an hour ago, which nobody in the field knew.
        let at_ms = now_ms - if chance.percent(30) { 3_600_000 } else { 0 };
        let before = self.house.machine.strikes();
        let end = |person: &mut Person| {
            for held in &mut person.assignments {
                held.valid_to_ms.get_or_insert(at_ms);
            }
        };
        let what = match turn {
            Turn::Reassign => format!("{id} moves to grid {grid}"),
            Turn::EndAssignment => format!("the assignment of {id} ends"),
            Turn::Disable => format!("the account of {id} is disabled"),
            _ => format!("the account of {id} is enabled"),
        };
        if turn == Turn::Revoke {
            return self.revoke(chance);
        }
        self.tell(what.clone());
        self.anybody_moved = true;
        let done = self.house.change_person(&id, |person| match turn {
            Turn::Reassign => {
                end(person);
                person.assignments.push(Assignment {
                    role: Role::GridWorker,
                    area: grid.into(),
                    department: None,
                    valid_from_ms: at_ms,
                    valid_to_ms: None,
                });
            }
            Turn::EndAssignment => end(person),
            Turn::Disable => person.enabled = false,
            _ => {
                person.enabled = true;
                let ended = person
                    .assignments
                    .iter()
                    .all(|held| held.valid_to_ms.is_some());
                if ended && let Some(last) = person.assignments.last().cloned() {
                    person.assignments.push(Assignment {
                        valid_from_ms: now_ms,
                        valid_to_ms: None,
                        ..last
                    });
                }
            }
        });
        self.server_did(before, &what, done)?;
        Ok(())
    }

    fn revoke(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let number = chance.index(self.handsets.len());
        let person = self.handsets[number].person.clone();
        let before = self.house.machine.strikes();
        let pick = chance.any();
        let outside = std::sync::Arc::clone(&self.house.outside);
        let done = self.house.with(|running, now_ms| {
            let mut devices = running.store.devices_of(&person)?;
            devices.retain(|device| device.revoked_ms.is_none());
            devices.sort_by_key(|device| device.id);
            let at = usize::try_from(pick % devices.len().max(1) as u64).unwrap_or(0);
            match devices.get(at) {
                Some(device) => revoke(&*running.store, &*outside, device.id, now_ms),
                None => Ok(false),
            }
        });
        self.tell(format!("a phone of {person} is marked as handed over"));
        self.server_did(before, "a phone handed over", done)?;
        Ok(())
    }

    fn relocate(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let Some(row) = self.some_record(chance) else {
            return Ok(());
        };
        let grid = chance.pick(&GRIDS).copied().unwrap_or(GRIDS[0]);
        self.tell(format!("{} moves to grid {grid}", short(row.id)));
        let before = self.house.machine.strikes();
        let done = self.house.relocate(row.id, grid);
        self.server_did(before, "moving a record", done)?;
        Ok(())
    }

    fn archive(&mut self) -> Result<(), Broken> {
        let before = self.house.machine.strikes();
        let done = self.house.archive();
        if let Some(count) = self.server_did(before, "archiving", done)? {
            self.tell(format!("{count} closed cases leave the phones"));
        }
        Ok(())
    }

    fn erase(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let Some(row) = self.some_record(chance) else {
            return Ok(());
        };
        self.tell(format!("{} is erased", short(row.id)));
        let before = self.house.machine.strikes();
        let done = self.house.erase(row.id);
        if self.server_did(before, "erasing", done)?.is_some() {
            self.gone.insert(row.id);
        }
        Ok(())
    }
}

/// Every record that the log names as begun, erased ones too.
pub(crate) fn records_of(entries: &[LogEntry]) -> Vec<RecordId> {
    let mut records: Vec<RecordId> = entries
        .iter()
        .filter(|entry| matches!(entry.fact, Fact::Admit { .. }))
        .map(|entry| RecordId::from_bytes(entry.record.0))
        .collect();
    records.sort();
    records.dedup();
    records
}
