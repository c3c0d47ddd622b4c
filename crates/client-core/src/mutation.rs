//! Deliberate bugs. They prove that the simulator's checks bite.
//!
//! A check that nothing has ever failed may be checking nothing. So each of these bugs can be turned
//! on, one at a time and for one thread; the simulator's tests do so and require that a promise is
//! found broken (`docs/reliability.md`). Without the feature `mutations` nothing of it is compiled:
//! the feature is off by default, no program of this workspace turns it on, and those that people use
//! do not compile with it.

#[cfg(feature = "mutations")]
use std::cell::Cell;

/// Whether this build can be made to do wrong (feature `mutations`). No program that people use may be
/// built so, and each says so where it begins.
pub const IS_FAULTY_ON_PURPOSE: bool = cfg!(feature = "mutations");

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
    /// What the server says of sent changes is left aside.
    DroppedVerdict,
    /// The position of a page is committed by itself, before what the page brings.
    CursorBeforeCommit,
    /// What is out of scope stays on the phone.
    ForgottenPurge,
    /// What is out of scope goes although something of it is not in the log.
    PurgeOfUnsentWork,
    /// What was refused for good is shown to nobody.
    LostRefusal,
    /// A phone whose files are an old copy goes on writing with its old actor.
    ActorKeptAfterRestore,
    /// A view that changed a little stays as it was.
    StaleView,
    /// What the server has received counts as what is in the log.
    ReceivedCountsAsInLog,
    /// A recording call returns before what it recorded is safe on the disk.
    RecordedBeforeDurable,
    /// A server that was put back gets nothing back from this phone.
    NothingGivenBack,
    /// The rulings that come with a whole record are not stored.
    RulingForgotten,
    /// What is left of an erased record here stays.
    ErasureIgnored,
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
