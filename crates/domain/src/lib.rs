//! Words and rules of Gridlog: areas, catalogue, records, workflow.
//!
//! Nothing in this crate reads a clock, a random source, a file or a socket. Phones and server
//! share it, so that both judge by the same rules.
//!
//! - [`mod@reference`]: what a district decides once: areas, categories, checklists, calendar, staff.
//! - [`record`]: what people say: typed records over Automerge, with conflicts that stay visible.
//! - [`workflow`]: what the authority rules: one pure function from a case's state and a proposal
//!   to a ruling.
//! - [`deadline`]: by when something has to be done.
//! - [`metrics`]: what a district is measured by.
//! - [`channel`]: by which way a case came in.
//! - [`triage`]: which way it should go, and how grave it is.
//! - [`time`]: at which moment a step counts.

pub mod channel;
pub mod deadline;
pub mod environment;
pub mod id;
pub mod metrics;
pub mod record;
pub mod reference;
pub mod time;
pub mod triage;
pub mod workflow;
pub mod writes;
