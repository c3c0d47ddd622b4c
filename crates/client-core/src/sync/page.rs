//! Checking a page, before anything of it is stored.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::record::RecordView;
use gridlog_domain::reference::Person;
use gridlog_domain::workflow::CaseState;
use gridlog_merge_guard::{Limits, receive, snapshot_heads};
use gridlog_protocol::limits::{MAX_AUDIENCES, MAX_PAGE_ENTRIES, MAX_WITHOUT};
use gridlog_protocol::{
    Author, Digest, Evidence, Fact, Key, LogEntry, OLDEST_VERSION, Page, RecordDelta, SeenRecord,
    Splice, VERSION, VerifyingKey, ViewNews, contents, entry_hash, fill, open_page_following,
    record_print,
};

use super::session::Asked;
use crate::error::PhoneError;
use crate::phone::Inner;
use crate::store::meta;

/// A page whose signature holds.
pub(super) enum Opened {
    /// All of it can be read.
    Sound(Box<CheckedPage>),
    /// Nothing of it is taken: it is asked for again without these records.
    Unsound {
        /// What cannot be read.
        records: Vec<Unsound>,
        /// How long the server asks to wait before the next sync, milliseconds.
        retry_after_ms: Option<u64>,
    },
}

/// A record that cannot be read as a page brings it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsound {
    pub(super) record: RecordId,
    /// What is wrong with it; see [`crate::explain`].
    pub(super) code: &'static str,
}

/// A page that was checked.
pub(super) struct CheckedPage {
    pub(super) page: Page,
    /// What proves it later.
    pub(super) evidence: Evidence,
    /// Its entries, in order, with their canonical bytes.
    pub(super) entries: Vec<(LogEntry, Vec<u8>)>,
    /// Its records.
    pub(super) deltas: Vec<CheckedDelta>,
    /// The key that signed it, where it follows the one that this phone knows.
    pub(super) new_key: Option<[u8; 32]>,
    /// The person, if the page tells of a new profile.
    pub(super) profile: Option<CheckedProfile>,
}

/// A profile, read.
pub(super) struct CheckedProfile {
    pub(super) version: u64,
    pub(super) person: Person,
    pub(super) json: String,
    pub(super) audiences: Vec<String>,
}

/// A change with what its header says.
pub(super) struct CheckedChange {
    pub(super) hash: [u8; 32],
    pub(super) deps: Vec<[u8; 32]>,
    pub(super) actor: Vec<u8>,
    pub(super) time_ms: i64,
    pub(super) bytes: Vec<u8>,
}

/// What the page says of a view.
pub(super) enum CheckedView {
    Same,
    Whole {
        view: Box<RecordView>,
        json: String,
    },
    Patch {
        patch: serde_json::Value,
        splices: Vec<Splice>,
        check: u32,
    },
}

/// A record's news, read.
pub(super) struct CheckedDelta {
    pub(super) record: RecordId,
    /// The changes, in the page's order.
    pub(super) changes: Vec<CheckedChange>,
    pub(super) whole: bool,
    pub(super) snapshot: Option<Vec<u8>>,
    /// Of a whole record: its heads, sorted.
    pub(super) heads: Vec<Digest>,
    pub(super) as_of: u64,
    pub(super) updated_ms: i64,
    pub(super) area: AreaCode,
    pub(super) seen_by: u64,
    pub(super) view: CheckedView,
    pub(super) state: Option<CaseState>,
    pub(super) state_json: Option<String>,
    /// Of a whole record: the rulings on it, where it lives among them if it moved. Of news: what admits
    /// and rules on what lies behind the page's position. With their canonical bytes.
    pub(super) rulings: Vec<(LogEntry, Vec<u8>)>,
    pub(super) authors: Vec<Author>,
}

impl CheckedDelta {
    /// The record's print with these heads and that case state.
    pub(super) fn print(&self, heads: &[Digest], state_json: &str) -> Vec<u8> {
        let key = Key(*self.record.as_bytes());
        record_print(key, heads, state_json.as_bytes()).0.to_vec()
    }
}

const fn bad(what: &'static str) -> PhoneError {
    PhoneError::BadPage { what }
}

impl Inner {
    /// Opens an answer's body: signature, nonce, device, caps, order, holes, sound headers, and that
    /// the statement commits to what the page holds.
    pub(super) fn open_page(&self, body: &[u8], asked: &Asked) -> Result<Opened, PhoneError> {
        let key = self
            .store
            .read(|connection| meta::SERVER_KEY.get(connection))?;
        let key = VerifyingKey::from_bytes(&key.ok_or(PhoneError::NotEnrolled)?)
            .map_err(|_| PhoneError::StoreDamaged { what: "server key" })?;
        let (opened, new_key) = open_page_following(body, asked.nonce, asked.device, &key)?;
        let page = opened.page;
        if !(OLDEST_VERSION..=VERSION).contains(&page.statement.version) {
            return Err(bad("it speaks another version"));
        }
        if page.body.verdicts.len() != asked.items() {
            return Err(bad("it does not answer every item"));
        }
        check_position(&page, asked)?;
        let (deltas, unsound) = deltas(&page, asked)?;
        if !unsound.is_empty() {
            return Ok(Opened::Unsound {
                records: unsound,
                retry_after_ms: page.body.retry_after_ms,
            });
        }
        let entries = entries(&page, asked, &deltas)?;
        let rulings = deltas.iter().flat_map(|delta| &delta.rulings);
        let hashes = entries.iter().chain(rulings);
        let evidence = Evidence {
            entries: hashes.map(|(_, canonical)| entry_hash(canonical)).collect(),
            records: deltas
                .iter()
                .filter(|delta| delta.whole)
                .map(seen)
                .collect(),
            ..opened.evidence
        };
        if contents(&evidence.entries, &evidence.records) != page.statement.contents {
            return Err(bad("its statement does not fit what it brings"));
        }
        Ok(Opened::Sound(Box::new(CheckedPage {
            new_key: new_key.map(|key| key.to_bytes()),
            profile: profile(&page)?,
            evidence,
            entries,
            deltas,
            page,
        })))
    }
}

/// Unless the page says that its log is another one, it goes on from where the pull was.
fn check_position(page: &Page, asked: &Asked) -> Result<(), PhoneError> {
    let (from, to) = (asked.position, page.statement.position);
    let goes_on = to.epoch == from.epoch && (to.seq > from.seq || to == from);
    if from.epoch == 0 || page.body.lineage.is_some() || goes_on {
        Ok(())
    } else {
        Err(bad("it goes back in the log, or to another one"))
    }
}

fn seen(delta: &CheckedDelta) -> SeenRecord {
    SeenRecord {
        record: Key(*delta.record.as_bytes()),
        heads: delta.heads.clone(),
        as_of: delta.as_of,
        authors: delta.authors.clone(),
    }
}

fn entries(
    page: &Page,
    asked: &Asked,
    deltas: &[CheckedDelta],
) -> Result<Vec<(LogEntry, Vec<u8>)>, PhoneError> {
    if page.body.entries.len() > MAX_PAGE_ENTRIES {
        return Err(bad("it has too many entries"));
    }
    let by_record: BTreeMap<Key, &CheckedDelta> = deltas
        .iter()
        .map(|delta| (Key(*delta.record.as_bytes()), delta))
        .collect();
    let hash_of = |record: Key, at: u32| {
        let change = by_record
            .get(&record)?
            .changes
            .get(usize::try_from(at).ok()?)?;
        Some(Digest(change.hash))
    };
    let mut before = asked.position;
    let mut entries = Vec::with_capacity(page.body.entries.len());
    for feed in &page.body.entries {
        if feed.entry.seq <= before.seq {
            return Err(bad("its entries are out of order"));
        }
        entries.push(fill(feed, &mut before, hash_of)?);
    }
    let last = entries.last().map_or(0, |(entry, _)| entry.seq);
    if page.statement.position.seq < last {
        return Err(bad("its position lies before its entries"));
    }
    Ok(entries)
}

/// The page's records, and those that cannot be read.
fn deltas(page: &Page, asked: &Asked) -> Result<(Vec<CheckedDelta>, Vec<Unsound>), PhoneError> {
    let mut named = BTreeSet::new();
    let mut deltas = Vec::with_capacity(page.body.records.len());
    let mut unsound = Vec::new();
    for delta in &page.body.records {
        if !named.insert(delta.record) {
            return Err(bad("it names a record twice"));
        }
        let record = RecordId::from_bytes(delta.record.0);
        if asked.without.contains(&record) {
            return Err(bad("it brings a record that it was to leave out"));
        }
        match check_delta(delta) {
            Ok(checked) => deltas.push(checked),
            Err(code) => {
                tracing::error!(%record, code, "what a page brings of a record cannot be read");
                unsound.push(Unsound { record, code });
            }
        }
    }
    if asked.without.len() + unsound.len() > MAX_WITHOUT {
        return Err(bad("too many of its records cannot be read"));
    }
    Ok((deltas, unsound))
}

/// Reads a record's news; the error is a code that says what cannot be read.
fn check_delta(delta: &RecordDelta) -> Result<CheckedDelta, &'static str> {
    let changes = delta
        .changes
        .iter()
        .map(|change| check_change(&change.0))
        .collect::<Result<Vec<_>, _>>()?;
    let heads = match delta.whole {
        true => heads_of_whole(delta, &changes)?,
        false => Vec::new(),
    };
    let state_json = delta.state.as_ref();
    let state_json = state_json
        .map(|json| String::from_utf8(json.0.clone()).map_err(|_| "state_unsound"))
        .transpose()?;
    let state = state_json.as_deref().map(serde_json::from_str).transpose();
    Ok(CheckedDelta {
        record: RecordId::from_bytes(delta.record.0),
        changes,
        whole: delta.whole,
        snapshot: delta.snapshot.as_ref().map(|chunk| chunk.0.clone()),
        heads,
        as_of: delta.as_of,
        updated_ms: delta.updated_ms,
        area: AreaCode::new(delta.area.clone()),
        seen_by: delta.seen_by,
        view: check_view(&delta.view)?,
        state: state.map_err(|_| "state_unsound")?,
        state_json,
        rulings: rulings(delta)?,
        authors: delta.authors.clone(),
    })
}

pub(super) fn check_change(bytes: &[u8]) -> Result<CheckedChange, &'static str> {
    let header = receive(bytes, &Limits::default()).map_err(|refusal| {
        tracing::error!(code = refusal.code(), "a pulled change is not sound");
        "change_unsound"
    })?;
    Ok(CheckedChange {
        hash: header.hash.0,
        deps: header.deps.iter().map(|dep| dep.0).collect(),
        actor: header.actor.to_bytes().to_vec(),
        time_ms: header.time_ms,
        bytes: bytes.to_vec(),
    })
}

fn check_view(news: &ViewNews) -> Result<CheckedView, &'static str> {
    let malformed = || "view_unsound";
    Ok(match news {
        ViewNews::Same => CheckedView::Same,
        ViewNews::Whole(json) => {
            let json = std::str::from_utf8(&json.0).map_err(|_| malformed())?;
            CheckedView::Whole {
                view: serde_json::from_str(json).map_err(|_| malformed())?,
                json: json.to_owned(),
            }
        }
        ViewNews::Patch {
            patch,
            splices,
            check,
        } => CheckedView::Patch {
            patch: serde_json::from_slice(&patch.0).map_err(|_| malformed())?,
            splices: splices.clone(),
            check: *check,
        },
    })
}

/// The heads of a whole record: those of its snapshot and what was built on them.
fn heads_of_whole(
    delta: &RecordDelta,
    changes: &[CheckedChange],
) -> Result<Vec<Digest>, &'static str> {
    let mut heads: BTreeSet<[u8; 32]> = match &delta.snapshot {
        Some(chunk) => snapshot_heads(&chunk.0)
            .map_err(|_| "snapshot_unsound")?
            .into_iter()
            .map(|head| head.0)
            .collect(),
        None => BTreeSet::new(),
    };
    for change in changes {
        for dep in &change.deps {
            heads.remove(dep);
        }
        heads.insert(change.hash);
    }
    Ok(heads.into_iter().map(Digest).collect())
}

fn rulings(delta: &RecordDelta) -> Result<Vec<(LogEntry, Vec<u8>)>, &'static str> {
    let mut rulings = Vec::with_capacity(delta.rulings.len());
    for canonical in &delta.rulings {
        let entry = LogEntry::from_bytes(&canonical.0).map_err(|_| "ruling_unsound")?;
        let fits = match entry.fact {
            Fact::Ruling { .. } | Fact::Timer { .. } => true,
            Fact::Assignment { .. } => delta.whole,
            Fact::Admit { .. } => !delta.whole,
            _ => false,
        };
        if entry.record != delta.record || !fits {
            return Err("ruling_unsound");
        }
        rulings.push((entry, canonical.0.clone()));
    }
    Ok(rulings)
}

fn profile(page: &Page) -> Result<Option<CheckedProfile>, PhoneError> {
    let Some(profile) = &page.body.profile else {
        return Ok(None);
    };
    let malformed = || bad("the profile is malformed");
    if profile.audiences.len() > MAX_AUDIENCES {
        return Err(malformed());
    }
    let json = std::str::from_utf8(&profile.person.0).map_err(|_| malformed())?;
    let person = serde_json::from_str(json).map_err(|_| malformed())?;
    Ok(Some(CheckedProfile {
        version: profile.version,
        person,
        json: json.to_owned(),
        audiences: profile.audiences.clone(),
    }))
}
