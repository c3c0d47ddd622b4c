//! What a record says, read from its document.
//!
//! A view is a pure function of the document's heads: two devices with equal heads have equal
//! views. Phones store views and never open a document to list or to search.

use std::collections::BTreeMap;

use automerge::{Automerge, ObjId, ROOT, ReadDoc, ScalarValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::command::{ReferenceVersions, kind_of};
use super::conflict::{self, OpId};
use super::entry::{self, Check, Comment, PhotoRef, Proposal};
use super::error::RecordError;
use super::schema::{Container, FieldType, Kind};
use super::value::Value;
use crate::id::{AreaCode, EntryId, PersonId};

/// A concurrent value that lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LostValue {
    /// Names the value when it is resolved.
    pub op: OpId,
    /// The value. A finding is given as its stored text.
    pub value: Value,
}

/// A place where concurrent values lost and nobody has resolved it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// A field, or `checks/` and an entry id.
    pub place: String,
    /// The value that is shown; `None` if the winner does not fit the field.
    pub shown: Option<Value>,
    /// Names that value when the conflict is resolved.
    pub shown_op: Option<OpId>,
    /// The values that lost.
    pub lost: Vec<LostValue>,
}

impl Conflict {
    /// Everything that this conflict shows, as a resolution names it.
    pub fn all_ops(&self) -> Vec<OpId> {
        let lost = self.lost.iter().map(|lost| lost.op.clone());
        self.shown_op.iter().cloned().chain(lost).collect()
    }
}

/// A proposal as it stands in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredProposal {
    /// The proposal.
    pub proposal: Proposal,
    /// SHA-256 of its stored text, lower-case hex.
    pub sha256: String,
}

/// Everything a record says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordView {
    /// Its kind.
    pub kind: Kind,
    /// The area its author named. Where it lives is the server's ruling.
    pub area: AreaCode,
    /// Who began it.
    pub author: PersonId,
    /// When, by the author's device, milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// The reference data it was made with.
    pub references: ReferenceVersions,
    /// When it was deleted, by the deleting device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<i64>,
    /// Fields that have a value; prose as text.
    pub fields: BTreeMap<String, Value>,
    /// Comments, oldest first.
    pub comments: BTreeMap<EntryId, Comment>,
    /// Findings.
    pub checks: BTreeMap<EntryId, Check>,
    /// Photo references.
    pub photos: BTreeMap<EntryId, PhotoRef>,
    /// Proposals.
    pub proposals: BTreeMap<EntryId, StoredProposal>,
    /// Places in conflict.
    pub conflicts: Vec<Conflict>,
}

impl RecordView {
    /// Reads a document.
    ///
    /// # Errors
    /// [`RecordError::NotARecord`] if no genesis change began it.
    pub fn read(doc: &Automerge) -> Result<Self, RecordError> {
        let kind = kind_of(doc)?.ok_or(RecordError::NotARecord { missing: "kind" })?;
        let mut view = Self {
            kind,
            area: AreaCode::new(root_text(doc, "area")?),
            author: PersonId::new(root_text(doc, "author")?),
            created_at_ms: root_millis(doc, "created_at")?.ok_or(RecordError::NotARecord {
                missing: "created_at",
            })?,
            references: entry::from_json(&root_text(doc, "references")?).unwrap_or_default(),
            deleted_at_ms: root_millis(doc, "deleted_at")?,
            fields: BTreeMap::new(),
            comments: entries(doc, Container::Comments)?,
            checks: entries(doc, Container::Checks)?,
            photos: entries(doc, Container::Photos)?,
            proposals: proposals(doc)?,
            conflicts: Vec::new(),
        };
        view.read_fields(doc)?;
        view.read_check_conflicts(doc)?;
        Ok(view)
    }

    fn read_fields(&mut self, doc: &Automerge) -> Result<(), RecordError> {
        for field in self.kind.all_fields() {
            if let FieldType::Prose(_) = field.holds {
                if let Some((automerge::Value::Object(_), id)) = doc.get(ROOT, field.name)? {
                    let text = doc.text(&id)?;
                    if !text.is_empty() {
                        self.fields.insert(field.name.to_owned(), Value::Text(text));
                    }
                }
                continue;
            }
            let shown = winner(doc, &ROOT, field.name)?
                .and_then(|scalar| Value::from_scalar(field, &scalar));
            let lost = conflict::lost_values(doc, &ROOT, field.name, field.name)?;
            let lost = lost
                .into_iter()
                .filter_map(|(scalar, op)| {
                    Some(LostValue {
                        op,
                        value: Value::from_scalar(field, &scalar)?,
                    })
                })
                .collect();
            let op = conflict::standing_op(doc, &ROOT, field.name)?;
            self.note_conflict(field.name.to_owned(), shown.clone().zip(op), lost);
            let has_a_place_of_its_own = matches!(field.name, "area" | "deleted_at");
            if let Some(value) = shown.filter(|_| !has_a_place_of_its_own) {
                self.fields.insert(field.name.to_owned(), value);
            }
        }
        Ok(())
    }

    fn read_check_conflicts(&mut self, doc: &Automerge) -> Result<(), RecordError> {
        let Some(checks) = conflict::container(doc, Container::Checks)? else {
            return Ok(());
        };
        for id in self.checks.keys().copied().collect::<Vec<_>>() {
            let key = id.to_string();
            let place = format!("checks/{key}");
            let text = |scalar: ScalarValue| match scalar {
                ScalarValue::Str(text) => Some(Value::Text(text.to_string())),
                _ => None,
            };
            let lost = conflict::lost_values(doc, &checks, &key, &place)?
                .into_iter()
                .filter_map(|(scalar, op)| {
                    Some(LostValue {
                        op,
                        value: text(scalar)?,
                    })
                })
                .collect();
            let shown = winner(doc, &checks, &key)?.and_then(text);
            let op = conflict::standing_op(doc, &checks, &key)?;
            self.note_conflict(place, shown.zip(op), lost);
        }
        Ok(())
    }

    fn note_conflict(
        &mut self,
        place: String,
        standing: Option<(Value, OpId)>,
        lost: Vec<LostValue>,
    ) {
        if !lost.is_empty() {
            let (shown, shown_op) = standing.unzip();
            self.conflicts.push(Conflict {
                place,
                shown,
                shown_op,
                lost,
            });
        }
    }

    /// The stored text of a proposal, of which its ruling carries the hash; `None` if there is none.
    pub fn stored_proposal(doc: &Automerge, id: EntryId) -> Option<String> {
        let container = conflict::container(doc, Container::Proposals).ok()??;
        match winner(doc, &container, &id.to_string()).ok()?? {
            ScalarValue::Str(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// The text of a field, empty if it has none.
    pub fn text(&self, field: &str) -> &str {
        self.fields
            .get(field)
            .and_then(Value::as_text)
            .unwrap_or_default()
    }

    /// A short line for lists: the title, name or what fits the kind.
    pub fn headline(&self) -> String {
        let line = match self.kind {
            Kind::Case => self.text("title"),
            Kind::Site | Kind::Contact => self.text("name"),
            Kind::Patrol => self.text("route"),
            Kind::Visit => self.text("household"),
        };
        if line.is_empty() {
            self.kind.zh().to_owned()
        } else {
            line.to_owned()
        }
    }

    /// Every text that a search looks through, one a line.
    pub fn searchable(&self) -> String {
        let mut lines: Vec<&str> = self.fields.values().filter_map(Value::as_text).collect();
        for value in self.fields.values() {
            if let Value::Place(place) = value {
                lines.extend(place.address.iter().map(String::as_str));
            }
        }
        lines.extend(self.comments.values().map(|comment| comment.text.as_str()));
        for check in self.checks.values() {
            lines.extend([check.item.as_str(), check.note.as_str()]);
        }
        lines.join("\n")
    }
}

fn winner(doc: &Automerge, object: &ObjId, key: &str) -> Result<Option<ScalarValue>, RecordError> {
    Ok(doc
        .get(object, key)?
        .and_then(|(value, _)| value.into_scalar().ok()))
}

fn root_text(doc: &Automerge, key: &'static str) -> Result<String, RecordError> {
    match winner(doc, &ROOT, key)? {
        Some(ScalarValue::Str(text)) => Ok(text.to_string()),
        _ => Err(RecordError::NotARecord { missing: key }),
    }
}

fn root_millis(doc: &Automerge, key: &str) -> Result<Option<i64>, RecordError> {
    Ok(winner(doc, &ROOT, key)?.and_then(|scalar| scalar.as_i64()))
}

fn entry_texts(
    doc: &Automerge,
    container: Container,
) -> Result<Vec<(EntryId, String)>, RecordError> {
    let Some(object) = conflict::container(doc, container)? else {
        return Ok(Vec::new());
    };
    let mut texts = Vec::new();
    for key in doc.keys(&object) {
        if let (Ok(id), Some(ScalarValue::Str(text))) = (key.parse(), winner(doc, &object, &key)?) {
            texts.push((id, text.to_string()));
        }
    }
    Ok(texts)
}

fn entries<T: DeserializeOwned>(
    doc: &Automerge,
    container: Container,
) -> Result<BTreeMap<EntryId, T>, RecordError> {
    let texts = entry_texts(doc, container)?;
    Ok(texts
        .into_iter()
        .filter_map(|(id, text)| Some((id, entry::from_json(&text)?)))
        .collect())
}

fn proposals(doc: &Automerge) -> Result<BTreeMap<EntryId, StoredProposal>, RecordError> {
    let texts = entry_texts(doc, Container::Proposals)?;
    Ok(texts
        .into_iter()
        .filter_map(|(id, text)| {
            let proposal = entry::from_json(&text)?;
            let sha256 = hex::encode(entry::proposal_hash(&text));
            Some((id, StoredProposal { proposal, sha256 }))
        })
        .collect())
}
