//! The district's server.
//!
//! ```text
//! web ──▶ identity ──▶ directory
//!  │         │
//!  ├──▶ ingest (receive, sequencer) ──▶ store
//!  └──▶ exchange ─▶ ingest ────────────▶ store
//! ```
//!
//! - [`web`]: HTTP: `/v1/enrol`, `/v1/sync`, `/v1/live`, `/v1/search`, `/v1/sign-in`,
//!   `/v1/office/…`, health.
//! - [`fairness`]: what one device may ask for; [`live`]: who is told that there is something to pull.
//! - [`identity`]: passwords, tokens, devices, certificates.
//! - [`directory`]: people, assignments, areas, reference data.
//! - [`ingest`]: from pushed bytes to log entries and rulings.
//! - [`import`]: files of what another system had taken in.
//! - [`exchange`]: one sync request, answered; [`news`]: what changed in a view.
//! - [`files`]: photos and other files, received, kept, given out and let go of.
//! - [`snapshotter`]: records as one chunk, made in the background.
//! - [`dev`]: an invented district for whoever writes an app.
//! - [`audit`]: a whole log read through, each damaged entry named.
//! - [`store`]: what is kept, behind one trait; [`outside`]: what is kept beside it.
//!
//! No log line holds a record's contents, a password or a token.

#[macro_use]
mod mutation;

pub mod audit;
pub mod backup;
pub mod command;
pub mod config;
pub mod dev;
pub mod directory;
pub mod environment;
pub mod exchange;
pub mod fairness;
pub mod files;
pub mod folder;
mod grouping;
pub mod identity;
mod idle;
pub mod import;
pub mod ingest;
pub mod keys;
pub mod live;
pub mod news;
pub mod outside;
pub mod restore;
mod seals;
pub mod server;
pub mod snapshotter;
pub mod store;
#[cfg(test)]
mod town;
pub mod web;

#[cfg(feature = "mutations")]
pub use mutation::Mutation;
