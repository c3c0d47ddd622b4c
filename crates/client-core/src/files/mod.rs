//! Photos and files: kept encrypted beside the database, sent when they may, fetched when somebody looks.
//!
//! A record names a file by the SHA-256 of its bytes ([`FileHash`]); the bytes travel apart from it
//! (`docs/files.md`). Here they lie under a key derived from the store's, each once, whatever number of
//! records name it.
//!
//! - [`Phone::attach`](crate::Phone::attach) takes a photo: cleaned, hashed, encrypted and committed before it
//!   returns.
//! - [`Phone::send_files`](crate::Phone::send_files) sends what is only here, beside a sync, in pieces that
//!   survive any cut. [`FileSession`] does the same without I/O.
//! - [`Phone::fetch_file`](crate::Phone::fetch_file) and [`Phone::fetch_preview`](crate::Phone::fetch_preview)
//!   get somebody else's, when asked.
//! - [`Phone::files`](crate::Phone::files) and [`Phone::status`](crate::Phone::status) tell where each stands.
//!
//! A file leaves this phone with the last record that holds it, and what was not sent yet never does before
//! it was: losing sight of a record does not lose a photo of it.

mod attach;
mod fetch;
#[cfg(test)]
mod full_disk;
mod hash;
mod progress;
mod read;
mod rules;
mod seal;
mod send;
mod session;
mod turns;
mod vault;
mod wire;

pub use attach::Attached;
pub use hash::{FileHash, InvalidHash};
pub use progress::{FileCounts, FileProgress, FileStanding};
pub(crate) use progress::{Underway, counts};
pub use read::AttachmentReader;
pub use rules::FileRules;
pub use send::{FilePolicy, HeldBack, MaySend, Network, SendOptions, SendProgress};
pub use session::{FileReport, FileSession, FileStep};
pub(crate) use turns::Waiting;
pub(crate) use vault::Vault;
pub use wire::{FILES_PATH, FileAnswer, FileMethod, FileRequest, FileTransport, PIECE_BYTES};
