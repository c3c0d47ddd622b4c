//! Sync: everything that is unsent goes up, everything that is new comes down.
//!
//! [`SyncSession`] does no I/O: it makes requests and takes answers, so that the simulator can lose,
//! repeat and reorder them. [`Phone::sync`](crate::Phone::sync) drives one over a
//! [`Transport`](crate::Transport).
//!
//! Every answer is checked whole and then stored in one transaction, the cursor included. A cut at
//! any point leaves the phone at the last answer it took; what was sent without an answer is sent
//! again, which is harmless.

mod apply;
mod comparison;
mod drive;
mod hold;
mod page;
mod pull;
mod recall;
mod receipt;
mod repair;
mod replay;
mod request;
mod returning;
mod session;
mod whole;

pub use drive::{CancelFlag, SyncOptions, SyncProgress};
pub use receipt::Confirmed;
pub(crate) use receipt::confirmed;
pub use request::SYNC_PATH;
pub use session::{SyncReport, SyncSession};
