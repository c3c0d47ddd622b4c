//! The phone's engine: everything a patrol worker's app does, but screens.
//!
//! A worker must never lose a word, and must see what became of it. So a recording call returns
//! only when its change is committed and synced to the disk; everything a list or a search shows is
//! read from rows, without opening an Automerge document; and sync can be cut at any point and
//! begun again.
//!
//! - [`Phone::open`]: one encrypted SQLite file, see [`OpenOptions`].
//! - [`Phone::enrol`]: once, with signal.
//! - [`Phone::report`], [`Phone::visit`], [`Phone::start_patrol`] …: recording, offline.
//! - [`Phone::attach`]: photos, encrypted beside the database; [`Phone::send_files`] sends them,
//!   [`Phone::fetch_preview`] and [`Phone::fetch_file`] get those of others.
//! - [`Phone::list`], [`Phone::search`], [`Phone::show`], [`Phone::tasks`], [`Phone::watch`]: reading.
//! - [`Phone::sync`]: over a [`Transport`]; [`Phone::begin_sync`] is the same without I/O;
//!   [`Phone::stay_in_sync`] syncs whenever there is something, while there is signal.
//!
//! The API is synchronous: each call blocks until it is done. [`Phone`] may be shared between
//! threads, and two processes may open one store at once.
//!
//! Time, randomness and the network come from outside (DESIGN section 2).
//!
//! ```
//! # use std::sync::Arc;
//! # use gridlog_client_core::{FileMarker, OpenOptions, Phone, Query, StoreKey};
//! # use gridlog_domain::environment::{Clock, SeededEntropy};
//! # struct Noon;
//! # impl Clock for Noon { fn now_ms(&self) -> i64 { 1_790_000_000_000 } }
//! # let folder = tempfile::tempdir()?;
//! let phone = Phone::open(OpenOptions {
//!     path: folder.path().join("phone.db"),
//!     key: StoreKey::new([7; 32]),
//!     clock: Arc::new(Noon),
//!     entropy: Box::new(SeededEntropy::new(1)),
//!     marker: Arc::new(FileMarker::new(folder.path().join("marker"))),
//! })?;
//! assert!(phone.list(&Query::default())?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[macro_use]
mod mutation;

mod detail;
mod device_time;
mod document;
mod drafts;
mod enrol;
mod error;
mod fieldwork;
mod files;
#[cfg(feature = "http")]
mod http;
mod identity;
mod key;
mod live;
mod marker;
mod needs_you;
mod online;
mod pace;
mod phone;
mod read;
mod reader;
mod reasons;
mod record;
mod reference;
mod revision;
mod rows;
mod standing;
mod status;
mod stay;
mod store;
mod sync;
#[cfg(feature = "system")]
pub mod system;
mod transport;
mod watch;

pub use detail::{
    HistoryLine, OwnChange, ProposalStanding, ProposalStatus, RecordCheck, RecordDetail, Task,
};
pub use drafts::{Draft, DraftId};
pub use enrol::ENROL_PATH;
pub use error::PhoneError;
pub use fieldwork::{NewReport, NewVisit};
pub use files::{
    Attached, AttachmentReader, FILES_PATH, FileAnswer, FileCounts, FileHash, FileMethod,
    FilePolicy, FileProgress, FileReport, FileRequest, FileRules, FileSession, FileStanding,
    FileStep, FileTransport, HeldBack, InvalidHash, MaySend, Network, PIECE_BYTES, SendOptions,
    SendProgress,
};
pub use gridlog_protocol::SEARCH_PATH;
#[cfg(feature = "http")]
pub use http::HttpTransport;
pub use identity::Identity;
pub use key::StoreKey;
pub use live::{EventStream, LIVE_PATH, LiveEvent, Wake};
pub use marker::{FileMarker, GenerationMarker};
pub use mutation::IS_FAULTY_ON_PURPOSE;
#[cfg(feature = "mutations")]
pub use mutation::Mutation;
pub use needs_you::{NeedsYou, NeedsYouId};
pub use online::FoundOnline;
pub use pace::{Hold, LONGEST_HOLD_MS, Pacer};
pub use phone::{OpenOptions, Phone};
pub use reasons::explain;
pub use reference::Reference;
pub use revision::Revision;
pub use rows::{Query, RecordRow};
pub use standing::Standing;
pub use status::{SetAside, Status};
pub use stay::{OnSynced, StayFiles, StayOptions};
pub use sync::{
    CancelFlag, Confirmed, SYNC_PATH, SyncOptions, SyncProgress, SyncReport, SyncSession,
};
pub use transport::{Answer, Transport, TransportError};
pub use watch::{Listener, Subscription};
