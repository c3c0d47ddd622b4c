//! What Gridlog is compared with: plain JSON, and the last write wins.
//!
//! It is what a good engineer would build in a week for the same phones: the same axum, SQLite and
//! HTTP client; a server that answers a push only when it is on the disk; phones that keep
//! everything in a database of their own, so that they work without signal. Fields are merged by
//! the time at which they were written. There are no documents that merge, no log, no signatures,
//! no encryption on the phone, and nothing of an edit is left that was written over.
//!
//! It is kept as cheap as it can honestly be: a push is one transaction; a pull hands out rows as
//! they lie in the database, without parsing them; a phone is not sent back what only it wrote;
//! gzip is there or not, so that both can be stated.
//!
//! - [`wire`]: what travels, and [`gzip`].
//! - [`merge`]: the last write wins, field by field.
//! - [`shelf`] and [`server`]: the server, a process of its own as `gridlog-server` is.
//! - [`pocket`] and [`phone`]: a phone.

mod error;
mod gzip;
mod merge;
mod phone;
mod pocket;
mod server;
mod shelf;
mod wire;

pub(crate) use error::BaselineError;
pub(crate) use phone::JsonPhone;
pub(crate) use server::serve;
