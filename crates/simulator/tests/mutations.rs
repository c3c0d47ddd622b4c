//! Deliberate bugs, each of which the simulator finds.
//!
//! A simulation that never fails may be checking nothing. Here each bug of the engines' `mutation`
//! modules is turned on alone, and a seed must find the promise broken that the bug breaks, while the
//! same seed holds without the bug.
// Whoever looks for seeds reads the terminal.
#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use gridlog_client_core::Mutation as OfPhone;
use gridlog_simulator::{Broken, play};
use gridlog_sync_server::Mutation as OfServer;

/// Within how many seeds, from the one that is named with it, each bug is found.
const FEW: u64 = 8;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bug {
    Phone(OfPhone),
    Server(OfServer),
}

use Bug::{Phone, Server};

/// The promise that a seed finds broken with a bug, or without any.
fn broken_by(bug: Option<Bug>, seed: u64) -> Option<Broken> {
    OfPhone::turn_on(match bug {
        Some(Phone(bug)) => Some(bug),
        _ => None,
    });
    OfServer::turn_on(match bug {
        Some(Server(bug)) => Some(bug),
        _ => None,
    });
    let outcome = play(seed, &BTreeSet::new());
    OfPhone::turn_on(None);
    OfServer::turn_on(None);
    outcome.broken
}

/// Whether a seed holds without a bug: otherwise what it finds proves nothing.
fn holds(seed: u64) -> bool {
    static KNOWN: Mutex<BTreeMap<u64, bool>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known().get(&seed).copied();
    found.unwrap_or_else(|| {
        let holds = broken_by(None, seed).is_none();
        known().insert(seed, holds);
        holds
    })
}

/// What is said by a panic is not seen: the simulator takes panics for those of the engines.
fn is_found(bug: Bug, first: u64, promise: &str) -> Result<(), String> {
    let mut others = Vec::new();
    for seed in first..first + FEW {
        let Some(broken) = broken_by(Some(bug), seed) else {
            continue;
        };
        if broken.promise == promise && holds(seed) {
            return Ok(());
        }
        others.push(format!("{seed}: {broken}"));
    }
    Err(format!(
        "{FEW} seeds from {first} do not find {bug:?} breaking “{promise}”, but: {}",
        others.join("; ")
    ))
}

macro_rules! found {
    ($($test:ident: $bug:expr, $seed:literal, $promise:literal;)*) => {
        $(
            #[test]
            fn $test() -> Result<(), String> {
                is_found($bug, $seed, $promise)
            }
        )*

        const TESTED: &[Bug] = &[$($bug,)*];
    };
}

found! {
    a_verdict_that_is_dropped: Phone(OfPhone::DroppedVerdict), 1, "no word is lost";
    a_cursor_published_before_the_commit: Phone(OfPhone::CursorBeforeCommit), 5,
        "phones in scope say what the server says";
    a_purge_that_is_forgotten: Phone(OfPhone::ForgottenPurge), 12,
        "nobody holds what is out of scope";
    a_purge_of_unsent_work: Phone(OfPhone::PurgeOfUnsentWork), 25,
        "receipts are true";
    a_refusal_that_is_shown_to_nobody: Phone(OfPhone::LostRefusal), 1, "receipts are true";
    an_actor_kept_after_a_restore: Phone(OfPhone::ActorKeptAfterRestore), 12,
        "an honest change is not taken for a forged one";
    a_view_left_stale: Phone(OfPhone::StaleView), 1, "phones in scope say what the server says";
    received_taken_for_in_the_log: Phone(OfPhone::ReceivedCountsAsInLog), 5, "receipts are true";
    a_recording_that_returns_too_early: Phone(OfPhone::RecordedBeforeDurable), 3,
        "a call without a fault succeeds";
    a_phone_that_gives_nothing_back: Phone(OfPhone::NothingGivenBack), 18, "no word is lost";
    rulings_that_are_forgotten: Phone(OfPhone::RulingForgotten), 2,
        "every proposal is shown as it was ruled";
    an_erasure_that_a_phone_ignores: Phone(OfPhone::ErasureIgnored), 10, "receipts are true";
    a_push_answered_before_it_is_durable: Server(OfServer::AnsweredBeforeDurable), 1,
        "what was published stays";
    a_failed_commit_that_counts: Server(OfServer::FailedCommitKept), 27,
        "an honest page is taken";
    an_item_that_is_ruled_on_twice: Server(OfServer::RuledTwice), 1,
        "nothing is in the log twice";
    a_receipt_that_counts_one_too_many: Server(OfServer::ReceiptOneTooMany), 1,
        "receipts are true";
    an_epoch_that_is_not_opened: Server(OfServer::EpochNotOpened), 5,
        "an epoch begins where a backup is restored";
    a_rollback_that_nobody_notices: Server(OfServer::RollbackUnnoticed), 38,
        "no word is lost";
    an_erased_record_that_comes_back: Server(OfServer::ErasedComesBack), 58,
        "what was erased stays erased";
    a_hidden_record_that_is_not_told_of: Server(OfServer::HiddenNotDelivered), 17,
        "nobody holds what is out of scope";
    an_audience_that_is_kept: Server(OfServer::AudienceKept), 1,
        "those see a record who should";
    a_signature_that_is_not_checked: Server(OfServer::SignatureNotChecked), 2,
        "forged evidence changes nothing";
    an_entry_that_its_page_did_not_bring: Server(OfServer::EntryNotNamed), 26,
        "forged evidence changes nothing";
    a_foreign_actor_that_is_taken: Server(OfServer::ForeignActorTaken), 5,
        "a hostile change is refused for what is wrong with it";
    a_scope_that_is_not_judged: Server(OfServer::ScopeNotJudged), 3,
        "nobody writes where they have no business";
    a_snapshot_that_is_too_short: Server(OfServer::SnapshotTooShort), 2,
        "an honest page is taken";
    a_ruling_that_is_taken_blindly: Server(OfServer::RulingTakenBlindly), 12,
        "every history is legal";
    prints_that_are_forgotten: Server(OfServer::PrintsForgotten), 1,
        "the prints of a scope are those of its records";
}

fn all_bugs() -> Vec<Bug> {
    let phone = OfPhone::ALL.iter().copied().map(Phone);
    let server = OfServer::ALL.iter().copied().map(Server);
    phone.chain(server).collect()
}

#[test]
fn every_bug_has_a_test() {
    for bug in all_bugs() {
        let tests = TESTED.iter().filter(|tested| **tested == bug);
        assert_eq!(tests.count(), 1, "{bug:?}");
    }
}

#[test]
#[ignore = "prints which seeds find which bugs: BUGS=CursorBeforeCommit FIRST=1 LAST=60"]
fn which_seeds_find_what() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |number| number.parse().unwrap())
    };
    let wanted = std::env::var("BUGS").unwrap_or_default();
    for bug in all_bugs() {
        let name = format!("{bug:?}");
        let name = name.split(['(', ')']).nth(1).unwrap();
        if !wanted.is_empty() && !wanted.split(',').any(|wanted| wanted == name) {
            continue;
        }
        let seeds = number("FIRST", 1)..=number("LAST", 30);
        let found = seeds.filter_map(|seed| Some((seed, broken_by(Some(bug), seed)?)));
        let mut found = found.filter(|(seed, _)| holds(*seed));
        let most = usize::try_from(number("MOST", 1)).unwrap();
        let mut any = false;
        for (seed, broken) in found.by_ref().take(most) {
            any = true;
            println!("{bug:?}: {seed}: {broken}");
        }
        if !any {
            println!("{bug:?}: not found");
        }
    }
}
