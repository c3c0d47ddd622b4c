//! Whether a change keeps to the shape of a record: the schema and touched-path check of
//! DESIGN section 5.
//!
//! A broken *business* rule is never judged here: it is a refused proposal, not a refused change.

use std::collections::BTreeSet;

use automerge::{Automerge, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};

use super::conflict::mark_key;
use super::entry::{self, Check, Comment, PhotoRef, Proposal};
use super::schema::{Container, Field, FieldType, Kind, SCHEMA_VERSION, SEALED_ROOT};
use super::standing::Standing;
use super::value::Value;
use crate::id::{EntryId, PersonId};
use crate::writes::{Action, Target, Write};

pub use super::shape_error::{REASONS, ShapeError, describe};

/// A change, as far as the shape of the record is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The person that the device's certificate names.
    pub author: &'a PersonId,
    /// Whether it begins the record.
    pub genesis: bool,
    /// The record without the change.
    pub before: &'a Automerge,
    /// The record with it.
    pub after: &'a Automerge,
    /// The changes that its author built on: what the author could see.
    pub deps: &'a [ChangeHash],
    /// What it writes.
    pub writes: &'a [Write],
}

/// Judges one change.
///
/// # Errors
/// The first [`ShapeError`] that is found.
pub fn judge(change: Judged<'_>) -> Result<(), ShapeError> {
    let kind = if change.genesis {
        check_genesis(change.author, change.after)?
    } else {
        kind_of(scalar_in(change.before, &ROOT, "kind"))?
    };
    let judge = Judge { kind, change };
    change
        .writes
        .iter()
        .try_for_each(|write| judge.check(write))?;
    judge.check_lengths()
}

fn scalar_in(doc: &Automerge, object: &ObjId, key: &str) -> Option<ScalarValue> {
    doc.get(object, key)
        .ok()
        .flatten()
        .and_then(|(value, _)| value.into_scalar().ok())
}

fn kind_of(scalar: Option<ScalarValue>) -> Result<Kind, ShapeError> {
    match scalar {
        Some(ScalarValue::Str(code)) => {
            Kind::from_code(&code).ok_or(ShapeError::BadGenesis { missing: "kind" })
        }
        _ => Err(ShapeError::BadGenesis { missing: "kind" }),
    }
}

fn check_genesis(author: &PersonId, doc: &Automerge) -> Result<Kind, ShapeError> {
    let bad = |missing| ShapeError::BadGenesis { missing };
    let root = Standing::read(doc, ROOT);
    match root.scalar("v") {
        Some(ScalarValue::Int(SCHEMA_VERSION)) => {}
        Some(ScalarValue::Int(_)) => return Err(ShapeError::UnknownSchema),
        _ => return Err(bad("v")),
    }
    let kind = kind_of(root.scalar("kind"))?;
    match root.scalar("author") {
        Some(ScalarValue::Str(name)) if name == author.as_str() => {}
        Some(_) => {
            return Err(ShapeError::AuthorForged {
                place: "author".to_owned(),
            });
        }
        None => return Err(bad("author")),
    }
    if !matches!(root.scalar("created_at"), Some(ScalarValue::Int(_))) {
        return Err(bad("created_at"));
    }
    if !matches!(root.scalar("area"), Some(ScalarValue::Str(_))) {
        return Err(bad("area"));
    }
    if !matches!(root.scalar("references"), Some(ScalarValue::Str(_))) {
        return Err(bad("references"));
    }
    for container in Container::ALL {
        if root.object_type(container.key()) != Some(ObjType::Map) {
            return Err(bad(container.key()));
        }
    }
    for field in kind.fields() {
        let is_prose = matches!(field.holds, FieldType::Prose(_));
        if is_prose && root.object_type(field.name) != Some(ObjType::Text) {
            return Err(bad(field.name));
        }
        if field.required && !is_prose && root.scalar(field.name).is_none() {
            return Err(bad(field.name));
        }
    }
    Ok(kind)
}

struct Judge<'a> {
    kind: Kind,
    change: Judged<'a>,
}

impl Judge<'_> {
    fn check(&self, write: &Write) -> Result<(), ShapeError> {
        match (write.path.as_slice(), &write.target) {
            ([], Target::Key(key)) => self.check_root(key, write),
            ([container], Target::Key(key)) => self.check_entry(container, key, write),
            ([field], Target::Position) => self.check_letter(field, write),
            _ => Err(unknown(write)),
        }
    }

    fn check_root(&self, key: &str, write: &Write) -> Result<(), ShapeError> {
        if SEALED_ROOT.contains(&key) {
            return self.only_in_genesis(write, matches!(write.action, Action::Put(_)));
        }
        if Container::from_key(key).is_some() {
            return self.only_in_genesis(write, write.action == Action::Make(ObjType::Map));
        }
        let field = self.kind.field(key).ok_or_else(|| unknown(write))?;
        if matches!(field.holds, FieldType::Prose(_)) {
            return self.only_in_genesis(write, write.action == Action::Make(ObjType::Text));
        }
        if field.sealed {
            self.only_in_genesis(write, matches!(write.action, Action::Put(_)))?;
        }
        check_value(field, write)?;
        self.check_overwritten(key, write)
    }

    fn only_in_genesis(&self, write: &Write, right_action: bool) -> Result<(), ShapeError> {
        match (
            self.change.genesis,
            right_action && write.overwrites.is_empty(),
        ) {
            (true, true) => Ok(()),
            (true, false) => Err(ShapeError::BadValue {
                place: place_of(write),
            }),
            (false, _) => Err(ShapeError::Sealed {
                place: place_of(write),
            }),
        }
    }

    fn check_entry(&self, container: &str, key: &str, write: &Write) -> Result<(), ShapeError> {
        let container = Container::from_key(container).ok_or_else(|| unknown(write))?;
        if !container.can_be_rewritten() && self.is_rewrite(container, key, write) {
            return Err(match container {
                Container::Proposals => ShapeError::ProposalSealed { id: shorten(key) },
                _ => ShapeError::EntrySealed { id: shorten(key) },
            });
        }
        let bad = || ShapeError::BadValue {
            place: place_of(write),
        };
        let Action::Put(scalar) = &write.action else {
            return Err(ShapeError::Unsupported {
                place: place_of(write),
            });
        };
        if matches!(container, Container::Kept | Container::Settled) {
            return self.check_mark(container, key, scalar, write);
        }
        // Another spelling of an id would be another key, and hide the entry that has the id.
        if !key.parse::<EntryId>().is_ok_and(|id| id.to_string() == key) {
            return Err(unknown(write));
        }
        let ScalarValue::Str(text) = scalar else {
            return Err(bad());
        };
        let by = match container {
            Container::Comments => entry::from_json::<Comment>(text).map(|entry| entry.by),
            Container::Checks => entry::from_json::<Check>(text).map(|entry| entry.by),
            Container::Photos => entry::from_json::<PhotoRef>(text).map(|entry| entry.by),
            _ => entry::from_json::<Proposal>(text).map(|entry| entry.by),
        };
        let by = by.ok_or_else(bad)?;
        if &by != self.change.author && !self.puts_back_a_finding(container, key, scalar) {
            return Err(ShapeError::AuthorForged {
                place: place_of(write),
            });
        }
        if container == Container::Checks {
            self.check_overwritten(&format!("checks/{key}"), write)?;
        }
        Ok(())
    }

    fn is_rewrite(&self, container: Container, key: &str, write: &Write) -> bool {
        let exists = || {
            let (_, object) = self
                .change
                .before
                .get(ROOT, container.key())
                .ok()
                .flatten()?;
            self.change.before.get(&object, key).ok().flatten()
        };
        !write.overwrites.is_empty() || exists().is_some() || self.written_twice(write)
    }

    fn written_twice(&self, write: &Write) -> bool {
        self.change
            .writes
            .iter()
            .filter(|other| other.path == write.path && other.target == write.target)
            .count()
            > 1
    }

    /// Resolving a conflict may put back a finding that a colleague wrote, as it was.
    fn puts_back_a_finding(&self, container: Container, key: &str, text: &ScalarValue) -> bool {
        if container != Container::Checks {
            return false;
        }
        let place = format!("checks/{key}|");
        let lost = || {
            let (_, kept) = self
                .change
                .before
                .get(ROOT, Container::Kept.key())
                .ok()
                .flatten()?;
            let mut keys = self
                .change
                .before
                .keys(&kept)
                .filter(|kept| kept.starts_with(&place));
            keys.find(|lost| scalar_in(self.change.before, &kept, lost).as_ref() == Some(text))
        };
        self.author_saw(&format!("checks/{key}"), |_, value| value == text) || lost().is_some()
    }

    /// Whether a value that lived at a place when the author wrote fits.
    fn author_saw(&self, place: &str, fits: impl Fn(&str, &ScalarValue) -> bool) -> bool {
        let before = self.change.before;
        let (object, key) = match place.split_once('/') {
            None => (ROOT, place),
            Some((container, key)) => match before.get(ROOT, container) {
                Ok(Some((_, object))) => (object, key),
                _ => return false,
            },
        };
        let live = before
            .get_all_at(&object, key, self.change.deps)
            .unwrap_or_default();
        live.into_iter().any(|(value, op)| {
            value
                .into_scalar()
                .is_ok_and(|scalar| fits(&op.to_string(), &scalar))
        })
    }

    /// A value is kept as it was, and settled in one's own name.
    fn check_mark(
        &self,
        container: Container,
        key: &str,
        scalar: &ScalarValue,
        write: &Write,
    ) -> Result<(), ShapeError> {
        let (place, op) = key.rsplit_once('|').ok_or_else(|| unknown(write))?;
        let field = place.split('/').next().unwrap_or(place);
        if field != "checks" && self.kind.field(field).is_none() {
            return Err(unknown(write));
        }
        if container == Container::Settled {
            let own = matches!(scalar, ScalarValue::Str(by) if by == self.change.author.as_str());
            return own.then_some(()).ok_or_else(|| ShapeError::AuthorForged {
                place: place_of(write),
            });
        }
        let was_there = self.author_saw(place, |live, value| live == op && value == scalar);
        was_there.then_some(()).ok_or_else(|| ShapeError::BadValue {
            place: place_of(write),
        })
    }

    fn check_letter(&self, field: &str, write: &Write) -> Result<(), ShapeError> {
        let field = self.kind.field(field).ok_or_else(|| unknown(write))?;
        if !matches!(field.holds, FieldType::Prose(_)) {
            return Err(unknown(write));
        }
        match &write.action {
            Action::Put(ScalarValue::Str(_)) | Action::Delete => Ok(()),
            _ => Err(ShapeError::Unsupported {
                place: place_of(write),
            }),
        }
    }

    /// All overwritten values but the winner must be kept or settled by the same change.
    fn check_overwritten(&self, place: &str, write: &Write) -> Result<(), ShapeError> {
        if write.overwrites.len() < 2 {
            return Ok(());
        }
        let marked: BTreeSet<&str> = self
            .change
            .writes
            .iter()
            .filter(|other| matches!(other.path.as_slice(), [c] if c == "kept" || c == "settled"))
            .filter_map(|other| match &other.target {
                Target::Key(key) => Some(key.as_str()),
                Target::Position => None,
            })
            .collect();
        let unmarked = write
            .overwrites
            .iter()
            .filter(|op| {
                let key = mark_key(place, op);
                !marked.contains(key.as_str()) && !self.was_marked(&key)
            })
            .count();
        if unmarked > 1 {
            return Err(ShapeError::ConflictUnseen {
                place: place.to_owned(),
            });
        }
        Ok(())
    }

    fn was_marked(&self, key: &str) -> bool {
        ["kept", "settled"].iter().any(|container| {
            let object = self.change.before.get(ROOT, *container).ok().flatten();
            object.is_some_and(|(_, id)| matches!(self.change.before.get(&id, key), Ok(Some(_))))
        })
    }

    fn check_lengths(&self) -> Result<(), ShapeError> {
        for field in self.kind.fields() {
            let FieldType::Prose(max) = field.holds else {
                continue;
            };
            if let Ok(Some((_, id))) = self.change.after.get(ROOT, field.name)
                && self.change.after.length(&id) > max
            {
                return Err(ShapeError::TooLong {
                    place: field.name.to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn check_value(field: &Field, write: &Write) -> Result<(), ShapeError> {
    match &write.action {
        Action::Put(scalar) if Value::from_scalar(field, scalar).is_some() => Ok(()),
        Action::Put(_) => Err(ShapeError::BadValue {
            place: place_of(write),
        }),
        _ => Err(ShapeError::Unsupported {
            place: place_of(write),
        }),
    }
}

fn unknown(write: &Write) -> ShapeError {
    ShapeError::UnknownPlace {
        place: place_of(write),
    }
}

fn place_of(write: &Write) -> String {
    let mut keys: Vec<&str> = write.path.iter().map(String::as_str).collect();
    if let Target::Key(key) = &write.target {
        keys.push(key);
    }
    shorten(&keys.join("/"))
}

fn shorten(text: &str) -> String {
    text.chars().take(128).collect()
}
