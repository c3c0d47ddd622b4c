//! Records (记录): what people say, one Automerge document each (DESIGN sections 1 and 3).
//!
//! The shape of a document is fixed when it begins. Its genesis change creates every container
//! and every text, so two devices never create the same one; after it, a record only ever has
//! scalars put into known places and letters put into known texts:
//!
//! ```text
//! v, kind, author, created_at, references    sealed by the genesis change
//! area, deleted_at, <fields of the kind>     scalars; prose fields are Automerge texts
//! comments | checks | photos | proposals     entry id → JSON text (see `Comment`, `Check`, …)
//! kept | settled                             place|operation id → value (see `conflict`)
//! ```
//!
//! [`write()`] turns [`Command`]s into a change, [`RecordView::read`] reads a document, and
//! [`policy::judge`] says whether a stranger's change keeps to the shape.

mod command;
mod conflict;
mod entry;
mod error;
pub mod policy;
mod prose;
mod schema;
mod shape_error;
mod standing;
mod value;
mod view;

pub use command::{Author, Command, NewRecord, ReferenceVersions, pinned, write};
pub use conflict::OpId;
pub use entry::{
    Attendee, Check, Comment, Finding, FollowUp, LogPosition, MAX_ENTRY_BYTES, Meeting, PhotoRef,
    PhotoRole, PreviewRef, Proposal, StepDetails, proposal_hash,
};
pub use error::RecordError;
pub use prose::Rewrite;
pub use schema::{
    Container, Field, FieldType, Kind, LINE, NUMBER, PROSE, PersonalData, SCHEMA_VERSION, UNSORTED,
    VISIT_OUTCOMES,
};
pub use value::{Crs, Fix, Place, Value};
pub use view::{Beginning, Conflict, LostValue, RecordView, StoredProposal};

#[cfg(test)]
mod tests;
