//! What was sent back and needs the worker: their words stay until they decide.

use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::Command;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::device_time::{self, Moment};
use crate::document::{Knowledge, Pen};
use crate::error::PhoneError;
use crate::identity;
use crate::phone::Phone;
use crate::reasons::explain;
use crate::standing::Standing;
use crate::store::outbox::Item;
use crate::store::refused::{self, Names, Refused};
use crate::store::{attachments, changes, outbox, records, sealed};

/// Names something that needs the worker.
pub type NeedsYouId = EntryId;

/// Something that was refused twice, or that could not be written again after a refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeedsYou {
    /// Names it for [`Phone::retry_needs_you`] and [`Phone::dismiss_needs_you`].
    pub id: NeedsYouId,
    /// Why, as a stable code.
    pub code: String,
    /// Why, in Chinese.
    pub zh: String,
    /// Why, in English.
    pub en: String,
    /// What the worker meant, every word of it.
    pub commands: Vec<Command>,
    /// When it was recorded, device time in milliseconds since the Unix epoch.
    pub recorded_ms: i64,
}

impl From<Refused> for NeedsYou {
    fn from(refused: Refused) -> Self {
        let (zh, en) = explain(&refused.code);
        Self {
            id: refused.id,
            zh: zh.to_owned(),
            en: en.to_owned(),
            code: refused.code,
            commands: refused.intent.commands,
            recorded_ms: refused.intent.recorded_ms,
        }
    }
}

/// A record that nothing is left of goes with its last refused item.
fn settle(connection: &Connection, record: RecordId) -> Result<(), PhoneError> {
    let empty = changes::live(connection, record)?.is_empty()
        && changes::snapshot(connection, record)?.is_none();
    if empty && !outbox::any_undecided(connection, record)? {
        sealed::seal(connection, record)?;
        attachments::forget(connection, record)?;
        return sealed::destroy(connection, record);
    }
    records::refresh_standing(connection, record)
}

/// Puts a refused change back into its record and the outbox, just as it was, after those of the same
/// record that it may build on.
fn send_again(connection: &Connection, wanted: &Refused) -> Result<(), PhoneError> {
    for refused in refused::of_record(connection, wanted.record)? {
        let Some(names) = refused.names else {
            continue;
        };
        changes::reinstate(connection, refused.record, names.change)?;
        outbox::add(connection, &as_item(&refused, names))?;
        refused::remove(connection, refused.id)?;
        if refused.id == wanted.id {
            break;
        }
    }
    Ok(())
}

fn as_item(refused: &Refused, names: Names) -> Item {
    Item {
        item: names.item,
        change: names.change,
        record: refused.record,
        actor: names.actor,
        intent: refused.intent.clone(),
        attempt: 2,
        standing: Standing::OnThisPhone,
        code: None,
    }
}

impl Phone {
    /// Lets something refused go, for good: the worker has seen it.
    ///
    /// # Errors
    /// [`PhoneError::UnknownItem`]; [`PhoneError::Store`].
    pub fn dismiss_needs_you(&self, id: NeedsYouId) -> Result<(), PhoneError> {
        self.inner.store.write(|tx| {
            let refused = refused::get(tx, id)?;
            refused::remove(tx, id)?;
            if refused.names.is_some() {
                refused::forget_names(tx, refused.record)?;
            }
            settle(tx, refused.record)
        })?;
        self.inner.signal.committed();
        Ok(())
    }

    /// Sends something refused once more, as the next sync's business: written anew, or just as it was
    /// where an office may have let it in meanwhile; then with what it may build on. If it is refused again
    /// it needs the worker again. What goes out already, since it was sent with something that builds on it, is
    /// left as it is.
    ///
    /// # Errors
    /// [`PhoneError::UnknownItem`]; [`PhoneError::Record`] if the record does not take it, and then
    /// it stays as it was; [`PhoneError::Store`].
    pub fn retry_needs_you(&self, id: NeedsYouId) -> Result<(), PhoneError> {
        self.inner.store.write(|tx| {
            let refused = match refused::get(tx, id) {
                Err(PhoneError::UnknownItem { .. }) if outbox::was_sent_again(tx, id)? => {
                    return Ok(());
                }
                found => found?,
            };
            let me = identity::require(tx)?.person;
            let as_it_was = refused.names.is_some();
            if as_it_was {
                send_again(tx, &refused)?;
            }
            let mut open = self.inner.open_record(tx, refused.record)?;
            if !as_it_was {
                let actor = self.inner.next_actor(tx)?;
                let pen = Pen {
                    me: &me,
                    actor,
                    attempt: 2,
                    shown: None,
                };
                if open.write(tx, &pen, &refused.intent)? {
                    self.inner.wrote_with(tx, actor)?;
                }
                refused::remove(tx, id)?;
            }
            let reference = self.inner.reference(tx)?;
            let knowledge = Knowledge { me, reference };
            let now = device_time::now(tx, self.inner.clock.as_ref())?;
            let recorded = Moment {
                now_ms: refused.intent.recorded_ms,
                offset_ms: refused.intent.offset_ms.or(now.offset_ms),
            };
            open.store_view(tx, &knowledge, recorded.server_ms())
        })?;
        self.inner.signal.committed();
        Ok(())
    }
}
