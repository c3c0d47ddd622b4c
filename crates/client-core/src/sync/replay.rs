//! After a refusal: what the worker meant is written once more (DESIGN section 5).
//!
//! A refused change leaves the record, and with it every own change that was written on top of it.
//! The record is what the log has, and the same commands are carried out on that by a new actor,
//! since the refused change used up a sequence number of the old one. A device has only so many actors:
//! it is taken with the next change that is written, and not before. Only the change that was refused
//! itself counts the attempt. What is refused a second time, or was dismissed by an office,
//! or cannot be written again,
//! waits for the worker with every word of it, and holds up nothing.
//!
//! A change that is refused for where it was written would be refused again however it is written, but an
//! office may let in the very bytes that it has. So it is not written again, nor is what follows it in its
//! record: all of it waits for the worker, who may send the same changes once more, and what an office
//! lets in meanwhile is in the log once.

use std::collections::BTreeMap;

use gridlog_domain::id::RecordId;
use gridlog_protocol::{Digest, reason};
use rusqlite::Connection;

use super::apply::Taken;
use crate::document::{Knowledge, Pen};
use crate::error::PhoneError;
use crate::phone::Inner;
use crate::store::outbox::{self, Item};
use crate::store::refused::{self, Names, Refused};
use crate::store::{changes, meta, records};

/// How often a change is written before the worker is asked.
const MOST_ATTEMPTS: u32 = 2;

impl Inner {
    /// Writes again what was refused and what was built on it.
    pub(super) fn replay(
        &self,
        connection: &Connection,
        knowledge: &Knowledge,
        refused: Vec<(Item, String)>,
        taken: &mut Taken,
    ) -> Result<(), PhoneError> {
        if refused.is_empty() {
            return Ok(());
        }
        meta::ACTOR_SPENT.set(connection, true)?;
        let mut by_record: BTreeMap<RecordId, Vec<(Item, String)>> = BTreeMap::new();
        for (item, code) in refused {
            by_record.entry(item.record).or_default().push((item, code));
        }
        for (record, refused) in by_record {
            let codes: BTreeMap<Digest, String> = refused
                .iter()
                .map(|(item, code)| (item.item, code.clone()))
                .collect();
            let withdrawn = withdraw(connection, &refused)?;
            let replay = Replay {
                inner: self,
                connection,
                knowledge,
                codes,
            };
            replay.run(record, withdrawn, taken)?;
            taken.touched.insert(record);
        }
        Ok(())
    }
}

/// Takes the refused changes and all later undecided own ones out of the record and the outbox;
/// returns them in the order in which they were written.
fn withdraw(connection: &Connection, refused: &[(Item, String)]) -> Result<Vec<Item>, PhoneError> {
    let mut withdrawn: Vec<Item> = Vec::new();
    for (item, _) in refused {
        let later = outbox::undecided_from(connection, item)?;
        if later.len() > withdrawn.len() {
            withdrawn = later;
        }
    }
    for item in &withdrawn {
        changes::supersede(connection, item.record, item.change)?;
        outbox::remove(connection, item.item)?;
    }
    Ok(withdrawn)
}

struct Replay<'a> {
    inner: &'a Inner,
    connection: &'a Connection,
    knowledge: &'a Knowledge,
    codes: BTreeMap<Digest, String>,
}

impl Replay<'_> {
    fn run(
        &self,
        record: RecordId,
        withdrawn: Vec<Item>,
        taken: &mut Taken,
    ) -> Result<(), PhoneError> {
        let mut open = match self.inner.open_record(self.connection, record) {
            Ok(open) => open,
            Err(PhoneError::Unopenable { .. }) => {
                for item in withdrawn {
                    self.ask_worker("record_unopenable", item, None, taken)?;
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut is_elsewhere = false;
        for item in withdrawn {
            let refused = self.codes.get(&item.item);
            is_elsewhere |= refused.is_some_and(|code| code == reason::AREA_NEVER_HELD);
            if is_elsewhere {
                let names = Names {
                    item: item.item,
                    change: item.change,
                    actor: item.actor,
                };
                self.ask_worker(reason::AREA_NEVER_HELD, item, Some(names), taken)?;
                continue;
            }
            let attempt = item.attempt + u32::from(refused.is_some());
            let is_over = |code: &&String| attempt > MOST_ATTEMPTS || *code == reason::DISMISSED;
            if let Some(code) = refused.filter(is_over) {
                self.ask_worker(code, item, None, taken)?;
                continue;
            }
            let actor = self.inner.next_actor(self.connection)?;
            let pen = Pen {
                me: &self.knowledge.me,
                actor,
                attempt,
                shown: None,
            };
            match open.write(self.connection, &pen, &item.intent) {
                // What was meant stands already.
                Ok(false) => {}
                Ok(true) => {
                    self.inner.wrote_with(self.connection, actor)?;
                    taken.replayed += 1;
                }
                Err(error @ (PhoneError::Record { .. } | PhoneError::NotSendable { .. })) => {
                    self.ask_worker(error.code(), item, None, taken)?;
                }
                Err(error) => return Err(error),
            }
        }
        if open.is_empty() {
            // Nothing of the record is left but what the worker has to decide on; the row goes on
            // showing what they wrote.
            return Ok(());
        }
        let updated_ms = records::get(self.connection, record)?.map_or(0, |known| known.updated_ms);
        open.store_view(self.connection, self.knowledge, updated_ms)
    }

    fn ask_worker(
        &self,
        code: &str,
        item: Item,
        names: Option<Names>,
        taken: &mut Taken,
    ) -> Result<(), PhoneError> {
        taken.needs_you += 1;
        if mutated!(LostRefusal) {
            return Ok(());
        }
        let now_ms = self.inner.clock.now_ms();
        let refused = Refused {
            id: match names {
                Some(names) => names.id(),
                None => self.inner.entry_id(now_ms),
            },
            record: item.record,
            code: code.to_owned(),
            intent: item.intent,
            change: Some(item.change),
            names,
        };
        refused::add(self.connection, &refused)
    }
}
