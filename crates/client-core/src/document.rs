//! Where Automerge documents are opened, written and read: nowhere else.
//!
//! A document is opened only to write in it, to merge what a page brought with own changes that the
//! page does not have, and to check a stored view on demand. Opening goes through the merge guard,
//! since the changes of others were only looked at from outside when they were pulled (DESIGN
//! section 5).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use automerge::{ActorId, Automerge};
use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::record::{Author, Kind, RecordError, RecordView, pinned, write};
use gridlog_domain::reference::{Catalogue, Person};
use gridlog_domain::time::CountedTime;
use gridlog_domain::workflow::{CaseState, Rulebook};
use gridlog_merge_guard::{History, Limits, receive};
use gridlog_protocol::{Key, item_digest};
use rusqlite::Connection;

use crate::error::PhoneError;
use crate::identity::as_actor;
use crate::phone::Inner;
use crate::reference::Reference;
use crate::revision::Revision;
use crate::standing::Standing;
use crate::store::outbox::{Intent, Item};
use crate::store::records::Facts;
use crate::store::{changes, log, meta, outbox, records, search};

/// What views are made with, besides the record.
pub(crate) struct Knowledge {
    /// The phone's person.
    pub(crate) me: Person,
    /// The reference data.
    pub(crate) reference: Arc<Reference>,
}

/// A record that is open for writing.
pub(crate) struct OpenRecord {
    pub(crate) id: RecordId,
    doc: Automerge,
}

/// What one change is written with.
pub(crate) struct Pen<'a> {
    /// The person.
    pub(crate) me: &'a Person,
    /// The actor of the store.
    pub(crate) actor: [u8; 16],
    /// 1, or 2 for a change that is written again.
    pub(crate) attempt: u32,
    /// What the person had before them; `None` for what stands now.
    pub(crate) shown: Option<&'a Revision>,
}

impl Inner {
    /// Opens a record; an empty document if it has no changes.
    pub(crate) fn open_record(
        &self,
        connection: &Connection,
        id: RecordId,
    ) -> Result<OpenRecord, PhoneError> {
        let bytes = changes::live(connection, id)?;
        let snapshot = changes::snapshot(connection, id)?;
        if bytes.is_empty() && snapshot.is_none() {
            return Ok(OpenRecord {
                id,
                doc: Automerge::new(),
            });
        }
        self.opened.fetch_add(1, Ordering::Relaxed);
        let bytes = bytes.iter().map(Vec::as_slice);
        let history = match &snapshot {
            Some(chunk) => History::load_snapshot(chunk, bytes),
            None => History::load(bytes),
        };
        let history = history.map_err(|refusal| PhoneError::Unopenable {
            record: id,
            code: refusal.code().to_owned(),
        })?;
        Ok(OpenRecord {
            id,
            doc: history.document().clone(),
        })
    }
}

impl OpenRecord {
    /// Whether no change began the record.
    pub(crate) fn is_empty(&self) -> bool {
        self.doc.is_empty()
    }

    /// Writes what a person meant as one change, and stores it with its outbox row. False if it
    /// changes nothing. An error leaves the document as it was.
    pub(crate) fn write(
        &mut self,
        connection: &Connection,
        pen: &Pen<'_>,
        intent: &Intent,
    ) -> Result<bool, PhoneError> {
        let author = Author {
            person: pen.me.id.clone(),
            actor: ActorId::from(pen.actor),
            now_ms: intent.recorded_ms,
        };
        let shown = pen.shown.map(Revision::heads);
        let pinned = pinned(&self.doc, &intent.commands, shown.as_deref());
        let intent = Intent {
            commands: pinned.map_err(|source| self.refused(source))?,
            ..intent.clone()
        };
        let before = self.doc.clone();
        let written = write(&mut self.doc, &author, &intent.commands);
        let Some(change) = written.map_err(|source| self.refused(source))? else {
            return Ok(false);
        };
        let bytes = change.raw_bytes();
        if let Err(refusal) = receive(bytes, &Limits::default()) {
            self.doc = before;
            return Err(PhoneError::NotSendable {
                record: self.id,
                code: refusal.code(),
            });
        }
        changes::add_own(connection, self.id, change.hash().0, bytes)?;
        let item = Item {
            item: item_digest(Key(*self.id.as_bytes()), bytes),
            change: change.hash().0,
            record: self.id,
            actor: pen.actor,
            intent,
            attempt: pen.attempt,
            standing: Standing::OnThisPhone,
            code: None,
        };
        outbox::add(connection, &item)?;
        Ok(true)
    }

    /// What the record says.
    pub(crate) fn view(&self) -> Result<RecordView, PhoneError> {
        RecordView::read(&self.doc).map_err(|source| self.refused(source))
    }

    /// Stores what the record says now.
    pub(crate) fn store_view(
        &self,
        connection: &Connection,
        knowledge: &Knowledge,
        updated_ms: i64,
    ) -> Result<(), PhoneError> {
        let view = self.view()?;
        let view_json =
            serde_json::to_string(&view).map_err(|_| PhoneError::StoreDamaged { what: "view" })?;
        let known = records::get(connection, self.id)?;
        let facts = match known {
            Some(known) => Facts {
                view,
                view_json,
                updated_ms,
                ..known
            },
            None => Facts {
                stored: None,
                view,
                view_json,
                state: None,
                state_json: None,
                ruled_home: None,
                as_of: 0,
                heads: Vec::new(),
                updated_ms,
                print: Vec::new(),
                seen_by: 0,
                page: 0,
                out_of_scope: false,
            },
        };
        let news = store_facts(connection, knowledge, self.id, &facts)?;
        search::index(connection, news.as_slice())
    }

    fn refused(&self, source: RecordError) -> PhoneError {
        PhoneError::Record {
            record: self.id,
            source: Box::new(source),
        }
    }
}

/// Stores a record's facts, with the case's expected state made anew. Returns what is to be indexed;
/// see [`records::put`].
pub(crate) fn store_facts(
    connection: &Connection,
    knowledge: &Knowledge,
    id: RecordId,
    facts: &Facts,
) -> Result<Option<search::News>, PhoneError> {
    let expected = match facts.view.kind {
        Kind::Case => expected_state(connection, knowledge, id, facts)?,
        _ => None,
    };
    records::put(connection, id, facts, expected.as_ref())
}

/// The case's state with the person's own pending proposals taken as if they were accepted; `None`
/// if there are none.
fn expected_state(
    connection: &Connection,
    knowledge: &Knowledge,
    id: RecordId,
    facts: &Facts,
) -> Result<Option<CaseState>, PhoneError> {
    let me = &knowledge.me.id;
    let proposals = facts.view.proposals.iter();
    let mut pending: Vec<_> = proposals
        .filter(|(_, stored)| &stored.proposal.by == me)
        .collect();
    if !pending.is_empty() {
        let rulings = log::rulings(connection, id)?;
        pending.retain(|(entry, stored)| {
            rulings
                .get(entry)
                .is_none_or(|ruling| hex::encode(ruling.proposal_hash) != stored.sha256)
        });
    }
    if pending.is_empty() {
        return Ok(None);
    }
    pending.sort_by_key(|(entry, stored)| (stored.proposal.at_ms, **entry));
    let none = empty_catalogue();
    let catalogue = knowledge.reference.catalogue().unwrap_or(&none);
    let mut state = facts.state.clone().unwrap_or_default();
    for (entry, stored) in pending {
        let proposal = &stored.proposal;
        let at_ms = proposal
            .at_ms
            .saturating_add(proposal.offset_ms.unwrap_or(0));
        let who = as_actor(
            &knowledge.me,
            knowledge.reference.areas(),
            facts.home(),
            &facts.view.author,
            at_ms,
        );
        let now = CountedTime {
            at_ms,
            flagged: proposal.offset_ms.is_none(),
        };
        state = Rulebook::new(catalogue)
            .of(id)
            .rule(&state, (*entry, proposal), &who, now)
            .state;
    }
    Ok(Some(state))
}

/// What a phone has before its first sync.
pub(crate) fn empty_catalogue() -> Catalogue {
    Catalogue::default()
}

/// Where the pull stands, as proposals name it.
pub(crate) fn position(
    connection: &Connection,
) -> Result<gridlog_domain::record::LogPosition, PhoneError> {
    let position = meta::position(connection)?;
    Ok(gridlog_domain::record::LogPosition {
        epoch: position.epoch,
        seq: position.seq,
    })
}

/// The person's field area, or an error that says to name one.
pub(crate) fn area_or_own(
    named: Option<AreaCode>,
    identity: &crate::identity::Identity,
    at_ms: i64,
) -> Result<AreaCode, PhoneError> {
    named
        .or_else(|| identity.field_area(at_ms).cloned())
        .ok_or(PhoneError::AreaNeeded)
}
