//! Takes untrusted Automerge bytes safely.
//!
//! A change comes from a phone that may be broken, patched or hostile, and once admitted it is
//! relayed to every other phone of the district. Automerge trusts its input: some changes make it
//! work for seconds, some make it panic, and some are accepted although the saved document never
//! loads again (DESIGN section 5 lists what was measured on automerge 0.12.0). So nothing here
//! hands Automerge bytes that this crate has not read and understood itself:
//!
//! 1. [`receive`] reads the chunk in microseconds, without Automerge and without any document:
//!    framing, checksum, sizes, and how many operations every column declares.
//! 2. [`admit`] decodes the operations, requires that the bytes are the one canonical encoding of
//!    them, checks each operation against what the record's [`History`] holds *as its author saw
//!    it*, and only then lets Automerge apply the change to a scratch copy, saves, reloads and
//!    compares. The schema is judged by the caller's policy on [`Candidate::writes`].
//!
//! Loading costs with the size of a record. Where several changes of one record arrive together,
//! [`admit_unrehearsed`] and one [`History::rehearse`] spare all loads but one.
//!
//! A refusal never touches the history it was judged against. Every [`Refusal`] has a stable
//! [`code`](Refusal::code) for the wire and a sentence in Chinese and English ([`describe`]).
//!
//! The format is the one of <https://automerge.org/automerge-binary-format-spec>.
//!
//! # Panics inside Automerge
//!
//! Calls into Automerge run inside `catch_unwind`; a panic becomes the code `automerge_panicked`.
//! The payload of such a panic can quote record contents and is dropped unread. The process-wide
//! panic hook runs before that, so a program that serves untrusted input calls [`quiet_panics`]
//! once at start. Catching needs unwinding: this crate does not compile with `panic = "abort"`.

#[cfg(not(panic = "unwind"))]
compile_error!("merge-guard catches panics of Automerge: every profile needs panic = \"unwind\"");

mod admit;
mod check;
mod columns;
mod encode;
#[cfg(feature = "forge")]
pub mod forge;
mod header;
mod history;
mod index;
mod limits;
mod ops;
mod reader;
mod refusal;
mod rehearsal;
mod runs;
mod shield;
mod snapshot;
mod spelled;

pub use admit::{Admitted, Candidate, Outcome, admit, admit_unrehearsed};
pub use header::{Header, receive};
pub use history::History;
pub use limits::Limits;
pub use ops::{Deed, Key, LocalId, Op};
pub use refusal::{PolicyRefusal, Refusal, describe};
pub use shield::quiet_panics;
pub use snapshot::snapshot_heads;
pub use spelled::Spelled;

#[cfg(test)]
mod tests {
    #[test]
    fn every_profile_unwinds() {
        const { assert!(cfg!(panic = "unwind")) };
    }
}
