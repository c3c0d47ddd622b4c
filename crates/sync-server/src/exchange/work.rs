//! What requests cost, estimated before and after: so that a device which asks for more than its share
//! waits itself instead of making others wait.

use gridlog_protocol::{Page, SyncRequest};

/// Estimated time of one core, in microseconds. The parts are of the order that the benchmark
/// measures on the machine that it names; what matters is how they compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Work(pub u64);

/// Tokens, the device's rows, the page's signature.
const REQUEST: u64 = 1_000;
/// Making an item durable and deciding on it.
const ITEM: u64 = 1_000;
/// Bytes pushed or given back that take a microsecond more.
const BYTES: usize = 4;
/// Bytes of a body, as it came, that take a microsecond to unpack.
const WIRE_BYTES: usize = 64;
const ASK: u64 = 20;
/// Looking for a record; what is found is counted as told.
const WANT: u64 = 100;
const RETURNED_ENTRY: u64 = 100;
const COMPARISON: u64 = 50_000;
const PROVEN_ENTRY: u64 = 200;
const TOLD_RECORD: u64 = 200;
const TOLD_ENTRY: u64 = 10;
/// Bytes of a file that take a microsecond to hash and to write, or to read.
const FILE_BYTES: u64 = 256;
/// Bytes of changes and snapshots told that take a microsecond to read and to pack.
const TOLD_BYTES: usize = 32;

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

impl Work {
    /// Looking through headlines for a text.
    pub const SEARCH: Self = Self(20_000);

    /// Looking for the newest seal and a record's entries.
    pub const PROOF: Self = Self(2_000);

    /// The paths of so many entries.
    pub fn of_proof(entries: usize) -> Self {
        Self(count(entries) * PROVEN_ENTRY)
    }

    /// What any request costs, even one that cannot be read.
    pub fn of_body(bytes: usize) -> Self {
        Self(REQUEST + count(bytes / WIRE_BYTES))
    }

    /// Taking or giving so many bytes of a file.
    pub fn of_file(bytes: u64) -> Self {
        Self(REQUEST + bytes / FILE_BYTES)
    }

    /// What a request asks for, beside its body.
    pub(super) fn of_request(request: &SyncRequest) -> Self {
        let pushed: usize = request.push.iter().map(|item| item.change.0.len()).sum();
        let returned = request.returns.iter();
        let changes = returned.clone().flat_map(|page| &page.changes);
        let given: usize = changes.clone().map(|given| given.change.0.len()).sum();
        let items = request.push.len() + changes.count();
        let entries = returned.map(|page| page.entries.len()).sum();
        let compares = u64::from(request.reconcile.is_some());
        let parts = [
            count(items) * ITEM,
            count((pushed + given) / BYTES),
            count(request.asks.len()) * ASK,
            count(request.wants.len()) * WANT,
            count(entries) * RETURNED_ENTRY,
            compares * COMPARISON,
        ];
        Self(parts.iter().sum())
    }

    /// What a page took to make.
    pub(super) fn of_page(page: &Page) -> Self {
        let records = &page.body.records;
        let told = records.iter().flat_map(|record| {
            let snapshot = record.snapshot.iter();
            record.changes.iter().chain(snapshot)
        });
        let bytes: usize = told.map(|blob| blob.0.len()).sum();
        let recalled = page.body.recalled.iter();
        let recalled = recalled.flat_map(|recalled| &recalled.changes);
        let entries = page.body.entries.len() + recalled.count();
        let parts = [
            count(records.len()) * TOLD_RECORD,
            count(bytes / TOLD_BYTES),
            count(entries) * TOLD_ENTRY,
        ];
        Self(parts.iter().sum())
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

#[cfg(test)]
mod tests {
    use gridlog_domain::id::DeviceId;
    use gridlog_protocol::{Blob, Digest, Key, Position, PushItem, RecordDelta, ViewNews};

    use super::*;
    use crate::config::Config;
    use crate::fairness::Allowances;

    const NOW: i64 = 1_790_000_000_000;

    fn pushes(changes: usize) -> SyncRequest {
        let item = PushItem {
            record: Key([1; 16]),
            change: Blob(vec![7; 2_000]),
            offset_ms: None,
        };
        SyncRequest {
            push: vec![item; changes],
            asks: vec![Digest::ZERO; 500],
            ..SyncRequest::idle(Key([1; 16]), Key([2; 16]), NOW)
        }
    }

    #[test]
    fn one_large_record_costs_more_than_one_small_one() {
        let mut page = page_of(1);
        let small = Work::of_page(&page);
        page.body.records[0].changes = vec![Blob(vec![0; 256 * 1024]); 16];
        assert!(Work::of_page(&page) > Work(small.0 + 100_000));
    }

    fn page_of(records: usize) -> Page {
        let delta = RecordDelta {
            record: Key([1; 16]),
            changes: Vec::new(),
            whole: true,
            snapshot: None,
            as_of: 1,
            updated_ms: NOW,
            area: String::new(),
            seen_by: 1,
            view: ViewNews::Same,
            state: None,
            rulings: Vec::new(),
            authors: Vec::new(),
        };
        let mut page = Page::empty(Position::NOWHERE, NOW);
        page.body.records = vec![delta; records];
        page
    }

    #[test]
    fn no_honest_phone_asks_for_more_than_it_may_at_once() {
        let allowances = Allowances::new(Config::default().allowance());
        let device = DeviceId::from_bytes([1; 16]);
        let exchange = |request: &SyncRequest, page: &Page| {
            assert_eq!(allowances.check(device, NOW), Ok(()));
            let work = Work::of_body(1_000_000).and(Work::of_request(request));
            allowances.charge(device, work.and(Work::of_page(page)), NOW);
        };
        // Within one moment: a whole day of 500 records with four changes each …
        for _ in 0..8 {
            exchange(&pushes(256), &page_of(0));
        }
        // … a comparison of everything …
        let mut compares = pushes(0);
        compares.reconcile = Some(gridlog_protocol::Reconcile {
            as_of: 1,
            message: Blob(vec![0; 60_000]),
        });
        for _ in 0..10 {
            exchange(&compares, &page_of(0));
        }
        // … and a first sync of 10,000 records.
        for _ in 0..40 {
            exchange(&pushes(0), &page_of(250));
        }
        assert_eq!(allowances.check(device, NOW), Ok(()));
    }

    #[test]
    fn whoever_floods_the_server_is_stopped_soon() {
        let allowances = Allowances::new(Config::default().allowance());
        let device = DeviceId::from_bytes([1; 16]);
        let mut requests = 0;
        while allowances.check(device, NOW).is_ok() {
            let work = Work::of_body(1_000_000).and(Work::of_request(&pushes(512)));
            allowances.charge(device, work, NOW);
            requests += 1;
        }
        assert!((10..50).contains(&requests), "{requests}");
    }
}
