//! Ingest: how a pushed change becomes part of the case log (DESIGN section 5).
//!
//! ```text
//! push ──▶ receive ──▶ inbox (durable: `received`) ──▶ sequencer ──▶ log, feed, views, rulings
//! ```
//!
//! [`Receiver`] makes what many requests push durable together; [`Sequencer`] decides, one round
//! at a time, and commits each round as one batch. Neither reads a clock: time comes in. What a decision needs
//! to know of a change is found out ahead, by several threads if there are any ([`Workers`]).

mod ahead;
mod backlog;
mod begun;
mod custody;
mod day;
mod decide;
mod delivery;
mod epoch;
mod held;
mod ledger;
mod load;
mod memory;
mod office;
mod published;
mod receive;
mod record_cache;
mod scope;
mod seal;
mod sequencer;
mod service;
mod take_back;
mod take_in;
mod timers;
mod turns;
mod workers;
mod working;

pub use backlog::Backlog;
pub use begun::{Begun, was_sound};
pub use day::{DayFigures, DayWish};
pub use delivery::{Caller, DESCRIPTION, DeliveredPhoto, Delivery, FreshIds};
pub use epoch::Why;
pub use load::RoundBounds;
pub use office::{OfficeError, OfficeWrite, OfficeWritten};
pub use published::Published;
pub use receive::{Pushed, Receiver, examine};
pub(crate) use scope::may_write;
pub(crate) use seal::{Tree, known};
pub use sequencer::{Round, Sequencer};
pub use service::{SequencerHandle, SequencerService, Upkeep};
pub use take_back::GivenBack;
pub use take_in::{News, TakenIn};
pub use timers::Fired;
pub use workers::{Alone, Job, Threads, Workers};
