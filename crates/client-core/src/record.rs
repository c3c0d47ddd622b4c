//! Recording: what a worker does becomes one committed change before the call returns.
//!
//! Bytes, commands, clock offset, outbox row, view and search index go into one transaction. A call
//! that fails has written nothing.

use gridlog_domain::id::{AreaCode, EntryId, RecordId};
use gridlog_domain::record::{
    Check, Command, Comment, Finding, LogPosition, NewRecord, OpId, PhotoRef, PhotoRole,
    PreviewRef, Proposal, RecordView, Rewrite, StepDetails, Value,
};
use gridlog_domain::workflow::Step;
use rusqlite::Connection;

use crate::device_time::{self, Moment};
use crate::document::{Knowledge, Pen, position};
use crate::drafts::{self, DraftId};
use crate::error::PhoneError;
use crate::identity::{self, Identity};
use crate::phone::{Inner, Phone};
use crate::revision::Revision;
use crate::store::outbox::Intent;
use crate::store::records;

/// A photo whose file lies in the vault.
pub(crate) struct NewPhoto {
    /// SHA-256 of the file, lower-case hex.
    pub(crate) sha256: String,
    /// What it shows.
    pub(crate) role: PhotoRole,
    /// The file's size in bytes.
    pub(crate) bytes: u64,
    /// What it looks like when it is small.
    pub(crate) preview: Option<PreviewRef>,
}

/// What commands are built from: who, when, and what the record says so far.
pub(crate) struct Scene<'a> {
    inner: &'a Inner,
    /// Who writes.
    pub(crate) identity: Identity,
    /// When.
    pub(crate) moment: Moment,
    /// How much of the log they had seen.
    seen: LogPosition,
    /// What they work with.
    pub(crate) knowledge: Knowledge,
    /// What the record says; `None` for a new one.
    pub(crate) view: Option<RecordView>,
}

impl<'a> Scene<'a> {
    /// Who writes what now, in a record that is here or in none yet.
    pub(crate) fn new(
        inner: &'a Inner,
        connection: &Connection,
        record: Option<RecordId>,
    ) -> Result<Self, PhoneError> {
        let identity = identity::require(connection)?;
        let view = match record {
            Some(id) => {
                let facts = records::get(connection, id)?;
                Some(facts.ok_or(PhoneError::UnknownRecord { record: id })?.view)
            }
            None => None,
        };
        Ok(Self {
            inner,
            moment: device_time::now(connection, inner.clock.as_ref())?,
            seen: position(connection)?,
            knowledge: Knowledge {
                me: identity.person.clone(),
                reference: inner.reference(connection)?,
            },
            identity,
            view,
        })
    }

    /// A fresh id.
    pub(crate) fn entry_id(&self) -> EntryId {
        self.inner.entry_id(self.moment.now_ms)
    }

    /// A comment by the person, now.
    fn comment(&self, text: &str) -> (EntryId, Command) {
        let id = self.entry_id();
        let comment = Comment {
            text: text.to_owned(),
            by: self.identity.person.id.clone(),
            at_ms: self.moment.now_ms,
        };
        (id, Command::Comment { id, comment })
    }

    /// A photo reference by the person, now.
    pub(crate) fn photo(&self, photo: NewPhoto) -> (EntryId, Command) {
        let id = self.entry_id();
        let photo = PhotoRef {
            sha256: photo.sha256,
            role: photo.role,
            bytes: photo.bytes,
            by: self.identity.person.id.clone(),
            at_ms: self.moment.now_ms,
            preview: photo.preview,
        };
        (id, Command::Photo { id, photo })
    }

    /// A finding by the person, now.
    fn finding(&self, id: EntryId, item: &str, finding: Finding, note: &str) -> Command {
        let check = Check {
            item: item.to_owned(),
            finding,
            note: note.to_owned(),
            by: self.identity.person.id.clone(),
            at_ms: self.moment.now_ms,
        };
        Command::Check {
            id,
            check,
            shown: None,
        }
    }

    /// A proposal by the person, now, with what the rules want to know about it.
    pub(crate) fn proposal(&self, step: Step, details: StepDetails) -> (EntryId, Command) {
        let id = self.entry_id();
        let proposal = Proposal {
            step,
            by: self.identity.person.id.clone(),
            at_ms: self.moment.now_ms,
            offset_ms: self.moment.offset_ms,
            seen: self.seen,
            details,
        };
        let proposal = Box::new(proposal);
        (id, Command::Propose { id, proposal })
    }

    /// The text of a field as the person sees it.
    fn text(&self, field: &str) -> String {
        let view = self.view.as_ref();
        view.map(|view| view.text(field).to_owned())
            .unwrap_or_default()
    }

    /// A rewrite of prose from what the person saw; if they did not say, from what stands.
    pub(crate) fn rewrite(&self, field: &str, from: Option<&str>, to: &str) -> Command {
        let from = from.map_or_else(|| self.text(field), str::to_owned);
        Command::Rewrite {
            field: field.to_owned(),
            rewrite: Rewrite {
                from,
                to: to.to_owned(),
            },
        }
    }

    /// The record's first command. The area is the person's own if none is named.
    pub(crate) fn create(
        &self,
        kind: gridlog_domain::record::Kind,
        area: Option<AreaCode>,
        fields: impl IntoIterator<Item = (&'static str, Option<Value>)>,
    ) -> Result<Command, PhoneError> {
        let fields = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(Command::Create(NewRecord {
            kind,
            area: crate::document::area_or_own(area, &self.identity, self.moment.server_ms())?,
            fields: fields.collect(),
            references: self.knowledge.reference.versions().clone(),
        }))
    }
}

impl Phone {
    /// Carries out what `build` makes of the scene, as one change of an existing record.
    pub(crate) fn act<T>(
        &self,
        record: RecordId,
        build: impl FnOnce(&Scene<'_>) -> Result<(Vec<Command>, T), PhoneError>,
    ) -> Result<T, PhoneError> {
        self.act_as_shown(record, None, build)
    }

    /// The same, by somebody who had `shown` before them.
    fn act_as_shown<T>(
        &self,
        record: RecordId,
        shown: Option<&Revision>,
        build: impl FnOnce(&Scene<'_>) -> Result<(Vec<Command>, T), PhoneError>,
    ) -> Result<T, PhoneError> {
        let done = self.inner.store.write(|tx| {
            let scene = Scene::new(&self.inner, tx, Some(record))?;
            let (commands, told) = build(&scene)?;
            self.inner.commit(tx, &scene, record, shown, commands)?;
            Ok(told)
        })?;
        self.inner.signal.committed();
        Ok(done)
    }

    /// Begins a record with what `build` makes of the scene, as one change.
    pub(crate) fn begin(
        &self,
        build: impl FnOnce(&Scene<'_>) -> Result<Vec<Command>, PhoneError>,
    ) -> Result<RecordId, PhoneError> {
        self.begin_from(None, build)
    }

    /// The same, of a draft, which goes with the same commit: it is either a draft still or a record.
    pub(crate) fn begin_from(
        &self,
        draft: Option<DraftId>,
        build: impl FnOnce(&Scene<'_>) -> Result<Vec<Command>, PhoneError>,
    ) -> Result<RecordId, PhoneError> {
        let record = self.inner.store.write(|tx| {
            if let Some(draft) = draft {
                drafts::discard(tx, draft)?;
            }
            let scene = Scene::new(&self.inner, tx, None)?;
            let record = self.inner.record_id(scene.moment.now_ms);
            let commands = build(&scene)?;
            self.inner.commit(tx, &scene, record, None, commands)?;
            Ok(record)
        })?;
        self.inner.signal.committed();
        Ok(record)
    }
}

impl Inner {
    /// Writes commands into a record, as one change.
    pub(crate) fn commit(
        &self,
        connection: &Connection,
        scene: &Scene<'_>,
        record: RecordId,
        shown: Option<&Revision>,
        commands: Vec<Command>,
    ) -> Result<(), PhoneError> {
        let mut open = self.open_record(connection, record)?;
        let actor = self.next_actor(connection)?;
        let pen = Pen {
            me: &scene.identity.person,
            actor,
            attempt: 1,
            shown,
        };
        let intent = Intent {
            commands,
            recorded_ms: scene.moment.now_ms,
            offset_ms: scene.moment.offset_ms,
        };
        if open.write(connection, &pen, &intent)? {
            self.wrote_with(connection, actor)?;
            open.store_view(connection, &scene.knowledge, scene.moment.server_ms())?;
        }
        Ok(())
    }
}

/// Generic recording. Every call is one committed change; the errors of all of them are
/// [`PhoneError::NotEnrolled`], [`PhoneError::UnknownRecord`], [`PhoneError::Record`] with the
/// reason, [`PhoneError::NotSendable`], [`PhoneError::Unopenable`] and [`PhoneError::Store`].
impl Phone {
    /// Begins a record, and carries out more commands in the same change.
    ///
    /// # Errors
    /// See above.
    pub fn create(&self, new: NewRecord, also: Vec<Command>) -> Result<RecordId, PhoneError> {
        self.begin(|_| {
            let mut commands = vec![Command::Create(new)];
            commands.extend(also);
            Ok(commands)
        })
    }

    /// Replaces fields, by somebody who saw what stands now. Concurrent values that lose stay visible as
    /// conflicts. A screen edits by [`Phone::edit_as_shown`].
    ///
    /// # Errors
    /// See above.
    pub fn edit(&self, record: RecordId, fields: &[(&str, Value)]) -> Result<(), PhoneError> {
        self.act(record, |_| Ok((replacing(fields), ())))
    }

    /// Replaces fields, by somebody who had revision `shown` before them; see
    /// [`RecordDetail::revision`](crate::RecordDetail::revision). A value that came in since then, which they
    /// did not see, is kept beside theirs as a conflict. Of prose only what they changed is changed.
    ///
    /// # Errors
    /// See above.
    pub fn edit_as_shown(
        &self,
        record: RecordId,
        shown: &Revision,
        fields: &[(&str, Value)],
    ) -> Result<(), PhoneError> {
        self.act_as_shown(record, Some(shown), |_| Ok((replacing(fields), ())))
    }

    /// Rewrites prose. `from` is what the worker had before them; without it, what stands now.
    /// Only what differs is written, so that edits elsewhere in the text survive.
    ///
    /// # Errors
    /// See above.
    pub fn edit_prose(
        &self,
        record: RecordId,
        field: &str,
        from: Option<&str>,
        to: &str,
    ) -> Result<(), PhoneError> {
        self.act(record, |scene| {
            Ok((vec![scene.rewrite(field, from, to)], ()))
        })
    }

    /// Ends a conflict: `value` stands, and the values named by `seen` are settled. Name what the
    /// worker had before them, see [`gridlog_domain::record::Conflict::all_ops`]; a value that came
    /// in meanwhile stays visible.
    ///
    /// # Errors
    /// See above.
    pub fn resolve(
        &self,
        record: RecordId,
        place: &str,
        value: Value,
        seen: &[OpId],
    ) -> Result<(), PhoneError> {
        self.act(record, |_| {
            let command = Command::Resolve {
                place: place.to_owned(),
                value,
                seen: seen.to_vec(),
            };
            Ok((vec![command], ()))
        })
    }

    /// Says something.
    ///
    /// # Errors
    /// See above.
    pub fn comment(&self, record: RecordId, text: &str) -> Result<EntryId, PhoneError> {
        self.act(record, |scene| {
            let (id, command) = scene.comment(text);
            Ok((vec![command], id))
        })
    }

    /// Enters a finding, or corrects the one of that id.
    ///
    /// # Errors
    /// See above.
    pub fn check(
        &self,
        record: RecordId,
        correct: Option<EntryId>,
        item: &str,
        finding: Finding,
        note: &str,
    ) -> Result<EntryId, PhoneError> {
        self.act(record, |scene| {
            let id = correct.unwrap_or_else(|| scene.entry_id());
            Ok((vec![scene.finding(id, item, finding, note)], id))
        })
    }

    /// Corrects a finding, by somebody who had revision `shown` before them; see [`Phone::edit_as_shown`].
    ///
    /// # Errors
    /// See above.
    pub fn correct_as_shown(
        &self,
        record: RecordId,
        shown: &Revision,
        correct: EntryId,
        (item, finding, note): (&str, Finding, &str),
    ) -> Result<(), PhoneError> {
        self.act_as_shown(record, Some(shown), |scene| {
            Ok((vec![scene.finding(correct, item, finding, note)], ()))
        })
    }

    /// Asks for a workflow step. The server rules on it; see
    /// [`RecordDetail::proposals`](crate::RecordDetail::proposals).
    ///
    /// # Errors
    /// See above.
    pub fn propose(
        &self,
        record: RecordId,
        step: Step,
        details: StepDetails,
    ) -> Result<EntryId, PhoneError> {
        self.act(record, |scene| {
            let (id, command) = scene.proposal(step, details);
            Ok((vec![command], id))
        })
    }

    /// Asks to take back a step. The proposal itself stays; nothing written is ever unwritten.
    ///
    /// # Errors
    /// See above.
    pub fn withdraw(&self, record: RecordId, proposal: EntryId) -> Result<EntryId, PhoneError> {
        let details = StepDetails {
            target: Some(proposal),
            ..StepDetails::default()
        };
        self.propose(record, Step::Withdraw, details)
    }

    /// Marks a record as deleted.
    ///
    /// # Errors
    /// See above.
    pub fn delete(&self, record: RecordId) -> Result<(), PhoneError> {
        self.act(record, |scene| {
            let at_ms = scene.moment.now_ms;
            Ok((vec![Command::Delete { at_ms }], ()))
        })
    }
}

fn replacing(fields: &[(&str, Value)]) -> Vec<Command> {
    let replace = |(field, value): &(&str, Value)| Command::Set {
        field: (*field).to_owned(),
        value: value.clone(),
        shown: None,
    };
    fields.iter().map(replace).collect()
}
