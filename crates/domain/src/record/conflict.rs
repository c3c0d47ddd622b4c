//! Conflicts that end only when somebody who saw them ends them (DESIGN section 1).
//!
//! In Automerge a put overwrites every value that its author's document holds for the key, the
//! concurrent ones that the author never looked at included. So a put here does two things more:
//!
//! - a concurrent value that lost and that the author did not see is copied into the container
//!   `kept`, under `place|operation id`;
//! - a value that the author saw is entered into the container `settled` under the same key.
//!
//! A value is in conflict while it is live beside the winner, or kept and not settled. Both
//! containers only grow, so the outcome is the same in whatever order changes arrive. The value
//! that the author saw standing and replaces needs no mark. Where another value stands by the time
//! of the put, because a colleague's came first or the words are written again after a refusal,
//! that one is kept.

use std::collections::BTreeSet;

use automerge::transaction::{Transactable, Transaction};
use automerge::{ActorId, ChangeHash, ObjId, ReadDoc, ScalarValue};

use super::command::Author;
use super::error::RecordError;
use super::schema::Container;

/// The id of the operation that wrote a value, as `counter@actor`; empty for no value at all.
pub type OpId = String;

/// Key of a value in `kept` and `settled`.
pub(super) fn mark_key(place: &str, op: &str) -> String {
    format!("{place}|{op}")
}

/// The values of one key that are live in the document, the winner last.
pub(super) fn live_values(
    doc: &impl ReadDoc,
    object: &ObjId,
    key: &str,
) -> Result<Vec<(ScalarValue, OpId)>, RecordError> {
    let live = doc.get_all(object, key)?;
    Ok(live
        .into_iter()
        .filter_map(|(value, id)| Some((value.into_scalar().ok()?, id.to_string())))
        .collect())
}

/// The object of a container.
pub(super) fn container(
    doc: &impl ReadDoc,
    container: Container,
) -> Result<Option<ObjId>, RecordError> {
    Ok(doc
        .get(automerge::ROOT, container.key())?
        .and_then(|(value, id)| value.is_object().then_some(id)))
}

/// What the author of a put had looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seen<'a> {
    /// The value that was shown, by its operation; `None` for the one that stands now.
    Shown(Option<&'a str>),
    /// Exactly these values, which the author decides about.
    Named(&'a [OpId]),
}

impl Seen<'_> {
    /// Whether the author had the standing value before them. What they wrote themselves they saw.
    fn covers_winner(self, op: &str, writer: &ActorId) -> bool {
        let own = op
            .split_once('@')
            .is_some_and(|(_, actor)| actor == writer.to_hex_string());
        own || match self {
            Self::Shown(shown) => shown.is_none_or(|shown| shown == op),
            Self::Named(ops) => ops.iter().any(|named| named == op),
        }
    }

    fn named(&self) -> BTreeSet<&str> {
        match self {
            Self::Shown(shown) => shown.iter().copied().collect(),
            Self::Named(ops) => ops.iter().map(String::as_str).collect(),
        }
    }
}

/// The operation whose value stands at a key: now, or where the document had these heads. Empty if none
/// does, so that a value that comes later is one that was not shown.
pub(super) fn standing_op(
    doc: &impl ReadDoc,
    object: &ObjId,
    key: &str,
    heads: Option<&[ChangeHash]>,
) -> Result<OpId, RecordError> {
    let live = match heads {
        Some(heads) => doc.get_all_at(object, key, heads)?,
        None => doc.get_all(object, key)?,
    };
    let scalars = live.into_iter().filter(|(value, _)| value.is_scalar());
    Ok(scalars
        .last()
        .map_or_else(OpId::new, |(_, id)| id.to_string()))
}

/// Puts a value, keeping every concurrent one that its author did not see.
pub(super) fn put(
    tx: &mut Transaction<'_>,
    (object, key, place): (&ObjId, &str, &str),
    value: ScalarValue,
    seen: Seen<'_>,
    author: &Author,
) -> Result<(), RecordError> {
    let mut live = live_values(tx, object, key)?;
    let winner = live.pop();
    let mut settle = seen.named();
    if let Seen::Shown(_) = seen {
        settle.retain(|op| live.iter().any(|(_, lost)| lost == op));
    }
    for (lost, op) in &live {
        let equals_winner = winner.as_ref().is_some_and(|(shown, _)| shown == lost);
        if equals_winner {
            settle.insert(op);
        } else if !settle.contains(op.as_str()) {
            mark(tx, Container::Kept, &mark_key(place, op), lost.clone())?;
        }
    }
    if let Some((standing, op)) = &winner {
        settle.remove(op.as_str());
        if !seen.covers_winner(op, &author.actor) {
            mark(tx, Container::Kept, &mark_key(place, op), standing.clone())?;
        }
    }
    let settled_by = ScalarValue::from(author.person.as_str());
    for op in settle {
        mark(
            tx,
            Container::Settled,
            &mark_key(place, op),
            settled_by.clone(),
        )?;
    }
    tx.put(object, key, value)?;
    Ok(())
}

fn mark(
    tx: &mut Transaction<'_>,
    container_kind: Container,
    key: &str,
    value: ScalarValue,
) -> Result<(), RecordError> {
    let object = container(tx, container_kind)?.ok_or(RecordError::NotARecord {
        missing: container_kind.key(),
    })?;
    if tx.get(&object, key)?.is_none() {
        tx.put(&object, key, value)?;
    }
    Ok(())
}
