//! A town of three phones, a day after the server's backup, and what its server has.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::RecordId;
use gridlog_domain::record::StepDetails;
use gridlog_domain::workflow::Step;
use gridlog_protocol::Fact;
use gridlog_sync_server::store::Store;

use crate::clock::HOUR_MS;
use crate::fixture::*;
use crate::server::{Backup, Server};

/// What a server has of a record: view, state, place, and which changes.
pub(crate) type Picture = (String, Option<String>, String, BTreeSet<[u8; 32]>);

pub(crate) fn picture(server: &Server) -> BTreeMap<RecordId, Picture> {
    let store = server.store();
    let mut ids: Vec<RecordId> = (server.entries().iter())
        .map(|entry| RecordId::from_bytes(entry.record.0))
        .collect();
    ids.sort();
    ids.dedup();
    let rows = ids.iter().filter_map(|id| store.record(*id).unwrap());
    let of = |row: gridlog_sync_server::store::RecordRow| {
        let changes = store.record_changes(row.id).unwrap();
        let hashes = changes.iter().map(|change| change.hash.0).collect();
        (row.id, (row.view, row.state, row.area, hashes))
    };
    rows.map(of).collect()
}

/// Every change is admitted once, and every proposal is ruled on once.
pub(crate) fn assert_nothing_twice(server: &Server) {
    let mut seen = BTreeSet::new();
    for entry in server.entries() {
        let is_new = match &entry.fact {
            Fact::Admit { change, .. } => seen.insert((entry.record, change.0.to_vec())),
            Fact::Ruling { proposal, .. } => seen.insert((entry.record, proposal.0.to_vec())),
            _ => true,
        };
        assert!(is_new, "entry {} says something again", entry.seq);
    }
}

pub(crate) struct Town {
    /// W001, who accepts reports too.
    pub(crate) first: Fixture,
    /// W002.
    pub(crate) second: Fixture,
}

/// What registering a case takes.
fn filed() -> StepDetails {
    StepDetails {
        category: Some("01014".to_owned()),
        condition: Some("缺失".to_owned()),
        ..StepDetails::default()
    }
}

/// A backup, and then a day: a third phone that is gone by now began a record that the others know,
/// the first ruled on it, the second spoke in it and began one more.
pub(crate) fn a_day_after_the_backup() -> (Town, Backup, RecordId) {
    let first = Fixture::synced();
    let second = first.another("W002", 2);
    second.sync();
    let third = first.another("W003", 3);
    let old = third.phone.report(report("备份前的")).unwrap();
    third.sync();
    first.sync();
    second.sync();
    let backup = first.server.copy();

    first.clock.advance(HOUR_MS);
    let id = third.phone.report(report("第三部手机的")).unwrap();
    third.phone.comment(old, "备份后的话").unwrap();
    third.sync();
    first.sync();
    first.phone.propose(id, Step::Register, filed()).unwrap();
    first.phone.report(report("第一部手机的")).unwrap();
    first.sync();
    second.sync();
    second.phone.comment(id, "第二部手机的话").unwrap();
    second.phone.start_patrol(None, Some("东片")).unwrap();
    second.sync();
    first.sync();
    (Town { first, second }, backup, id)
}
