//! Checking a page, before anything of it is stored.

use std::collections::BTreeSet;

use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::record::RecordView;
use gridlog_domain::reference::Person;
use gridlog_domain::workflow::CaseState;
use gridlog_merge_guard::{Limits, receive};
use gridlog_protocol::limits::MAX_PAGE_ENTRIES;
use gridlog_protocol::{
    Fact, LogEntry, OLDEST_VERSION, Page, RecordDelta, VERSION, VerifyingKey, open_page,
};

use super::session::Asked;
use crate::error::PhoneError;
use crate::phone::Inner;
use crate::store::meta;

/// A page that was checked.
pub(super) struct CheckedPage {
    pub(super) page: Page,
    /// Its entries, in order, with their canonical bytes.
    pub(super) entries: Vec<(LogEntry, Vec<u8>)>,
    /// Its records.
    pub(super) deltas: Vec<CheckedDelta>,
    /// The person, if the page tells of a new profile.
    pub(super) profile: Option<(u64, Person, String)>,
}

/// A record's news, read.
pub(super) struct CheckedDelta {
    pub(super) record: RecordId,
    /// Hash and bytes of each change, in the page's order.
    pub(super) changes: Vec<([u8; 32], Vec<u8>)>,
    pub(super) as_of: u64,
    pub(super) heads: Vec<u8>,
    pub(super) area: AreaCode,
    pub(super) view: RecordView,
    pub(super) view_json: String,
    pub(super) state: Option<CaseState>,
    /// Earlier rulings on the record, with their canonical bytes.
    pub(super) rulings: Vec<(LogEntry, Vec<u8>)>,
}

const fn bad(what: &'static str) -> PhoneError {
    PhoneError::BadPage { what }
}

impl Inner {
    /// Opens an answer's body: signature, nonce, caps, order, canonical entries, sound headers.
    pub(super) fn open_page(&self, body: &[u8], asked: &Asked) -> Result<CheckedPage, PhoneError> {
        let key = self
            .store
            .read(|connection| meta::SERVER_KEY.get(connection))?;
        let key = VerifyingKey::from_bytes(&key.ok_or(PhoneError::NotEnrolled)?)
            .map_err(|_| PhoneError::StoreDamaged { what: "server key" })?;
        let page = open_page(body, asked.nonce, &key)?;
        if !(OLDEST_VERSION..=VERSION).contains(&page.version) {
            return Err(bad("it speaks another version"));
        }
        Ok(CheckedPage {
            entries: entries(&page, asked)?,
            deltas: deltas(&page)?,
            profile: profile(&page)?,
            page,
        })
    }
}

fn entries(page: &Page, asked: &Asked) -> Result<Vec<(LogEntry, Vec<u8>)>, PhoneError> {
    if page.entries.len() > MAX_PAGE_ENTRIES {
        return Err(bad("it has too many entries"));
    }
    let mut last = if page.cursor.epoch == asked.cursor.epoch {
        asked.cursor.seq
    } else {
        0
    };
    let mut entries = Vec::with_capacity(page.entries.len());
    for feed in &page.entries {
        let entry = LogEntry::from_bytes(&feed.canonical.0)?;
        if entry.seq <= last {
            return Err(bad("its entries are out of order"));
        }
        last = entry.seq;
        entries.push((entry, feed.canonical.0.clone()));
    }
    if page.cursor.seq < last {
        return Err(bad("its cursor lies before its entries"));
    }
    Ok(entries)
}

fn deltas(page: &Page) -> Result<Vec<CheckedDelta>, PhoneError> {
    let mut named = BTreeSet::new();
    let mut deltas = Vec::with_capacity(page.records.len());
    for delta in &page.records {
        if !named.insert(delta.record) {
            return Err(bad("it names a record twice"));
        }
        deltas.push(check_delta(delta)?);
    }
    Ok(deltas)
}

fn check_delta(delta: &RecordDelta) -> Result<CheckedDelta, PhoneError> {
    let limits = Limits::default();
    let mut changes = Vec::with_capacity(delta.changes.len());
    for change in &delta.changes {
        let header = receive(&change.0, &limits).map_err(|refusal| {
            tracing::error!(code = refusal.code(), "a pulled change is not sound");
            bad("it holds a change that is not sound")
        })?;
        changes.push((header.hash.0, change.0.clone()));
    }
    let view_json = std::str::from_utf8(&delta.view.0).map_err(|_| bad("a view is malformed"))?;
    let state = delta.state.as_ref();
    Ok(CheckedDelta {
        record: RecordId::from_bytes(delta.record.0),
        changes,
        as_of: delta.as_of,
        heads: delta.heads.iter().flat_map(|head| head.0).collect(),
        area: AreaCode::new(delta.area.clone()),
        view: serde_json::from_str(view_json).map_err(|_| bad("a view is malformed"))?,
        view_json: view_json.to_owned(),
        state: state
            .map(|json| serde_json::from_slice(&json.0))
            .transpose()
            .map_err(|_| bad("a case state is malformed"))?,
        rulings: rulings(delta)?,
    })
}

fn rulings(delta: &RecordDelta) -> Result<Vec<(LogEntry, Vec<u8>)>, PhoneError> {
    let mut rulings = Vec::with_capacity(delta.rulings.len());
    for canonical in &delta.rulings {
        let entry = LogEntry::from_bytes(&canonical.0)?;
        if entry.record != delta.record || !matches!(entry.fact, Fact::Ruling { .. }) {
            return Err(bad("a record comes with an entry that is no ruling on it"));
        }
        rulings.push((entry, canonical.0.clone()));
    }
    Ok(rulings)
}

fn profile(page: &Page) -> Result<Option<(u64, Person, String)>, PhoneError> {
    let Some(profile) = &page.profile else {
        return Ok(None);
    };
    let malformed = || bad("the profile is malformed");
    let json = std::str::from_utf8(&profile.person.0).map_err(|_| malformed())?;
    let person = serde_json::from_str(json).map_err(|_| malformed())?;
    Ok(Some((profile.version, person, json.to_owned())))
}
