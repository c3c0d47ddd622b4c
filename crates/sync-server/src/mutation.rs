//! Deliberate bugs. They prove that the simulator's checks bite.
//!
//! A check that nothing has ever failed may be checking nothing. So each of these bugs can be turned
//! on, one at a time and for one thread; the simulator's tests do so and require that a promise is
//! found broken (`docs/reliability.md`). Without the feature `mutations` nothing of it is compiled:
//! the feature is off by default, no program of this workspace turns it on, and those that people use
//! do not compile with it.

#[cfg(feature = "mutations")]
use std::cell::Cell;

#[cfg(feature = "mutations")]
use gridlog_protocol::{Evidence, ProtocolError, Receipt, Statement};

/// Whether a bug is on; with two expressions, the wrong one where it is and the right one elsewhere.
#[cfg(feature = "mutations")]
macro_rules! mutated {
    ($which:ident) => {
        $crate::mutation::Mutation::$which.is_on()
    };
    ($which:ident, $wrong:expr, $right:expr) => {
        if mutated!($which) { $wrong } else { $right }
    };
}

/// Nothing is wrong on purpose.
#[cfg(not(feature = "mutations"))]
macro_rules! mutated {
    ($which:ident) => {
        false
    };
    ($which:ident, $wrong:expr, $right:expr) => {
        $right
    };
}

#[cfg(feature = "mutations")]
macro_rules! mutations {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutation {
            $($(#[$doc])* $name,)*
        }

        impl Mutation {
            /// Every bug.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

#[cfg(feature = "mutations")]
mutations! {
    /// A push is answered before what was pushed is safe on the disk.
    AnsweredBeforeDurable,
    /// What a failed commit did not store counts as stored.
    FailedCommitKept,
    /// A ruling is entered twice.
    RuledTwice,
    /// A receipt counts one change too many.
    ReceiptOneTooMany,
    /// No epoch begins where a backup is restored.
    EpochNotOpened,
    /// A log that was put back without a word is not noticed.
    RollbackUnnoticed,
    /// What was erased is not erased again after a restore.
    ErasedComesBack,
    /// A phone is not told what it may no longer see.
    HiddenNotDelivered,
    /// Whoever lost a record goes on counting as one who sees it.
    AudienceKept,
    /// Whatever a device gives back is believed, whoever signed it.
    SignatureNotChecked,
    /// A device may give back entries that its page did not bring.
    EntryNotNamed,
    /// A device may write in the name of another one's actor.
    ForeignActorTaken,
    /// Anybody may write anywhere.
    ScopeNotJudged,
    /// A snapshot says that it goes further than it does.
    SnapshotTooShort,
    /// A ruling that comes back counts wherever the case stands by now.
    RulingTakenBlindly,
    /// The prints of what somebody sees do not follow the log.
    PrintsForgotten,
}

#[cfg(feature = "mutations")]
thread_local! {
    static ON: Cell<Option<Mutation>> = const { Cell::new(None) };
}

#[cfg(feature = "mutations")]
impl Mutation {
    /// Turns one bug on for this thread and any other off, or all of them.
    pub fn turn_on(only: Option<Self>) {
        ON.set(only);
    }

    /// Whether it is on.
    pub(crate) fn is_on(self) -> bool {
        ON.get() == Some(self)
    }
}

/// What evidence says, whoever signed it.
#[cfg(feature = "mutations")]
pub(crate) fn unchecked(evidence: &Evidence) -> Result<Statement, ProtocolError> {
    let what = "statement";
    minicbor::decode(&evidence.statement.0).map_err(|_| ProtocolError::Malformed { what })
}

/// A receipt for one change more than there is.
#[cfg(feature = "mutations")]
pub(crate) fn one_more(mut receipt: Receipt) -> Receipt {
    receipt.changes.count += 1;
    receipt
}
