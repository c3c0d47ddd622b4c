//! What stands in a map, read in one pass.
//!
//! Automerge seeks every key from the start of the object, and reading a record asks for dozens.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use automerge::iter::MapRangeItem;
use automerge::{Automerge, ObjId, ObjType, ReadDoc, ScalarValue, ValueRef};

use super::conflict::{self, OpId, mark_key};
use super::error::RecordError;
use super::schema::Container;

/// The values that stand in one map, by key.
pub(super) struct Standing<'a> {
    doc: &'a Automerge,
    object: ObjId,
    items: BTreeMap<Cow<'a, str>, MapRangeItem<'a>>,
}

impl<'a> Standing<'a> {
    /// Reads a map.
    pub(super) fn read(doc: &'a Automerge, object: ObjId) -> Self {
        let items = doc.map_range(&object, ..);
        Self {
            doc,
            items: items.map(|item| (item.key.clone(), item)).collect(),
            object,
        }
    }

    /// Reads a container; `root` is the record's root. `None` if the record does not have it.
    pub(super) fn in_container(root: &Self, container: Container) -> Option<Self> {
        let object = root.object(container.key())?;
        Some(Self::read(root.doc, object))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.items.keys().map(AsRef::as_ref)
    }

    pub(super) fn scalar(&self, key: &str) -> Option<ScalarValue> {
        scalar(self.items.get(key)?)
    }

    pub(super) fn object(&self, key: &str) -> Option<ObjId> {
        self.object_type(key)?;
        Some(self.items.get(key)?.id())
    }

    pub(super) fn object_type(&self, key: &str) -> Option<ObjType> {
        match &self.items.get(key)?.value {
            ValueRef::Object(object) => Some(*object),
            ValueRef::Scalar(_) => None,
        }
    }

    /// The scalars of a key that are live, the winner last.
    fn live(&self, key: &str) -> Result<Vec<(ScalarValue, OpId)>, RecordError> {
        let Some(item) = self.items.get(key) else {
            return Ok(Vec::new());
        };
        if item.conflict {
            return conflict::live_values(self.doc, &self.object, key);
        }
        let value = scalar(item).map(|value| (value, item.id().to_string()));
        Ok(value.into_iter().collect())
    }
}

fn scalar(item: &MapRangeItem<'_>) -> Option<ScalarValue> {
    automerge::Value::from(item.value.clone())
        .into_scalar()
        .ok()
}

/// What was kept of values that lost, and what was settled.
pub(super) struct Marks {
    kept: Vec<(String, ScalarValue)>,
    settled: BTreeSet<String>,
}

/// A place: the value that stands, with its operation, and those that lost.
pub(super) struct Contest {
    pub(super) standing: Option<OpId>,
    pub(super) lost: Vec<(ScalarValue, OpId)>,
}

impl Marks {
    /// Reads the marks of the record with this root.
    pub(super) fn read(root: &Standing<'_>) -> Self {
        let kept = Standing::in_container(root, Container::Kept);
        let settled = Standing::in_container(root, Container::Settled);
        Self {
            kept: kept.map_or_else(Vec::new, |kept| {
                let items = kept.items.iter();
                items
                    .filter_map(|(key, item)| Some((key.to_string(), scalar(item)?)))
                    .collect()
            }),
            settled: settled.map_or_else(BTreeSet::new, |settled| {
                settled.keys().map(str::to_owned).collect()
            }),
        }
    }

    /// What lost at a key and was settled by nobody, without values equal to the winner. `place`
    /// is the key's name in marks.
    pub(super) fn contest(
        &self,
        map: &Standing<'_>,
        key: &str,
        place: &str,
    ) -> Result<Contest, RecordError> {
        let mut lost = map.live(key)?;
        let winner = lost.pop();
        lost.extend(self.kept(place));
        lost.sort_by(|a, b| a.1.cmp(&b.1));
        lost.dedup_by(|a, b| a.1 == b.1);
        lost.retain(|(value, op)| {
            Some(value) != winner.as_ref().map(|(value, _)| value)
                && !self.settled.contains(&mark_key(place, op))
        });
        Ok(Contest {
            standing: winner.map(|(_, op)| op),
            lost,
        })
    }

    fn kept(&self, place: &str) -> impl Iterator<Item = (ScalarValue, OpId)> {
        self.kept.iter().filter_map(move |(key, value)| {
            let op = key.strip_prefix(place)?.strip_prefix('|')?;
            Some((value.clone(), op.to_owned()))
        })
    }
}
