//! Turns: everything that somebody or something may do next.

macro_rules! turns {
    ($($(#[$doc:meta])* $name:ident $weight:literal $fault:literal;)*) => {
        /// What happens next.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Turn {
            $($(#[$doc])* $name,)*
        }

        impl Turn {
            /// Every turn.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// How often it comes, compared with others.
            pub(crate) const fn weight(self) -> u32 {
                match self { $(Self::$name => $weight,)* }
            }

            /// Whether it is a fault: a run may go without.
            pub(crate) const fn is_fault(self) -> bool {
                match self { $(Self::$name => $fault,)* }
            }

            /// Its name.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

turns! {
    /// A problem is reported.
    Report 14 false;
    /// A problem is noted.
    Note 5 false;
    /// A comment.
    Comment 10 false;
    /// A new title.
    Title 8 false;
    /// A line more of prose.
    Prose 6 false;
    /// A patrol begins.
    Patrol 3 false;
    /// A finding of a patrol, new or corrected.
    Inspect 5 false;
    /// A patrol ends.
    FinishPatrol 2 false;
    /// A visit.
    Visit 4 false;
    /// The next step of a case is proposed.
    NextStep 16 false;
    /// Any step of any case is proposed, sensible or not.
    AnyStep 8 false;
    /// A step is taken back.
    Withdraw 4 false;
    /// A conflict is resolved.
    Resolve 6 false;
    /// A record is deleted.
    Delete 3 false;
    /// What was sent back is let go.
    LetGo 2 false;
    /// What was sent back is tried again.
    TryAgain 3 false;
    /// A phone syncs.
    Sync 45 false;
    /// A phone compares everything.
    Verify 3 false;
    /// An app is closed and opened again.
    Reopen 2 false;
    /// An office takes the next step.
    OfficeStep 18 false;
    /// An office says something.
    OfficeComment 3 false;
    /// An office lets something in.
    LetIn 5 false;
    /// An office dismisses something.
    Dismiss 2 false;
    /// A worker gets another grid.
    Reassign 2 false;
    /// A worker's assignment ends.
    EndAssignment 1 false;
    /// An account is disabled.
    Disable 1 false;
    /// An account is enabled, and an assignment that ended begins again.
    Enable 3 false;
    /// A phone is handed over.
    Revoke 1 false;
    /// A person signs in again.
    SignIn 3 false;
    /// The server makes snapshots.
    Snapshot 8 false;
    /// An office seals the log.
    Seal 4 false;
    /// A backup of the server.
    Backup 4 false;
    /// A copy of a phone's files.
    CopyPhone 6 false;
    /// The server is stopped and started.
    RestartServer 1 false;
    /// A record moves to another area.
    Relocate 3 false;
    /// Closed cases leave the phones.
    Archive 2 false;
    /// A record is erased.
    Erase 1 false;
    /// A hostile device sends something.
    Hostile 8 true;
    /// The server's process dies in the middle of something.
    ServerCrash 3 true;
    /// The power goes at the server.
    ServerPower 3 true;
    /// The server's disk is full.
    ServerFull 2 true;
    /// The server's disk fails once.
    ServerIo 4 true;
    /// An app dies in the middle of something.
    PhoneCrash 6 true;
    /// A phone's battery fails.
    PhonePower 6 true;
    /// A phone's disk is full.
    PhoneFull 2 true;
    /// A phone's disk fails once.
    PhoneIo 3 true;
    /// A phone is put back to an old copy.
    RestorePhone 8 true;
    /// The server is restored from its backup.
    RestoreServer 5 true;
    /// The server's files are put back, and nobody says so.
    PutBack 2 true;
    /// A clock jumps.
    ClockJump 3 true;
    /// A phone is lost for good; its person gets a new one.
    Destroy 2 true;
}
