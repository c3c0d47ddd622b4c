//! What a record says, read from its document.
//!
//! A view is a pure function of the document's heads: two devices with equal heads have equal
//! views. Phones store views and never open a document to list or to search.

use std::collections::BTreeMap;

use automerge::{Automerge, ROOT, ReadDoc, ScalarValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::command::ReferenceVersions;
use super::conflict::{self, OpId};
use super::entry::{self, Check, Comment, PhotoRef, Proposal};
use super::error::RecordError;
use super::schema::{Container, FieldType, Kind};
use super::standing::{Contest, Marks, Standing};
use super::value::Value;
use crate::channel::Channel;
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

/// What a record says of how it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// Its kind.
    pub kind: Kind,
    /// The area its author named.
    pub area: AreaCode,
    /// Who began it.
    pub author: PersonId,
    /// By which way it came in, if it says so.
    pub channel: Option<Channel>,
}

impl Beginning {
    /// Reads it from a document, without the rest.
    ///
    /// # Errors
    /// [`RecordError::NotARecord`] if no genesis change began it.
    pub fn read(doc: &Automerge) -> Result<Self, RecordError> {
        Self::in_root(&Standing::read(doc, ROOT))
    }

    fn in_root(root: &Standing<'_>) -> Result<Self, RecordError> {
        let kind = match root.scalar("kind") {
            Some(ScalarValue::Str(code)) => Kind::from_code(&code),
            _ => None,
        };
        Ok(Self {
            kind: kind.ok_or(RecordError::NotARecord { missing: "kind" })?,
            area: AreaCode::new(text_in(root, "area")?),
            author: PersonId::new(text_in(root, "author")?),
            channel: match root.scalar("channel") {
                Some(ScalarValue::Str(code)) => Channel::from_code(&code),
                _ => None,
            },
        })
    }
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
        let root = Standing::read(doc, ROOT);
        let Beginning {
            kind, area, author, ..
        } = Beginning::in_root(&root)?;
        let checks = Standing::in_container(&root, Container::Checks);
        let mut view = Self {
            kind,
            area,
            author,
            created_at_ms: millis_in(&root, "created_at").ok_or(RecordError::NotARecord {
                missing: "created_at",
            })?,
            references: entry::from_json(&text_in(&root, "references")?).unwrap_or_default(),
            deleted_at_ms: millis_in(&root, "deleted_at"),
            fields: BTreeMap::new(),
            comments: entries(Standing::in_container(&root, Container::Comments).as_ref()),
            checks: entries(checks.as_ref()),
            photos: entries(Standing::in_container(&root, Container::Photos).as_ref()),
            proposals: proposals(Standing::in_container(&root, Container::Proposals).as_ref()),
            conflicts: Vec::new(),
        };
        let marks = Marks::read(&root);
        view.read_fields(doc, &root, &marks)?;
        if let Some(checks) = checks {
            view.read_check_conflicts(&checks, &marks)?;
        }
        Ok(view)
    }

    fn read_fields(
        &mut self,
        doc: &Automerge,
        root: &Standing<'_>,
        marks: &Marks,
    ) -> Result<(), RecordError> {
        for field in self.kind.all_fields() {
            if let FieldType::Prose(_) = field.holds {
                if let Some(id) = root.object(field.name) {
                    let text = doc.text(&id)?;
                    if !text.is_empty() {
                        self.fields.insert(field.name.to_owned(), Value::Text(text));
                    }
                }
                continue;
            }
            let shown = root
                .scalar(field.name)
                .and_then(|scalar| Value::from_scalar(field, &scalar));
            let contest = marks.contest(root, field.name, field.name)?;
            self.note_conflict(field.name.to_owned(), shown.clone(), contest, |scalar| {
                Value::from_scalar(field, &scalar)
            });
            let has_a_place_of_its_own = matches!(field.name, "area" | "deleted_at");
            if let Some(value) = shown.filter(|_| !has_a_place_of_its_own) {
                self.fields.insert(field.name.to_owned(), value);
            }
        }
        Ok(())
    }

    fn read_check_conflicts(
        &mut self,
        checks: &Standing<'_>,
        marks: &Marks,
    ) -> Result<(), RecordError> {
        let text = |scalar: ScalarValue| match scalar {
            ScalarValue::Str(text) => Some(Value::Text(text.to_string())),
            _ => None,
        };
        for id in self.checks.keys().copied().collect::<Vec<_>>() {
            let key = id.to_string();
            let place = format!("checks/{key}");
            let contest = marks.contest(checks, &key, &place)?;
            let shown = checks.scalar(&key).and_then(text);
            self.note_conflict(place, shown, contest, text);
        }
        Ok(())
    }

    fn note_conflict(
        &mut self,
        place: String,
        shown: Option<Value>,
        contest: Contest,
        value: impl Fn(ScalarValue) -> Option<Value>,
    ) {
        let lost: Vec<LostValue> = contest
            .lost
            .into_iter()
            .filter_map(|(scalar, op)| {
                Some(LostValue {
                    op,
                    value: value(scalar)?,
                })
            })
            .collect();
        if !lost.is_empty() {
            let (shown, shown_op) = shown.zip(contest.standing).unzip();
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
        let standing = conflict::live_values(doc, &container, &id.to_string()).ok()?;
        match standing.last() {
            Some((ScalarValue::Str(text), _)) => Some(text.to_string()),
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
        let line = self.text(self.kind.headline_field());
        if line.is_empty() {
            self.kind.zh().to_owned()
        } else {
            line.to_owned()
        }
    }

    /// Every text that a search looks through, one a line. Codes of words are none: nobody sees them.
    pub fn searchable(&self) -> String {
        let is_word = |name: &str| {
            let field = self.kind.field(name);
            field.is_some_and(|field| matches!(field.holds, FieldType::Word(_)))
        };
        let said = self.fields.iter().filter(|(name, _)| !is_word(name));
        let mut lines: Vec<&str> = said.filter_map(|(_, value)| value.as_text()).collect();
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

fn text_in(root: &Standing<'_>, key: &'static str) -> Result<String, RecordError> {
    match root.scalar(key) {
        Some(ScalarValue::Str(text)) => Ok(text.to_string()),
        _ => Err(RecordError::NotARecord { missing: key }),
    }
}

fn millis_in(root: &Standing<'_>, key: &str) -> Option<i64> {
    root.scalar(key).and_then(|scalar| scalar.as_i64())
}

fn entry_texts(container: Option<&Standing<'_>>) -> Vec<(EntryId, String)> {
    let texts = |container: &Standing<'_>| {
        let keys = container.keys();
        keys.filter_map(|key| match (key.parse(), container.scalar(key)) {
            (Ok(id), Some(ScalarValue::Str(text))) => Some((id, text.to_string())),
            _ => None,
        })
        .collect()
    };
    container.map_or_else(Vec::new, texts)
}

fn entries<T: DeserializeOwned>(container: Option<&Standing<'_>>) -> BTreeMap<EntryId, T> {
    entry_texts(container)
        .into_iter()
        .filter_map(|(id, text)| Some((id, entry::from_json(&text)?)))
        .collect()
}

fn proposals(container: Option<&Standing<'_>>) -> BTreeMap<EntryId, StoredProposal> {
    entry_texts(container)
        .into_iter()
        .filter_map(|(id, text)| {
            let proposal = entry::from_json(&text)?;
            let sha256 = hex::encode(entry::proposal_hash(&text));
            Some((id, StoredProposal { proposal, sha256 }))
        })
        .collect()
}
