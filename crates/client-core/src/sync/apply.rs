//! Storing a checked page: one transaction, all or nothing.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::RecordId;
use gridlog_protocol::{Certificate, Cursor, Fact, Key, Verdict, VerifyingKey};
use rusqlite::Connection;

use super::page::{CheckedDelta, CheckedPage};
use super::request::is_own_actor;
use super::session::Asked;
use crate::device_time;
use crate::document::{Knowledge, store_facts};
use crate::enrol::store_certificate;
use crate::error::PhoneError;
use crate::identity;
use crate::phone::Inner;
use crate::reference::store_part;
use crate::standing::Standing;
use crate::store::outbox::Item;
use crate::store::records::Facts;
use crate::store::{changes, log, meta, outbox, records};

/// What a page did.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) admitted: u64,
    pub(super) refused: u64,
    pub(super) replayed: u64,
    pub(super) needs_you: u64,
    pub(super) purged: u64,
    /// The pull begins again at the first entry.
    pub(super) starts_over: bool,
    /// Records whose standing may have changed.
    pub(super) touched: BTreeSet<RecordId>,
}

impl Inner {
    /// Stores a page that came at `answered_ms`, device time.
    pub(super) fn take_page(
        &self,
        connection: &Connection,
        checked: &CheckedPage,
        asked: &Asked,
        answered_ms: i64,
    ) -> Result<Taken, PhoneError> {
        let mut taken = Taken::default();
        // Another process may have pulled meanwhile. What this page brings is then old; what it says
        // about sent changes still holds.
        let profile = meta::PROFILE_VERSION.get(connection)?.unwrap_or(0);
        let current = meta::cursor(connection)? == asked.cursor
            && profile.cast_unsigned() == asked.profile_version;
        if current {
            self.take_pull(connection, checked, asked, &mut taken)?;
        }
        let refused = take_verdicts(connection, checked, &mut taken)?;
        let knowledge = self.knowledge(connection)?;
        self.replay(connection, &knowledge, refused, &mut taken)?;
        take_certificate(connection, checked, asked)?;
        if current {
            finish_pull(connection, checked, &mut taken)?;
        }
        for record in &taken.touched {
            records::refresh_standing(connection, *record)?;
        }
        taken.purged = purge_settled(connection)?;
        device_time::measure(
            connection,
            asked.asked_ms,
            answered_ms,
            checked.page.server_ms,
        )?;
        if !checked.page.more {
            meta::LAST_SYNC_MS.set(connection, answered_ms)?;
        }
        Ok(taken)
    }

    fn knowledge(&self, connection: &Connection) -> Result<Knowledge, PhoneError> {
        Ok(Knowledge {
            me: identity::require(connection)?.person,
            reference: self.reference(connection)?,
        })
    }

    fn take_pull(
        &self,
        connection: &Connection,
        checked: &CheckedPage,
        asked: &Asked,
        taken: &mut Taken,
    ) -> Result<(), PhoneError> {
        let epoch = checked.page.cursor.epoch;
        if epoch != asked.cursor.epoch && asked.cursor.epoch != 0 {
            begin_epoch(connection, taken)?;
        }
        take_profile(connection, checked, taken)?;
        for part in &checked.page.parts {
            store_part(connection, part)?;
        }
        let mut changed_ms: BTreeMap<Key, i64> = BTreeMap::new();
        for (entry, canonical) in &checked.entries {
            log::add(connection, epoch, entry, canonical)?;
            let latest = changed_ms.entry(entry.record).or_insert(entry.at_ms);
            *latest = (*latest).max(entry.at_ms);
            if let Fact::Admit { change, .. } = entry.fact
                && outbox::set_in_log(connection, entry.record.0, change.0)?
            {
                taken.admitted += 1;
                taken.touched.insert(RecordId::from_bytes(entry.record.0));
            }
        }
        let knowledge = self.knowledge(connection)?;
        for delta in &checked.deltas {
            let key = Key(*delta.record.as_bytes());
            let latest = changed_ms.get(&key).copied();
            for (ruling, canonical) in &delta.rulings {
                log::add(connection, epoch, ruling, canonical)?;
            }
            self.take_delta(connection, &knowledge, delta, latest)?;
        }
        for gone in &checked.page.gone {
            records::mark_out_of_scope(connection, RecordId::from_bytes(gone.0))?;
        }
        Ok(())
    }

    fn take_delta(
        &self,
        connection: &Connection,
        knowledge: &Knowledge,
        delta: &CheckedDelta,
        latest: Option<i64>,
    ) -> Result<(), PhoneError> {
        for (hash, bytes) in &delta.changes {
            changes::add_pulled(connection, delta.record, *hash, bytes)?;
        }
        let known = records::get(connection, delta.record)?;
        let pass = pass(connection)?;
        let mut facts = match known {
            // A row from later in the log stays; the pull will come to it.
            Some(known) if known.as_of > delta.as_of => Facts {
                named_in_pass: pass,
                ..known
            },
            known => Facts {
                view: delta.view.clone(),
                view_json: delta.view_json.clone(),
                state: delta.state.clone(),
                expected: None,
                ruled_home: Some(delta.area.clone()),
                as_of: delta.as_of,
                heads: delta.heads.clone(),
                updated_ms: known
                    .map(|known| known.updated_ms)
                    .into_iter()
                    .chain(latest)
                    .max()
                    .unwrap_or(delta.view.created_at_ms),
                named_in_pass: pass,
            },
        };
        if changes::any_not_pulled(connection, delta.record)? {
            self.merge_own(connection, delta.record, &mut facts);
        }
        store_facts(connection, knowledge, delta.record, facts)?;
        records::mark_in_scope(connection, delta.record)
    }

    /// Puts own changes that the page does not have on top of what it says. A record that does not
    /// open must not hold up the others: it shows what the server says, and own words stay in the
    /// outbox.
    fn merge_own(&self, connection: &Connection, record: RecordId, facts: &mut Facts) {
        let merged = self
            .open_record(connection, record)
            .and_then(|open| open.view())
            .and_then(|view| {
                let json = serde_json::to_string(&view);
                let json = json.map_err(|_| PhoneError::StoreDamaged { what: "view" })?;
                Ok((view, json))
            });
        match merged {
            Ok((view, json)) => {
                facts.view = view;
                facts.view_json = json;
            }
            Err(error) => tracing::error!(%record, code = error.code(), "a record does not open"),
        }
    }
}

/// The log of another epoch: what the old one proved has to be asked anew. Nothing is purged, since
/// a server that was restored may have lost what this phone still has (DESIGN section 7).
fn begin_epoch(connection: &Connection, taken: &mut Taken) -> Result<(), PhoneError> {
    tracing::warn!("the server's log has a new epoch");
    outbox::doubt_admitted(connection)?;
    changes::forget_pulled(connection)?;
    log::forget_all(connection)?;
    records::forget_positions(connection)?;
    meta::SWEEPING.set(connection, false)?;
    taken.touched.extend(outbox::records(connection)?);
    Ok(())
}

fn pass(connection: &Connection) -> Result<i64, PhoneError> {
    Ok(meta::PASS.get(connection)?.unwrap_or(1))
}

/// A new profile: the scope changed, so the pull begins again and what it does not name any more
/// goes.
fn take_profile(
    connection: &Connection,
    checked: &CheckedPage,
    taken: &mut Taken,
) -> Result<(), PhoneError> {
    let Some((version, person, json)) = &checked.profile else {
        return Ok(());
    };
    if person.id != identity::require(connection)?.person.id {
        return Err(PhoneError::BadPage {
            what: "its profile is another person's",
        });
    }
    meta::PERSON.set(connection, json.clone())?;
    meta::PROFILE_VERSION.set(connection, version.cast_signed())?;
    meta::PASS.set(connection, pass(connection)? + 1)?;
    meta::SWEEPING.set(connection, true)?;
    taken.starts_over = true;
    Ok(())
}

/// Moves the cursor; at the end of a pull from the first entry, marks what it did not name.
fn finish_pull(
    connection: &Connection,
    checked: &CheckedPage,
    taken: &mut Taken,
) -> Result<(), PhoneError> {
    let cursor = checked.page.cursor;
    if taken.starts_over {
        let epoch = cursor.epoch;
        return meta::set_cursor(connection, Cursor { epoch, seq: 0 });
    }
    meta::set_cursor(connection, cursor)?;
    // A device that may push but not pull is answered with its own cursor: that is no pull.
    let at_end = !checked.page.more && cursor.seq > 0;
    if at_end && meta::SWEEPING.get(connection)?.unwrap_or(false) {
        records::mark_unnamed(connection, pass(connection)?)?;
        meta::SWEEPING.set(connection, false)?;
    }
    Ok(())
}

/// Takes the verdicts; returns what was refused, each with the code.
fn take_verdicts(
    connection: &Connection,
    checked: &CheckedPage,
    taken: &mut Taken,
) -> Result<Vec<(Item, String)>, PhoneError> {
    let mut refused = Vec::new();
    for verdict in &checked.page.verdicts {
        let Some(item) = outbox::by_item(connection, verdict.item)? else {
            continue;
        };
        taken.touched.insert(item.record);
        // The feed of the same page may know more than the verdict.
        if item.standing == Standing::InLog {
            continue;
        }
        let (standing, code) = match &verdict.verdict {
            Verdict::Received => (Standing::Received, None),
            Verdict::Waiting { .. } => (Standing::Waiting, None),
            Verdict::BlockedBy { .. } => (Standing::Blocked, None),
            Verdict::Review { reason } => (Standing::Review, Some(reason.as_str())),
            Verdict::Unknown => (Standing::OnThisPhone, None),
            Verdict::Admitted { .. } => {
                taken.admitted += 1;
                (Standing::InLog, None)
            }
            Verdict::Refused { code } => {
                taken.refused += 1;
                refused.push((item, code.clone()));
                continue;
            }
        };
        outbox::set_standing(connection, item.item, standing, code)?;
    }
    Ok(refused)
}

/// Keeps a certificate, if it is one for this person, this device and the actor that asked.
fn take_certificate(
    connection: &Connection,
    checked: &CheckedPage,
    asked: &Asked,
) -> Result<(), PhoneError> {
    let Some(bytes) = &checked.page.certificate else {
        return Ok(());
    };
    let damaged = || PhoneError::StoreDamaged { what: "server key" };
    let key = meta::SERVER_KEY.get(connection)?.ok_or_else(damaged)?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| damaged())?;
    let said = Certificate::open(&bytes.0, &key)?;
    let identity = identity::require(connection)?;
    let fits = said.person == identity.person.id.as_str()
        && said.device == Key(*identity.device.as_bytes())
        && said.actor == asked.actor;
    if !fits || !is_own_actor(connection, said.actor.0)? {
        return Err(PhoneError::BadPage {
            what: "its certificate is for another actor",
        });
    }
    store_certificate(connection, said.actor.0, &bytes.0)
}

/// Purges what is out of scope, but for records that hold something undecided of one's own.
fn purge_settled(connection: &Connection) -> Result<u64, PhoneError> {
    let mut purged = 0;
    for record in records::out_of_scope(connection)? {
        if !outbox::any_undecided(connection, record)? {
            records::purge(connection, record)?;
            purged += 1;
        }
    }
    Ok(purged)
}
