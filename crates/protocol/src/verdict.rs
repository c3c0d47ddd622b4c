//! What becomes of a pushed change (DESIGN section 5).

use minicbor::{Decode, Encode};

use crate::bytes::Digest;

/// Where a change stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Verdict {
    /// 已收到: durable on the server, not yet judged.
    #[n(0)]
    Received,
    /// 已入卷: in the log.
    #[n(1)]
    Admitted {
        /// The entry's sequence number.
        #[n(0)]
        seq: u64,
    },
    /// Durable, but a change that it builds on has not arrived.
    #[n(2)]
    Waiting {
        /// One of the missing changes.
        #[n(0)]
        missing: Digest,
    },
    /// Durable, but it builds on a change that was refused.
    #[n(3)]
    BlockedBy {
        /// The refused change.
        #[n(0)]
        refused: Digest,
    },
    /// Durable; an office decides (DESIGN section 4).
    #[n(4)]
    Review {
        /// Why it needs a decision.
        #[n(0)]
        reason: String,
    },
    /// Not taken. The bytes stay in quarantine for the office.
    #[n(5)]
    Refused {
        /// A stable code; see the guide's table.
        #[n(0)]
        code: String,
    },
    /// The server does not know the change; send it again.
    #[n(6)]
    Unknown,
}

impl Verdict {
    /// The verdict's code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Admitted { .. } => "admitted",
            Self::Waiting { .. } => "waiting",
            Self::BlockedBy { .. } => "blocked_by",
            Self::Review { .. } => "review",
            Self::Refused { .. } => "refused",
            Self::Unknown => "unknown",
        }
    }
}
