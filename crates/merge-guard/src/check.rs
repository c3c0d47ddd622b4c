//! Checks every operation of a change against what its author can have seen.
//!
//! Automerge accepts or panics on operations that refer to nothing (DESIGN section 5). Honest
//! Automerge only ever writes what is checked here: a place that exists, in an object that
//! exists, overwriting operations that stand at that same place.

use automerge::{ObjType, ScalarValue};
use gridlog_domain::writes::{Action, Target, Write};

use crate::header::Header;
use crate::index::{Clock, Entry, Index, OpId, Place};
use crate::limits::Limits;
use crate::ops::{Deed, Key, LocalId, Op};
use crate::refusal::Refusal;

/// What a sound change adds to the index, and its operations for the policy.
pub(crate) struct Sound {
    pub(crate) entries: Vec<Entry>,
    pub(crate) writes: Vec<Write>,
}

/// Checks `ops`, the operations of the change `header`, whose dependencies have `clock`.
pub(crate) fn check(
    index: &Index,
    clock: &Clock,
    header: &Header,
    ops: Vec<Op<'_>>,
    limits: &Limits,
) -> Result<Sound, Refusal> {
    let mut scope = Scope::open(index, clock, header, limits)?;
    scope.entries.reserve_exact(ops.len());
    scope.writes.reserve_exact(ops.len());
    for (row, op) in ops.into_iter().enumerate() {
        scope.op(row, op)?;
    }
    scope.require_all_actors_used()?;
    Ok(Sound {
        entries: scope.entries,
        writes: scope.writes,
    })
}

/// What the author has seen while writing the change: its ancestors and its own operations so far.
struct Scope<'a> {
    index: &'a Index,
    clock: &'a Clock,
    header: &'a Header,
    limits: &'a Limits,
    /// The change's own actor list as record-wide indices.
    actors: Vec<usize>,
    /// The author as operation names end.
    author: String,
    used: Vec<bool>,
    entries: Vec<Entry>,
    writes: Vec<Write>,
    /// Path of the object that the previous operation wrote in.
    last_path: Option<(Option<OpId>, Vec<String>)>,
}

impl<'a> Scope<'a> {
    fn open(
        index: &'a Index,
        clock: &'a Clock,
        header: &'a Header,
        limits: &'a Limits,
    ) -> Result<Self, Refusal> {
        let mut actors = vec![index.actor_or_next(&header.actor)];
        for actor in &header.other_actors {
            match index.actor(actor) {
                Some(known) if index.knows(known, clock) => actors.push(known),
                _ => {
                    return Err(Refusal::UnknownActor {
                        actor: actor.clone(),
                    });
                }
            }
        }
        let mut used = vec![false; actors.len()];
        used[0] = true;
        Ok(Self {
            index,
            clock,
            header,
            limits,
            actors,
            author: format!("@{}", header.actor),
            used,
            entries: Vec::new(),
            writes: Vec::new(),
            last_path: None,
        })
    }

    fn op(&mut self, row: usize, op: Op<'_>) -> Result<(), Refusal> {
        let id = OpId {
            counter: self.header.start_op + row as u64,
            actor: self.actors[0],
        };
        let object = self.object(id, &op)?;
        let object_type = self
            .object_type(object)
            .ok_or_else(|| self.missing(id, object))?;
        let place = self.place(id, &op, object, object_type)?;
        self.require_supported(id, &op, object_type)?;
        let preds = self.preds(id, &op, object, &place)?;
        let path = self.path(id, object)?;
        let target = target(&place);
        self.entries.push(Entry {
            object,
            place,
            makes: makes(&op.deed),
            deletes: op.deed == Deed::Delete,
        });
        self.writes.push(Write {
            path,
            target,
            action: action(op.deed),
            id: self.name(id),
            overwrites: preds.into_iter().map(|pred| self.name(pred)).collect(),
        });
        Ok(())
    }

    fn object(&mut self, id: OpId, op: &Op<'_>) -> Result<Option<OpId>, Refusal> {
        let Some(local) = op.object else {
            return Ok(None);
        };
        match self.global(local) {
            Some(object) => Ok(Some(object)),
            None => Err(Refusal::MissingObject {
                op: self.name(id),
                object: unknown(local),
            }),
        }
    }

    fn object_type(&self, object: Option<OpId>) -> Option<ObjType> {
        match object {
            None => Some(ObjType::Map),
            Some(object) => self.entry(object)?.makes,
        }
    }

    fn missing(&self, id: OpId, object: Option<OpId>) -> Refusal {
        let object = object.map_or_else(|| "the root".to_owned(), |object| self.name(object));
        Refusal::MissingObject {
            op: self.name(id),
            object,
        }
    }

    fn place(
        &mut self,
        id: OpId,
        op: &Op<'_>,
        object: Option<OpId>,
        object_type: ObjType,
    ) -> Result<Place, Refusal> {
        let place = match (&op.key, op.insert, object_type.is_sequence()) {
            (Key::Map(key), false, false) => self.map_key(key),
            (Key::Head, true, true) => Some(Place::Element(id)),
            (Key::Element(local), insert, true) => {
                let element = self.global(*local);
                element
                    .filter(|element| self.is_element(*element, object))
                    .map(|element| Place::Element(if insert { id } else { element }))
            }
            _ => None,
        };
        place.ok_or_else(|| Refusal::BadKey { op: self.name(id) })
    }

    fn map_key(&self, key: &str) -> Option<Place> {
        let fits = !key.is_empty() && key.len() <= self.limits.max_key_bytes;
        fits.then(|| Place::Key(key.into()))
    }

    /// Whether `element` was inserted in `object`.
    fn is_element(&self, element: OpId, object: Option<OpId>) -> bool {
        self.entry(element)
            .is_some_and(|entry| entry.object == object && entry.place == Place::Element(element))
    }

    fn require_supported(
        &self,
        id: OpId,
        op: &Op<'_>,
        object_type: ObjType,
    ) -> Result<(), Refusal> {
        let supported = match (object_type, &op.deed) {
            (_, Deed::Delete) => !op.insert,
            // Text holds characters, each inserted once and at most deleted.
            (ObjType::Text, Deed::Put(ScalarValue::Str(text))) => {
                op.insert && is_one_character(text)
            }
            (ObjType::Text, _) => false,
            _ => true,
        };
        if supported {
            Ok(())
        } else {
            Err(Refusal::UnsupportedOp { op: self.name(id) })
        }
    }

    /// Resolves what the operation overwrites. Honest writers name what they see at the place;
    /// something must be named to delete, or to replace an element.
    fn preds(
        &mut self,
        id: OpId,
        op: &Op<'_>,
        object: Option<OpId>,
        place: &Place,
    ) -> Result<Vec<OpId>, Refusal> {
        let replaces_element = !op.insert && matches!(place, Place::Element(_));
        let must_name = op.deed == Deed::Delete || replaces_element;
        if must_name && op.preds.is_empty() {
            return Err(Refusal::BadPred {
                op: self.name(id),
                pred: "nothing".to_owned(),
            });
        }
        let mut preds: Vec<OpId> = Vec::with_capacity(op.preds.len());
        for local in &op.preds {
            let pred = self.global(*local).filter(|pred| {
                !op.insert
                    && self.entry(*pred).is_some_and(|entry| {
                        entry.object == object && entry.place == *place && !entry.deletes
                    })
            });
            let sorted = |pred: OpId| preds.last().is_none_or(|last| self.before(*last, pred));
            match pred.filter(|pred| sorted(*pred)) {
                Some(pred) => preds.push(pred),
                None => {
                    return Err(Refusal::BadPred {
                        op: self.name(id),
                        pred: unknown(*local),
                    });
                }
            }
        }
        Ok(preds)
    }

    /// Automerge's order of operations: by counter, then by the actor's bytes.
    fn before(&self, left: OpId, right: OpId) -> bool {
        (left.counter, self.actor_id(left.actor)) < (right.counter, self.actor_id(right.actor))
    }

    fn path(&mut self, id: OpId, object: Option<OpId>) -> Result<Vec<String>, Refusal> {
        if let Some((last, path)) = &self.last_path
            && *last == object
        {
            return Ok(path.clone());
        }
        let mut path = Vec::new();
        let mut above = object;
        while let Some(object) = above {
            if path.len() == self.limits.max_depth {
                let limit = self.limits.max_depth;
                return Err(Refusal::TooDeep {
                    op: self.name(id),
                    limit,
                });
            }
            let entry = self
                .entry(object)
                .ok_or_else(|| self.missing(id, Some(object)))?;
            path.push(match &entry.place {
                Place::Key(key) => key.to_string(),
                Place::Element(element) => self.name(*element),
            });
            above = entry.object;
        }
        path.reverse();
        self.last_path = Some((object, path.clone()));
        Ok(path)
    }

    /// An earlier operation of this change, or one of an ancestor.
    fn entry(&self, id: OpId) -> Option<&Entry> {
        if id.actor == self.actors[0] && id.counter >= self.header.start_op {
            let row = usize::try_from(id.counter - self.header.start_op).ok()?;
            return self.entries.get(row);
        }
        self.index.entry(id, self.clock)
    }

    fn global(&mut self, local: LocalId) -> Option<OpId> {
        let actor = *self.actors.get(local.actor)?;
        self.used[local.actor] = true;
        Some(OpId {
            counter: local.counter,
            actor,
        })
    }

    /// Automerge drops actors that no operation names when it loads, which changes the hash.
    fn require_all_actors_used(&self) -> Result<(), Refusal> {
        if self.used.iter().all(|used| *used) {
            Ok(())
        } else {
            Err(Refusal::NotCanonical {
                hash: self.header.hash,
            })
        }
    }

    fn actor_id(&self, actor: usize) -> &automerge::ActorId {
        self.index.actor_id(actor).unwrap_or(&self.header.actor)
    }

    fn name(&self, id: OpId) -> String {
        if id.actor != self.actors[0] {
            return format!("{}@{}", id.counter, self.actor_id(id.actor));
        }
        [&id.counter.to_string(), self.author.as_str()].concat()
    }
}

fn is_one_character(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some() && characters.next().is_none()
}

fn unknown(local: LocalId) -> String {
    format!("{}@({})", local.counter, local.actor)
}

fn target(place: &Place) -> Target {
    match place {
        Place::Key(key) => Target::Key(key.to_string()),
        Place::Element(_) => Target::Position,
    }
}

fn action(deed: Deed) -> Action {
    match deed {
        Deed::Make(object_type) => Action::Make(object_type),
        Deed::Put(value) => Action::Put(value),
        Deed::Delete => Action::Delete,
    }
}

fn makes(deed: &Deed) -> Option<ObjType> {
    match deed {
        Deed::Make(object_type) => Some(*object_type),
        Deed::Put(_) | Deed::Delete => None,
    }
}
