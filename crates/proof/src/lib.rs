//! Seals and proofs: how anybody, without trusting the server, checks that a log entry is in the case
//! log, and that the log only ever grew (DESIGN section 6).
//!
//! The canonical bytes of the log's entries are the leaves of a Merkle tree as RFC 6962 defines it; entry
//! number 1 is leaf 0. A **seal** is a signed checkpoint of that tree in the form of C2SP
//! [`tlog-checkpoint`](https://c2sp.org/tlog-checkpoint) inside a
//! [`signed-note`](https://c2sp.org/signed-note): the origin, how many entries, the root. The origin
//! ends with the epoch of the log, since a server that was put back may lack entries of the epoch before:
//! "only grew" holds within an epoch.
//!
//! [`Inclusion`] shows that an entry is under a seal; [`Consistency`] that an older seal's log is the
//! beginning of a newer one's. Both are JSON and carry all that is needed but the public key. The hashes
//! and walks are those of the crate `tlog_tiles`, the notes those of `signed_note`.

mod error;
mod key;
mod proof;
mod seal;
mod tree;

pub use error::ProofError;
pub use key::{PublicKey, SealKey};
pub use proof::{Consistency, Inclusion, RecordProof};
pub use seal::{Origin, Seal};
pub use tree::{
    Node, TreeError, TreeStore, appended, consistency_path, inclusion_path, leaf, leaf_number, root,
};
