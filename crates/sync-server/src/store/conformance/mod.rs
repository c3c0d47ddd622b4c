//! What every store must keep to. Each implementation runs [`run`] with a way to make empty
//! stores.

mod days;
mod devices;
mod exchange;
mod figures;
mod files;
mod inbox;
mod intake;
mod log;
mod receipts;
pub(crate) mod scope;
mod snapshots;
mod timers;
pub(crate) mod tree;
mod walk;

use std::any::Any;

use gridlog_domain::id::{DeviceId, RecordId};
use gridlog_domain::record::Kind;
use gridlog_protocol::{Digest, Fact, Key, LogEntry, entry_hash};

use super::*;

type Check<S> = fn(&S);

/// Runs every check on a store of its own. `make` yields an empty store, with what must live as
/// long as it.
pub(crate) fn run<S: Store, Guard: Any>(make: impl Fn() -> (S, Guard)) {
    let checks = [
        inbox::checks(),
        log::checks(),
        tree::checks(),
        days::checks(),
        exchange::checks(),
        walk::checks(),
        receipts::checks(),
        snapshots::checks(),
        devices::checks(),
        figures::checks(),
        timers::checks(),
        files::checks(),
        intake::checks(),
    ];
    for check in checks.concat() {
        let (store, _guard) = make();
        check(&store);
    }
    scope::prints_follow_whatever_happens(&make);
    figures::figures_are_what_the_domain_computes(&make);
}

pub(crate) fn record(n: u8) -> RecordId {
    RecordId::from_bytes([n; 16])
}

fn texts(audiences: &[&str]) -> Vec<String> {
    let audiences = audiences.iter();
    audiences.map(|&audience| audience.to_owned()).collect()
}

/// The actor that writes unless a check says otherwise.
pub(crate) const SOMEBODY: [u8; 16] = [7; 16];

fn row(n: u8, as_of: u64) -> RecordRow {
    RecordRow {
        id: record(n),
        kind: Kind::Case,
        area: "430111003001".to_owned(),
        author: "W001".into(),
        headline: format!("案卷{n}"),
        created_ms: 1,
        updated_ms: i64::from(n),
        view: "{}".to_owned(),
        state: Some(r#"{"stage":"unreported"}"#.to_owned()),
        stage: "reported".to_owned(),
        department: String::new(),
        heads: vec![change_hash(n, as_of)],
        as_of,
        conflicts: 0,
        touched: "{}".to_owned(),
        archived: false,
        timer: timed(None, 0),
    }
}

/// A next timer as that calendar says it.
fn timed(due_ms: Option<i64>, by: u32) -> NextTimer {
    NextTimer {
        due_ms,
        by: Some(by),
        provisional_ms: due_ms.map(|due_ms| due_ms + 1),
    }
}

/// The hash of the change that entry `seq` admits to record `n`.
fn change_hash(n: u8, seq: u64) -> Digest {
    let mut hash = [n; 32];
    hash[..8].copy_from_slice(&seq.to_be_bytes());
    Digest(hash)
}

/// One entry, with what a sequencer commits beside it.
pub(crate) struct Entered<'a> {
    n: u8,
    fact: Fact,
    /// Who has the record then.
    audiences: &'a [&'a str],
    gains: &'a [&'a str],
    loses: &'a [&'a str],
    /// Who wrote the change that is admitted; no change is, without one.
    actor: Option<[u8; 16]>,
    archived: bool,
}

impl<'a> Entered<'a> {
    /// A change to a record that its audiences have already.
    fn change(n: u8, audiences: &'a [&'a str]) -> Self {
        Self {
            n,
            fact: Fact::Admit {
                change: Digest::ZERO,
                by: "W001".to_owned(),
            },
            audiences,
            gains: &[],
            loses: &[],
            actor: Some(SOMEBODY),
            archived: false,
        }
    }

    /// The change that begins a record.
    pub(crate) fn begun(n: u8, audiences: &'a [&'a str]) -> Self {
        Self {
            gains: audiences,
            ..Self::change(n, audiences)
        }
    }

    /// A fact without a change.
    fn fact(n: u8, audiences: &'a [&'a str], fact: Fact) -> Self {
        Self {
            fact,
            actor: None,
            ..Self::change(n, audiences)
        }
    }

    pub(crate) fn by(self, actor: [u8; 16]) -> Self {
        Self {
            actor: Some(actor),
            ..self
        }
    }

    /// The batch that enters it on `head`.
    pub(crate) fn on(mut self, head: LogHead) -> Batch {
        let seq = head.seq + 1;
        let mut batch = Batch::on(head);
        if let (Some(actor), Fact::Admit { change, .. }) = (self.actor, &mut self.fact) {
            *change = change_hash(self.n, seq);
            batch.changes.push(NewChange {
                record: record(self.n),
                hash: *change,
                actor,
                actor_seq: seq,
                person: format!("W{}", actor[0]),
                seq,
                bytes: [vec![self.n; 99], vec![u8::try_from(seq).unwrap()]].concat(),
            });
        }
        let entry = LogEntry {
            seq,
            previous: head.hash,
            at_ms: 9,
            record: Key([self.n; 16]),
            fact: self.fact,
            origin: None,
        };
        let canonical = entry.to_bytes();
        batch.head.seq = seq;
        batch.head.hash = entry_hash(&canonical);
        batch.entries.push(NewEntry {
            seq,
            record: record(self.n),
            canonical,
            audiences: texts(self.audiences),
        });
        batch.records.push(RecordRow {
            archived: self.archived,
            ..row(self.n, seq)
        });
        let gains = self.gains.iter();
        batch.gained = gains
            .map(|&audience| (record(self.n), audience.to_owned(), seq))
            .collect();
        let loses = self.loses.iter();
        batch.lost = loses
            .map(|&audience| (record(self.n), audience.to_owned()))
            .collect();
        batch
    }

    /// Enters it; its number.
    fn into_log(self, store: &impl Store) -> u64 {
        let batch = self.on(store.head().unwrap());
        store.commit(&batch).unwrap();
        batch.head.seq
    }
}

/// Erases a record that `audiences` have.
pub(crate) fn erase(store: &impl Store, n: u8, audiences: &[&str]) -> u64 {
    let by = "A001".to_owned();
    let mut batch = Entered::fact(n, audiences, Fact::Erase { by }).on(store.head().unwrap());
    batch.records.clear();
    batch.erased.push(record(n));
    store.commit(&batch).unwrap();
    batch.head.seq
}

pub(crate) const DEVICE: [u8; 16] = [1; 16];

pub(crate) fn device(n: u8) -> Device {
    Device {
        id: DeviceId::from_bytes([n; 16]),
        person: "W001".into(),
        name: "手机".to_owned(),
        enrolled_ms: 1,
        revoked_ms: None,
        last_sync_ms: None,
    }
}

/// What a device asks that wrote nothing and pulls nothing.
pub(crate) fn ask(audiences: &[&str]) -> ExchangeQuery {
    ExchangeQuery {
        device: DeviceId::from_bytes(DEVICE),
        actors: Vec::new(),
        items: Vec::new(),
        audiences: texts(audiences),
        after: None,
        walk: None,
        wants: Vec::new(),
        recall: None,
        max_entries: 100,
        target_bytes: 1_000_000,
    }
}

/// What a device asks that pulls after an entry.
fn pull(audiences: &[&str], after: u64) -> ExchangeQuery {
    ExchangeQuery {
        after: Some(after),
        ..ask(audiences)
    }
}

fn numbers(slice: &ExchangeSlice) -> Vec<u64> {
    slice.entries.iter().map(|entry| entry.seq).collect()
}

fn told(slice: &ExchangeSlice) -> Vec<RecordId> {
    slice.records.iter().map(|told| told.row.id).collect()
}

fn ruling(n: u8) -> Fact {
    Fact::Ruling {
        proposal: Key([n; 16]),
        proposal_hash: Digest::ZERO,
        step: "report".to_owned(),
        by: "W001".to_owned(),
        refused: None,
        stage: "reported".to_owned(),
        counts_at_ms: 9,
        time_flagged: false,
        department: None,
    }
}
