//! Fairness between devices (DESIGN section 7): what one device asks for delays only itself.
//!
//! A device has few requests under way ([`UnderWay`]) and so much work a second ([`Allowances`]); the
//! sequencer shares its rounds out ([`crate::ingest`]). As many requests are worked on at once as there are
//! cores for ([`Cores`]). All of it is in memory and bounded: a server that starts again has forgiven everybody.

mod allowance;
mod cores;
mod under_way;

pub use allowance::{Allowance, Allowances};
pub use cores::{Core, Cores};
pub use under_way::{Turn, UnderWay};
