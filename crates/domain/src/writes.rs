//! One write of a change, in words the rules can judge.
//!
//! Automerge stores operations by object id. The rules of a record speak of paths: "the title",
//! "the proposal `0190…`". `merge-guard` turns the operations of one change into [`Write`]s, and
//! [`crate::record::policy`] says which of them a record of a given kind admits. Operations, not the
//! resulting patches, are judged: a write that loses against a concurrent one leaves no patch,
//! yet it travels to every phone.

use automerge::{ObjType, ScalarValue};

/// One operation of a change, with the place it touches.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Keys from the root to the object that is written in; empty for the root itself.
    pub path: Vec<String>,
    /// What inside that object is written.
    pub target: Target,
    /// What is done to it.
    pub action: Action,
    /// The operation's own id, as `counter@actor` (actor in lower-case hex).
    pub id: String,
    /// Ids of the operations that this one overwrites (Automerge's `pred`), same form as `id`.
    pub overwrites: Vec<String>,
}

/// The place inside an object that a [`Write`] touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A key of a map.
    Key(String),
    /// A position inside a text or a list.
    Position,
}

/// What a [`Write`] does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Creates a map, a list, a text or a table.
    Make(ObjType),
    /// Puts, or inside a text inserts, a scalar value.
    Put(ScalarValue),
    /// Removes what it overwrites.
    Delete,
    /// Adds to a counter. No record has counters.
    Increment,
    /// Formats a span of text. No record has formatted text.
    Mark,
}
