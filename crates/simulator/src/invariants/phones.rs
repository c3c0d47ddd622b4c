//! Phones hold what they should, say what the server says, and what they say of themselves is true.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_client_core::{ProposalStanding, RecordDetail, RecordRow, Standing};
use gridlog_domain::id::{DeviceId, EntryId, RecordId};
use gridlog_protocol::{Fact, LogEntry};
use gridlog_sync_server::store::{RecordRow as Stored, Store};

use super::{by_record, unread};
use crate::broken::Broken;
use crate::deeds::everything;
use crate::world::World;

/// How each proposal was ruled: `None` if accepted.
type Rulings = BTreeMap<(RecordId, EntryId), Option<String>>;

fn rulings(log: &[(LogEntry, Vec<u8>)]) -> Rulings {
    let mut rulings = Rulings::new();
    for (record, entries) in by_record(log) {
        for entry in entries {
            if let Fact::Ruling {
                proposal, refused, ..
            } = &entry.fact
            {
                let proposal = EntryId::from_bytes(proposal.0);
                rulings.insert((record, proposal), refused.clone());
            }
        }
    }
    rulings
}

/// Whether a record is among these rows, with nothing in it that is not in the log.
pub(super) fn is_settled(rows: &[RecordRow], id: RecordId) -> bool {
    rows.iter()
        .any(|row| row.id == id && row.standing == Standing::InLog)
}

impl World {
    /// Checks every phone that is there.
    pub(super) fn check_phones(
        &mut self,
        log: &[(LogEntry, Vec<u8>)],
        store: &dyn Store,
    ) -> Result<(), Broken> {
        let rulings = rulings(log);
        for number in 0..self.handsets.len() {
            if !self.handsets[number].is_usable() {
                continue;
            }
            let may_pull = self.may_pull(number, store)?;
            self.check_receipt(number, may_pull)?;
            if may_pull {
                self.check_scope(number, store, &rulings)?;
            }
        }
        Ok(())
    }

    /// Whether a phone is told of others' words: its device is not handed over and its person's
    /// account is not disabled.
    pub(super) fn may_pull(&mut self, number: usize, store: &dyn Store) -> Result<bool, Broken> {
        let identity = self.read(number, "the identity", |phone| phone.identity())?;
        let Some(Some(identity)) = identity else {
            return Ok(false);
        };
        let device = DeviceId::from_bytes(*identity.device.as_bytes());
        let device = store.device(device).map_err(|error| unread(&error))?;
        let Some(running) = self.house.running() else {
            return Ok(false);
        };
        let directory = running.directory.now();
        let enabled = directory.person(&identity.person.id);
        let enabled = enabled.is_some_and(|person| person.enabled);
        Ok(enabled && device.is_some_and(|device| device.revoked_ms.is_none()))
    }

    /// The receipt is true: everything is in the log exactly when nothing is outstanding. A phone that
    /// is told nothing, put back to an old copy, cannot know what it wrote before, and may doubt.
    fn check_receipt(&mut self, number: usize, may_pull: bool) -> Result<(), Broken> {
        let name = self.handsets[number].name();
        let status = self.read(number, "the status", |phone| phone.status())?;
        let Some(status) = status else {
            return Ok(());
        };
        let outstanding = status.on_this_phone
            + status.received
            + status.waiting
            + status.blocked
            + status.review
            + status.needs_you
            + status.lost;
        let told = |found: String| Err(Broken::new("receipts are true", format!("{name} {found}")));
        if status.on_this_phone + status.received > 0 {
            return told(format!(
                "has {} unsent and {} undecided changes after a quiet period",
                status.on_this_phone, status.received
            ));
        }
        let doubts = !status.all_in_log() && !may_pull;
        if status.all_in_log() != (outstanding == 0) && !doubts {
            return told(format!(
                "says all_in_log {} with {outstanding} outstanding: {status:?}",
                status.all_in_log()
            ));
        }
        self.check_says_all(number)
    }

    /// A phone that says that all is in the log is right. Only for one that has just synced with the
    /// log as it is.
    pub(crate) fn check_says_all(&mut self, number: usize) -> Result<(), Broken> {
        let name = self.handsets[number].name();
        let status = self.read(number, "the status", |phone| phone.status())?;
        let told = |found: String| Err(Broken::new("receipts are true", format!("{name} {found}")));
        if status.is_some_and(|status| status.all_in_log()) {
            let Some(running) = self.house.running() else {
                return Ok(());
            };
            let Ok(at) = super::words_at(&*running.store) else {
                // A fault struck.
                return Ok(());
            };
            for (text, word) in self.words.iter() {
                let is_in_log = at.get(text).copied().unwrap_or(0) > 0;
                let is_owed = word.claim == crate::words::Claim::Kept
                    && word.handset == Some(number)
                    && !self.watch.is_inherited(text)
                    && !self.is_erased(word.record, store_of(running));
                if is_owed && !is_in_log {
                    return told(format!("says that all is in the log, and {text} is not"));
                }
            }
        }
        Ok(())
    }

    fn is_erased(&self, record: Option<RecordId>, store: &dyn Store) -> bool {
        match record {
            Some(record) => store.is_erased(record).unwrap_or(false),
            None => true,
        }
    }

    fn check_scope(
        &mut self,
        number: usize,
        store: &dyn Store,
        rulings: &Rulings,
    ) -> Result<(), Broken> {
        let name = self.handsets[number].name();
        let person = self.handsets[number].person.clone();
        let audiences = match self.house.running() {
            Some(running) => running
                .directory
                .now()
                .audiences(&person, self.time.now_ms()),
            None => return Ok(()),
        };
        let prints = store.prints(&audiences).map_err(|error| unread(&error))?;
        let should: BTreeSet<RecordId> = prints.iter().map(|printed| printed.id).collect();
        let rows = self.read(number, "listing", |phone| phone.list(&everything()))?;
        let rows = rows.unwrap_or_default();
        let has: BTreeSet<RecordId> = rows.iter().map(|row| row.id).collect();
        if let Some(lacking) = should.difference(&has).next() {
            return Err(Broken::new(
                "phones hold what is in their scope",
                format!("{name} lacks {lacking}"),
            ));
        }
        for row in rows {
            let shown = self.read(number, "showing", |phone| phone.show(row.id))?;
            let Some(Some(shown)) = shown else {
                continue;
            };
            if !should.contains(&row.id) {
                if row.standing == Standing::InLog {
                    return Err(Broken::new(
                        "nobody holds what is out of scope",
                        format!("{name} holds {}", row.id),
                    ));
                }
                continue;
            }
            let stored = store.record(row.id).map_err(|error| unread(&error))?;
            let Some(stored) = stored else {
                return Err(Broken::new(
                    "the server's store reads back",
                    row.id.to_string(),
                ));
            };
            check_record(&name, &shown, &stored, rulings)?;
            let check = self.read(number, "verifying", |phone| phone.verify_record(row.id))?;
            if check.is_some_and(|check| !check.view_fits) {
                return Err(Broken::new(
                    "views are what their documents say",
                    format!("{name}: {}", row.id),
                ));
            }
        }
        Ok(())
    }
}

fn store_of(running: &crate::server::Running) -> &dyn Store {
    &*running.store
}

/// One record on one phone says what the server says.
fn check_record(
    name: &str,
    shown: &RecordDetail,
    stored: &Stored,
    rulings: &Rulings,
) -> Result<(), Broken> {
    let id = shown.row.id;
    let differ = |what: &str| {
        Err(Broken::new(
            "phones in scope say what the server says",
            format!("{name}: {what} of {id} differ"),
        ))
    };
    let heads: Vec<String> = stored
        .heads
        .iter()
        .map(|head| hex::encode(head.0))
        .collect();
    if shown.heads != heads {
        return differ("heads");
    }
    let state = stored.state.as_deref();
    let state = state.and_then(|json| serde_json::from_str(json).ok());
    if shown.state != state {
        return differ("states");
    }
    if shown.row.area.as_str() != stored.area {
        return differ("areas");
    }
    for proposal in &shown.proposals {
        let ruled = rulings.get(&(id, proposal.id));
        let fits = match (&proposal.standing, ruled) {
            (ProposalStanding::Accepted, Some(None)) => true,
            (ProposalStanding::Refused { code, .. }, Some(Some(ruled))) => code == ruled,
            (ProposalStanding::Pending, None) => shown.row.standing != Standing::InLog,
            _ => false,
        };
        if !fits {
            return Err(Broken::new(
                "every proposal is shown as it was ruled",
                format!(
                    "{name}: {} in {id}: {:?}, ruled {ruled:?}",
                    proposal.id, proposal.standing
                ),
            ));
        }
    }
    let is_settled = shown.row.standing == Standing::InLog;
    let view = serde_json::to_string(&shown.view).unwrap_or_default();
    if is_settled && view != stored.view {
        return differ("views");
    }
    Ok(())
}
