//! Storing what a page says of records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use gridlog_domain::id::RecordId;
use gridlog_domain::record::RecordView;
use gridlog_merge_guard::History;
use gridlog_protocol::{Digest, Fact, Key, Splice, item_digest, text_check};
use rusqlite::Connection;

use super::apply::Taken;
use super::page::{CheckedChange, CheckedDelta, CheckedPage, CheckedView, check_change};
use crate::document::{Knowledge, store_facts};
use crate::error::PhoneError;
use crate::phone::Inner;
use crate::store::audiences::Numbering;
use crate::store::records::{Facts, StoredRow};
use crate::store::{
    actors, changes, evidence, log, meta, outbox, owed, records, refused, sealed, search, wants,
};

/// Own changes that the page's entries admit, by record.
type Admitted = BTreeMap<RecordId, Vec<Digest>>;

/// Where a page's records go.
pub(super) struct Pull<'a> {
    inner: &'a Inner,
    pub(super) connection: &'a Connection,
    knowledge: &'a Knowledge,
    numbering: Numbering,
    admitted: Admitted,
    own: Own,
    /// Whether this store still gives back what the server lost.
    is_repairing: bool,
    /// The number under which evidence of the page is kept; 0 for none.
    page: i64,
}

/// What tells own changes from those of others, asked once for a page: most of what comes is of
/// others, and nothing here needs to be looked up for that.
struct Own {
    actors: BTreeSet<[u8; 16]>,
    /// Whether changes are lacking that this device wrote, perhaps by an actor that it forgot.
    lacks_some: bool,
}

impl Own {
    fn read(connection: &Connection) -> Result<Self, PhoneError> {
        Ok(Self {
            actors: actors::all(connection)?,
            lacks_some: owed::any(connection)?,
        })
    }

    /// Whether the outbox may hold a change by that actor.
    fn wrote(&self, actor: &[u8]) -> bool {
        <[u8; 16]>::try_from(actor).is_ok_and(|actor| self.actors.contains(&actor))
    }
}

impl Inner {
    /// Stores entries and records of a page; `deltas` are the records.
    pub(super) fn take_records(
        &self,
        connection: &Connection,
        checked: &CheckedPage,
        deltas: Vec<CheckedDelta>,
        without: &BTreeSet<RecordId>,
        knowledge: &Knowledge,
        taken: &mut Taken,
    ) -> Result<(), PhoneError> {
        let page = match checked.page.statement.contents {
            Some(_) => evidence::add(connection, &checked.evidence)?,
            None => 0,
        };
        let epoch = checked.page.statement.position.epoch;
        let place = (epoch, page);
        let admitted = take_entries(connection, checked, (&deltas, without), place, taken)?;
        let mut pull = Pull {
            inner: self,
            connection,
            knowledge,
            numbering: Numbering::read(connection)?,
            admitted,
            own: Own::read(connection)?,
            is_repairing: meta::REPAIRING.get(connection)?.unwrap_or(false),
            page,
        };
        let mut news = Vec::new();
        for delta in deltas {
            for (ruling, canonical) in mutated!(RulingForgotten, &[][..], &delta.rulings[..]) {
                log::add(connection, (epoch, page), ruling, canonical)?;
            }
            news.extend(pull.take(delta, taken)?);
        }
        search::index(connection, &news)?;
        for gone in &checked.page.body.gone {
            let id = RecordId::from_bytes(gone.0);
            records::mark_out_of_scope(connection, id)?;
            wants::settle(connection, id)?;
        }
        if let Some(walk) = &checked.page.body.walk {
            for (key, seen_by) in &walk.held {
                pull.take_held(RecordId::from_bytes(key.0), *seen_by)?;
            }
        }
        Ok(())
    }
}

/// Stores the page's entries. A change that the log admitted and that neither this store nor the
/// page has is an own one of a store that was restored from a copy: its record is wanted. Not so where the
/// page was to leave out the record.
fn take_entries(
    connection: &Connection,
    checked: &CheckedPage,
    (deltas, without): (&[CheckedDelta], &BTreeSet<RecordId>),
    place: (u64, i64),
    taken: &mut Taken,
) -> Result<Admitted, PhoneError> {
    let own = Own::read(connection)?;
    // The changes that the page brings, and whether each may be an own one.
    let brought: BTreeMap<(RecordId, [u8; 32]), bool> = deltas
        .iter()
        .flat_map(|delta| {
            let changes = delta.changes.iter();
            changes.map(|change| ((delta.record, change.hash), own.wrote(&change.actor)))
        })
        .collect();
    // What a whole record does not bring as a change is in its snapshot.
    let whole: BTreeSet<RecordId> = deltas
        .iter()
        .filter(|delta| delta.whole)
        .map(|delta| delta.record)
        .collect();
    let mut admitted = Admitted::new();
    for (entry, canonical) in &checked.entries {
        log::add(connection, place, entry, canonical)?;
        let record = RecordId::from_bytes(entry.record.0);
        match entry.fact {
            Fact::Admit { change, .. } => {
                let brought = brought.get(&(record, change.0)).copied();
                if brought.unwrap_or(true)
                    && outbox::set_in_log(connection, entry.record.0, change.0)?
                {
                    taken.admitted += 1;
                    taken.touched.insert(record);
                }
                if refused::take_admitted(connection, record, change.0)? {
                    // The record shows nothing of it, and comes whole.
                    taken.admitted += 1;
                    taken.touched.insert(record);
                    owed::add(connection, record, change.0)?;
                    wants::add(connection, record)?;
                }
                if brought.is_some() {
                    continue;
                }
                if changes::mark_pulled(connection, record, change.0)? {
                    admitted.entry(record).or_default().push(change);
                } else if !whole.contains(&record) && !without.contains(&record) {
                    owed::add(connection, record, change.0)?;
                    wants::add(connection, record)?;
                }
            }
            Fact::Erase { .. } if !mutated!(ErasureIgnored) => taken.erased.push(record),
            _ => {}
        }
    }
    Ok(admitted)
}

impl Pull<'_> {
    /// Returns what is to be indexed of the record.
    fn take(
        &mut self,
        mut delta: CheckedDelta,
        taken: &mut Taken,
    ) -> Result<Option<search::News>, PhoneError> {
        let known = records::get(self.connection, delta.record)?;
        if known.is_none() && !delta.whole {
            wants::add(self.connection, delta.record)?;
            return Ok(None);
        }
        let lacks = self.take_changes(&delta, taken)?;
        let may_lack = self.may_lack(&delta)?;
        let told = std::mem::replace(&mut delta.view, CheckedView::Same);
        let Some((view, view_json)) = self.view(told, known.as_ref(), may_lack)? else {
            wants::add(self.connection, delta.record)?;
            return Ok(None);
        };
        let heads = self.heads(&delta, known.as_ref())?;
        // What lacks something was sealed, if it is not in sight: its old page still proves that.
        let proof = match lacks && known.is_none() {
            true => sealed::page(self.connection, delta.record)?,
            false => None,
        };
        if delta.whole {
            wants::settle(self.connection, delta.record)?;
            sealed::unseal(self.connection, delta.record)?;
        }
        if lacks {
            wants::add(self.connection, delta.record)?;
        }
        let (state, state_json) = match known.as_ref().filter(|_| !delta.whole) {
            Some(known) if delta.state.is_none() => (known.state.clone(), known.state_json.clone()),
            _ => (delta.state.take(), delta.state_json.take()),
        };
        let print = delta.print(&heads, state_json.as_deref().unwrap_or_default());
        let (as_of, page, stored) = match known {
            Some(known) if lacks => (
                known.as_of,
                known.page,
                known.stored.map(StoredRow::told_anew),
            ),
            Some(known) if !delta.whole => (delta.as_of, known.page, known.stored),
            Some(known) => (
                delta.as_of,
                self.page,
                known.stored.map(StoredRow::told_anew),
            ),
            None => match proof {
                Some(page) => (meta::DOUBTED.cast_unsigned(), page, None),
                None => (delta.as_of, self.page, None),
            },
        };
        let mut facts = Facts {
            stored,
            view,
            view_json,
            state,
            state_json,
            ruled_home: Some(delta.area),
            as_of,
            print,
            heads: heads.iter().flat_map(|head| head.0).collect(),
            updated_ms: delta.updated_ms,
            seen_by: self.numbering.translate(delta.seen_by),
            page,
            out_of_scope: false,
        };
        if may_lack && !self.merge_own(delta.record, &mut facts) {
            if delta.whole {
                taken.unopenable.insert(delta.record);
            } else {
                // What it lacks may be own words that this copy of the store forgot.
                wants::add(self.connection, delta.record)?;
            }
        }
        store_facts(self.connection, self.knowledge, delta.record, &facts)
    }

    /// Says whether the server lacks something that is here and still to be given back.
    fn take_changes(
        &mut self,
        delta: &CheckedDelta,
        taken: &mut Taken,
    ) -> Result<bool, PhoneError> {
        let (connection, record) = (self.connection, delta.record);
        for change in &delta.changes {
            changes::add_pulled(connection, record, change.hash, &change.bytes)?;
            self.note_in_log(record, change, taken)?;
        }
        if !delta.whole {
            return Ok(false);
        }
        self.take_apart(delta)?;
        if let Some(chunk) = &delta.snapshot {
            changes::put_snapshot(connection, record, chunk)?;
            self.take_snapshot(delta, chunk, taken)?;
        }
        self.forget_what_the_log_lost(delta, taken)
    }

    /// A snapshot names no change. If some in it are this device's own, it is opened to find them.
    fn take_snapshot(
        &mut self,
        delta: &CheckedDelta,
        chunk: &[u8],
        taken: &mut Taken,
    ) -> Result<(), PhoneError> {
        let (connection, record) = (self.connection, delta.record);
        let mut authors = delta.authors.iter();
        let has_own = authors.any(|author| self.own.wrote(&author.actor.0))
            || self.own.lacks_some && owed::any_of(connection, record)?;
        if !has_own {
            return Ok(());
        }
        let Some(within) = self.within(record, chunk) else {
            taken.unopenable.insert(record);
            return Ok(());
        };
        for change in within {
            changes::mark_pulled(connection, record, change.hash)?;
            self.note_in_log(record, &change, taken)?;
        }
        Ok(())
    }

    /// The changes in a snapshot; `None` if it does not open.
    pub(super) fn within(&self, record: RecordId, chunk: &[u8]) -> Option<Vec<CheckedChange>> {
        self.inner.opened.fetch_add(1, Ordering::Relaxed);
        let within = History::load_snapshot(chunk, []).and_then(|history| history.changes());
        match within {
            Ok(within) => {
                let changes = within.iter().map(|bytes| check_change(bytes));
                changes.collect::<Result<_, _>>().ok()
            }
            Err(refusal) => {
                tracing::error!(%record, code = refusal.code(), "a snapshot does not open");
                None
            }
        }
    }

    /// The log has a change. One by an actor of this device is its own, even if a copy of the store
    /// forgot it, or forgot the actor.
    fn note_in_log(
        &mut self,
        record: RecordId,
        change: &CheckedChange,
        taken: &mut Taken,
    ) -> Result<(), PhoneError> {
        let connection = self.connection;
        let is_own = self.own.wrote(&change.actor);
        let was_sent_back = refused::take_admitted(connection, record, change.hash)?;
        let was_open = is_own && outbox::set_in_log(connection, *record.as_bytes(), change.hash)?;
        if was_open || was_sent_back {
            taken.admitted += 1;
            taken.touched.insert(record);
        }
        let Ok(actor) = <[u8; 16]>::try_from(change.actor.as_slice()) else {
            return Ok(());
        };
        if self.own.lacks_some && owed::settle(connection, record, change.hash)? {
            actors::remember(connection, actor)?;
            self.own.actors.insert(actor);
        } else if !is_own {
            return Ok(());
        }
        let item = item_digest(Key(*record.as_bytes()), &change.bytes);
        let name = (item, change.hash);
        outbox::add_known(connection, name, record, actor, change.time_ms)
    }

    /// A whole record has every change that the log has. Of what this store thought to be there, own
    /// changes go out again, and those of others do not count any more. While this store still gives back
    /// what was lost, all of it stays as it is. Says whether there is any.
    fn forget_what_the_log_lost(
        &self,
        delta: &CheckedDelta,
        taken: &mut Taken,
    ) -> Result<bool, PhoneError> {
        let (connection, record) = (self.connection, delta.record);
        let mut keeps = false;
        for hash in self.missing(delta)? {
            if self.is_repairing {
                keeps = true;
                continue;
            }
            changes::mark_not_pulled(connection, record, hash)?;
            if outbox::doubt(connection, record, hash)? {
                taken.touched.insert(record);
            } else {
                changes::supersede(connection, record, hash)?;
            }
        }
        Ok(keeps)
    }

    /// The changes of this store that a whole record does not have. Its snapshot is opened only if there
    /// may be any.
    fn missing(&self, delta: &CheckedDelta) -> Result<Vec<[u8; 32]>, PhoneError> {
        let mut missing = changes::pulled(self.connection, delta.record)?;
        missing.retain(|hash| delta.changes.iter().all(|change| change.hash != *hash));
        if !missing.is_empty() {
            let brought = self.brought(delta);
            let lacks = |hash: &[u8; 32]| brought.as_ref().is_some_and(|all| !all.contains(hash));
            missing.retain(lacks);
        }
        Ok(missing)
    }

    /// Whether the view that the page tells of may lack something that is here: own words that are unsent,
    /// or what the server lost and is still given back. Then the document tells.
    fn may_lack(&self, delta: &CheckedDelta) -> Result<bool, PhoneError> {
        let is_news = !delta.whole && !matches!(delta.view, CheckedView::Same);
        Ok(self.is_repairing && is_news || changes::any_not_pulled(self.connection, delta.record)?)
    }

    /// What the record says, with its JSON; `None` if that cannot be told from the page.
    fn view(
        &self,
        told: CheckedView,
        known: Option<&Facts>,
        may_lack: bool,
    ) -> Result<Option<(RecordView, String)>, PhoneError> {
        let (patch, splices, check) = match (told, known) {
            (CheckedView::Whole { view, json }, _) => return Ok(Some((*view, json))),
            (_, None) => return Ok(None),
            (CheckedView::Same, Some(known)) => return Ok(Some(stands(known))),
            (CheckedView::Patch { .. }, Some(known)) if mutated!(StaleView) || may_lack => {
                return Ok(Some(stands(known)));
            }
            (
                CheckedView::Patch {
                    patch,
                    splices,
                    check,
                },
                Some(_),
            ) => (patch, splices, check),
        };
        let json = known.map_or("", |known| &known.view_json);
        let mut view =
            serde_json::from_str(json).map_err(|_| PhoneError::StoreDamaged { what: "view" })?;
        json_patch::merge(&mut view, &patch);
        splice(&mut view, &splices);
        Ok(mended(view).filter(|(_, json)| text_check(json.as_bytes()) == check))
    }

    /// The heads of the record in the log: the known ones, with what the page brings on top. If
    /// something is lacking, the prints of both sides differ at the end of the pull.
    fn heads(
        &self,
        delta: &CheckedDelta,
        known: Option<&Facts>,
    ) -> Result<Vec<Digest>, PhoneError> {
        if delta.whole {
            return Ok(delta.heads.clone());
        }
        let mut heads: BTreeSet<[u8; 32]> = known
            .into_iter()
            .flat_map(|known| known.heads.chunks_exact(32))
            .filter_map(|head| head.try_into().ok())
            .collect();
        let own = self.own_changes(delta.record)?;
        let own = own.iter().map(|change| (change.hash, &change.deps));
        let brought = delta
            .changes
            .iter()
            .map(|change| (change.hash, &change.deps));
        let news: Vec<([u8; 32], &Vec<[u8; 32]>)> = own.chain(brought).collect();
        heads.extend(news.iter().map(|(hash, _)| *hash));
        for dep in news.iter().flat_map(|(_, deps)| deps.iter()) {
            heads.remove(dep);
        }
        Ok(heads.into_iter().map(Digest).collect())
    }

    /// The own changes of a record that this page's entries admit.
    fn own_changes(&self, record: RecordId) -> Result<Vec<CheckedChange>, PhoneError> {
        let mut own = Vec::new();
        for hash in self.admitted.get(&record).into_iter().flatten() {
            if let Some(bytes) = changes::get(self.connection, record, hash.0)? {
                match check_change(&bytes) {
                    Ok(change) => own.push(change),
                    Err(_) => wants::add(self.connection, record)?,
                }
            }
        }
        Ok(own)
    }

    /// Puts own changes that the log does not have on top of what the page says. A record that does
    /// not open must not hold up the others: it shows what the server says, and own words stay in
    /// the outbox.
    /// Says whether it opened.
    fn merge_own(&self, record: RecordId, facts: &mut Facts) -> bool {
        let merged = self
            .inner
            .open_record(self.connection, record)
            .and_then(|open| open.view())
            .and_then(|view| {
                let json = serde_json::to_string(&view);
                let json = json.map_err(|_| PhoneError::StoreDamaged { what: "view" })?;
                Ok((view, json))
            });
        match merged {
            Ok((view, json)) => {
                facts.view = view;
                facts.view_json = json;
                true
            }
            Err(error) => {
                tracing::error!(%record, code = error.code(), "a record does not open");
                false
            }
        }
    }

    /// A walk came by a record that should be here.
    fn take_held(&self, record: RecordId, seen_by: u64) -> Result<(), PhoneError> {
        let seen_by = self.numbering.translate(seen_by);
        if records::set_seen_by(self.connection, record, seen_by)? {
            Ok(())
        } else {
            wants::add(self.connection, record)
        }
    }
}

/// What is known of a view, with its JSON.
fn stands(known: &Facts) -> (RecordView, String) {
    (known.view.clone(), known.view_json.clone())
}

/// A view that was patched, with its JSON; `None` if the patch left no view.
fn mended(view: serde_json::Value) -> Option<(RecordView, String)> {
    let view: RecordView = serde_json::from_value(view).ok()?;
    let json = serde_json::to_string(&view).ok()?;
    Some((view, json))
}

/// Mends the long texts of a view. What does not fit shows in the check of the whole.
fn splice(view: &mut serde_json::Value, splices: &[Splice]) {
    for splice in splices {
        let place = view.pointer_mut(&format!("/{}", splice.part));
        if let Some(text) = place
            && let Some(mended) = text.as_str().and_then(|text| splice.apply(text))
        {
            *text = serde_json::Value::String(mended);
        }
    }
}
