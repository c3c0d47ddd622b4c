//! Commands: what a person means, before it becomes a change.
//!
//! A phone stores the commands beside the change that they made, so that the same intent can be
//! written again after a refusal (DESIGN sections 3 and 5).

use std::collections::BTreeMap;

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{
    ActorId, Automerge, Change, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, ScalarValue,
};
use serde::{Deserialize, Serialize};

use super::conflict::{self, OpId, Seen};
use super::entry::{self, Check, Comment, PhotoRef, Proposal};
use super::error::RecordError;
use super::prose::Rewrite;
use super::schema::{Container, Field, FieldType, Kind, SCHEMA_VERSION};
use super::value::Value;
use crate::id::{AreaCode, EntryId, PersonId};

/// Versions of the reference data that a record was made with, by part.
pub type ReferenceVersions = BTreeMap<String, u32>;

/// What a new record starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewRecord {
    /// Its kind.
    pub kind: Kind,
    /// The area it is about.
    pub area: AreaCode,
    /// Its fields; required ones must be here.
    pub fields: BTreeMap<String, Value>,
    /// The reference data in force.
    #[serde(default)]
    pub references: ReferenceVersions,
}

/// One thing that a person does to a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Begins the record: the genesis change.
    Create(NewRecord),
    /// Replaces a field. Concurrent values that lost stay visible.
    Set {
        /// The field.
        field: String,
        /// Its new value.
        value: Value,
        /// The value that its author saw standing, empty for none; `None` for the one that stands when
        /// the command is carried out. See [`pinned`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<OpId>,
    },
    /// Rewrites prose; only what differs between `from` and `to` is touched.
    Rewrite {
        /// The field.
        field: String,
        /// What the author started from, and what they made of it.
        rewrite: Rewrite,
    },
    /// Ends a conflict, by somebody who saw the values that it names.
    Resolve {
        /// A field, or `checks/` and an entry id.
        place: String,
        /// The value that shall stand.
        value: Value,
        /// The values that the author saw, the standing one included. Any other stays visible.
        seen: Vec<OpId>,
    },
    /// Says something.
    Comment {
        /// A fresh id.
        id: EntryId,
        /// What is said.
        comment: Comment,
    },
    /// Enters or corrects a finding.
    Check {
        /// A fresh id, or that of the finding to correct.
        id: EntryId,
        /// The finding.
        check: Check,
        /// As for [`Command::Set`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<OpId>,
    },
    /// Refers to a photo.
    Photo {
        /// A fresh id.
        id: EntryId,
        /// The photo.
        photo: PhotoRef,
    },
    /// Asks for a workflow step.
    Propose {
        /// A fresh id.
        id: EntryId,
        /// The step.
        proposal: Box<Proposal>,
    },
    /// Marks the record as deleted.
    Delete {
        /// Device time, milliseconds since the Unix epoch.
        at_ms: i64,
    },
}

/// Who writes a change, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Author {
    /// The person.
    pub person: PersonId,
    /// The actor of the store that the person writes with.
    pub actor: ActorId,
    /// Device time, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// Carries out commands as one change.
///
/// `doc` is an empty document for a new record. On an error it is as it was. `None` means that
/// the commands changed nothing, for example an edit to the value that stands.
///
/// # Errors
/// [`RecordError`]; nothing was written.
pub fn write(
    doc: &mut Automerge,
    author: &Author,
    commands: &[Command],
) -> Result<Option<Change>, RecordError> {
    doc.set_actor(author.actor.clone());
    let options = |_: &()| CommitOptions::default().with_time(author.now_ms);
    let written = doc.transact_with(options, |tx| {
        commands
            .iter()
            .try_for_each(|command| carry_out(tx, author, command))
    });
    match written {
        Ok(success) => Ok(success.hash.and_then(|_| doc.get_last_local_change())),
        Err(failure) => Err(failure.error),
    }
}

fn carry_out(
    tx: &mut Transaction<'_>,
    author: &Author,
    command: &Command,
) -> Result<(), RecordError> {
    if let Command::Create(new) = command {
        return create(tx, author, new);
    }
    let kind = kind_of(tx)?.ok_or(RecordError::NotCreated)?;
    if tx.get(ROOT, "deleted_at")?.is_some() {
        return Err(RecordError::Deleted);
    }
    match command {
        Command::Create(_) => Err(RecordError::AlreadyCreated),
        Command::Set {
            field,
            value,
            shown,
        } => set(tx, author, kind, (field, value), shown.as_deref()),
        Command::Rewrite { field, rewrite } => {
            let field = find(kind, field)?;
            Value::Text(rewrite.to.clone()).check(field)?;
            rewrite.apply(tx, &prose_object(tx, field)?)
        }
        Command::Resolve { place, value, seen } => resolve(tx, author, kind, place, value, seen),
        Command::Comment { id, comment } => {
            not_empty(&comment.text)?;
            add(tx, Container::Comments, *id, comment)
        }
        Command::Check { id, check, shown } => {
            not_empty(&check.item)?;
            put_check(
                tx,
                author,
                *id,
                &entry::to_json(check)?,
                Seen::Shown(shown.as_deref()),
            )
        }
        Command::Photo { id, photo } => add(tx, Container::Photos, *id, photo),
        Command::Propose { id, proposal } => add(tx, Container::Proposals, *id, proposal.as_ref()),
        Command::Delete { at_ms } => {
            tx.put(ROOT, "deleted_at", ScalarValue::Int(*at_ms))?;
            Ok(())
        }
    }
}

fn not_empty(text: &str) -> Result<(), RecordError> {
    if text.trim().is_empty() {
        Err(RecordError::EntryEmpty)
    } else {
        Ok(())
    }
}

/// The kind that a document's genesis change wrote; `None` for an empty document.
pub(super) fn kind_of(doc: &impl ReadDoc) -> Result<Option<Kind>, RecordError> {
    let code = doc
        .get(ROOT, "kind")?
        .and_then(|(value, _)| value.into_string().ok());
    Ok(code.as_deref().and_then(Kind::from_code))
}

fn find(kind: Kind, name: &str) -> Result<&'static Field, RecordError> {
    kind.field(name).ok_or_else(|| RecordError::UnknownField {
        kind,
        field: name.chars().take(64).collect(),
    })
}

fn create(tx: &mut Transaction<'_>, author: &Author, new: &NewRecord) -> Result<(), RecordError> {
    if kind_of(tx)?.is_some() {
        return Err(RecordError::AlreadyCreated);
    }
    let kind = new.kind;
    for name in new.fields.keys() {
        find(kind, name)?;
    }
    tx.put(ROOT, "v", ScalarValue::Int(SCHEMA_VERSION))?;
    tx.put(ROOT, "kind", kind.code())?;
    tx.put(ROOT, "author", author.person.as_str())?;
    tx.put(ROOT, "created_at", ScalarValue::Int(author.now_ms))?;
    tx.put(ROOT, "area", new.area.as_str())?;
    tx.put(ROOT, "references", entry::to_json(&new.references)?)?;
    for container in Container::ALL {
        tx.put_object(ROOT, container.key(), ObjType::Map)?;
    }
    for field in kind.fields() {
        create_field(tx, kind, field, new.fields.get(field.name))?;
    }
    Ok(())
}

fn create_field(
    tx: &mut Transaction<'_>,
    kind: Kind,
    field: &'static Field,
    value: Option<&Value>,
) -> Result<(), RecordError> {
    if let Some(value) = value {
        value.check(field)?;
    } else if field.required {
        return Err(RecordError::RequiredMissing {
            kind,
            field: field.name,
        });
    }
    if let FieldType::Prose(_) = field.holds {
        let text = tx.put_object(ROOT, field.name, ObjType::Text)?;
        if let Some(prose) = value.and_then(Value::as_text) {
            tx.splice_text(&text, 0, 0, prose)?;
        }
    } else if let Some(value) = value {
        tx.put(ROOT, field.name, value.to_scalar()?)?;
    }
    Ok(())
}

fn prose_object(tx: &Transaction<'_>, field: &'static Field) -> Result<ObjId, RecordError> {
    match tx.get(ROOT, field.name)? {
        Some((automerge::Value::Object(ObjType::Text), id)) => Ok(id),
        _ => Err(RecordError::WrongValue {
            field: field.name,
            expected: "a replacement by `Set`; it is not prose".to_owned(),
        }),
    }
}

fn set(
    tx: &mut Transaction<'_>,
    author: &Author,
    kind: Kind,
    (name, value): (&str, &Value),
    shown: Option<&str>,
) -> Result<(), RecordError> {
    let field = unsealed(find(kind, name)?)?;
    value.check(field)?;
    if let (FieldType::Prose(_), Value::Text(to)) = (field.holds, value) {
        let object = prose_object(tx, field)?;
        let from = tx.text(&object)?;
        return Rewrite {
            from,
            to: to.clone(),
        }
        .apply(tx, &object);
    }
    let value = value.to_scalar()?;
    let live = conflict::live_values(tx, &ROOT, field.name)?;
    // Writing the value that already stands would make a change that says nothing.
    if live.last().is_some_and(|(standing, _)| standing == &value) {
        return Ok(());
    }
    let place = (&ROOT, field.name, field.name);
    conflict::put(tx, place, value, Seen::Shown(shown), author)
}

fn unsealed(field: &'static Field) -> Result<&'static Field, RecordError> {
    if field.sealed {
        Err(RecordError::FieldSealed { field: field.name })
    } else {
        Ok(field)
    }
}

fn resolve(
    tx: &mut Transaction<'_>,
    author: &Author,
    kind: Kind,
    place: &str,
    value: &Value,
    seen: &[OpId],
) -> Result<(), RecordError> {
    let seen = Seen::Named(seen);
    if let Some(id) = check_at(place) {
        let stored = value
            .as_text()
            .filter(|text| entry::from_json::<Check>(text).is_some());
        let stored = stored.ok_or(RecordError::WrongValue {
            field: "checks",
            expected: "the stored text of one of the findings".to_owned(),
        })?;
        return put_check(tx, author, id, stored, seen);
    }
    let field = unsealed(find(kind, place)?)?;
    value.check(field)?;
    let place = (&ROOT, field.name, field.name);
    conflict::put(tx, place, value.to_scalar()?, seen, author)
}

/// The finding that a place names, if it names one.
fn check_at(place: &str) -> Option<EntryId> {
    place.strip_prefix("checks/")?.parse().ok()
}

fn put_check(
    tx: &mut Transaction<'_>,
    author: &Author,
    id: EntryId,
    stored: &str,
    seen: Seen<'_>,
) -> Result<(), RecordError> {
    let checks = existing(tx, Container::Checks)?;
    let key = id.to_string();
    let place = format!("checks/{key}");
    conflict::put(
        tx,
        (&checks, &key, &place),
        ScalarValue::from(stored),
        seen,
        author,
    )
}

/// Commands with what their author saw noted in them: what stood in `doc` when it had the heads `shown`, or
/// what stands now if `None`. Of `shown`, heads that `doc` does not have are left aside.
///
/// A phone stores commands in this form. So words that are written on top of what others wrote since they
/// were shown, or again after a refusal, do not silently replace it: a value that was not seen is kept as
/// a conflict, and of prose only what the author changed is changed.
///
/// # Errors
/// [`RecordError::Automerge`].
pub fn pinned(
    doc: &Automerge,
    commands: &[Command],
    shown: Option<&[ChangeHash]>,
) -> Result<Vec<Command>, RecordError> {
    let known = shown.map(|heads| {
        let is_known = |head: &&ChangeHash| doc.get_change_meta_by_hash(head).is_some();
        heads.iter().filter(is_known).copied().collect::<Vec<_>>()
    });
    let kind = kind_of(doc)?;
    let pin = |command: &Command| pin(doc, kind, command.clone(), known.as_deref());
    commands.iter().map(pin).collect()
}

fn pin(
    doc: &Automerge,
    kind: Option<Kind>,
    mut command: Command,
    heads: Option<&[ChangeHash]>,
) -> Result<Command, RecordError> {
    match &mut command {
        Command::Set { field, value, .. } if is_prose(kind, field) => {
            let heads = heads.filter(|heads| !heads.is_empty());
            let text = doc.get(ROOT, field.as_str())?;
            if let (Some((_, object)), Value::Text(to)) = (text, value) {
                let from = match heads {
                    Some(heads) => doc.text_at(&object, heads)?,
                    None => doc.text(&object)?,
                };
                let rewrite = Rewrite {
                    from,
                    to: to.clone(),
                };
                return Ok(Command::Rewrite {
                    field: field.clone(),
                    rewrite,
                });
            }
        }
        Command::Set { field, shown, .. } if shown.is_none() => {
            *shown = Some(conflict::standing_op(doc, &ROOT, field, heads)?);
        }
        Command::Check { id, shown, .. } if shown.is_none() => {
            if let Some(checks) = conflict::container(doc, Container::Checks)? {
                *shown = Some(conflict::standing_op(doc, &checks, &id.to_string(), heads)?);
            }
        }
        _ => {}
    }
    Ok(command)
}

fn is_prose(kind: Option<Kind>, field: &str) -> bool {
    let field = kind.and_then(|kind| kind.field(field));
    field.is_some_and(|field| matches!(field.holds, FieldType::Prose(_)))
}

fn add(
    tx: &mut Transaction<'_>,
    container: Container,
    id: EntryId,
    value: &impl Serialize,
) -> Result<(), RecordError> {
    let object = existing(tx, container)?;
    let key = id.to_string();
    if tx.get(&object, key.as_str())?.is_some() {
        return Err(RecordError::EntrySealed { entry: id });
    }
    tx.put(&object, key, entry::to_json(value)?)?;
    Ok(())
}

fn existing(tx: &Transaction<'_>, container: Container) -> Result<ObjId, RecordError> {
    conflict::container(tx, container)?.ok_or(RecordError::NotARecord {
        missing: container.key(),
    })
}
