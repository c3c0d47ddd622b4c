//! Storing a checked page: one transaction, all or nothing.

use std::collections::BTreeSet;

use gridlog_domain::id::RecordId;
use gridlog_protocol::{
    Certificate, Digest, Key, Lineage, PageBody, Unsent, Verdict, VerifyingKey, reason,
};
use rusqlite::Connection;

use super::page::{CheckedDelta, CheckedPage};
use super::session::Asked;
use super::{recall, receipt, repair};
use crate::device_time;
use crate::document::Knowledge;
use crate::error::PhoneError;
use crate::identity;
use crate::phone::Inner;
use crate::reference::store_part;
use crate::standing::Standing;
use crate::store::outbox::Item;
use crate::store::{actors, audiences, evidence, meta, outbox, records, sealed, wants};

/// What a page did.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) admitted: u64,
    pub(super) refused: u64,
    pub(super) replayed: u64,
    pub(super) needs_you: u64,
    pub(super) purged: u64,
    /// Whether the prints of everything in scope are those of the server; `None` if the page does
    /// not tell, or there is more to come.
    pub(super) agrees: Option<bool>,
    /// Whether both logs turned out to have parted earlier than the server says.
    pub(super) parted: bool,
    /// Whether all that this device wrote was recalled.
    pub(super) recalled_all: bool,
    /// Records that were erased.
    pub(super) erased: Vec<RecordId>,
    /// Records that came and do not open.
    pub(super) unopenable: BTreeSet<RecordId>,
    /// Items for which the server has no room now: they are not sent again in this session.
    pub(super) no_room: Vec<Digest>,
    /// Records whose standing may have changed.
    pub(super) touched: BTreeSet<RecordId>,
}

impl Inner {
    /// Stores a page that came at `answered_ms`, device time; `deltas` are its records.
    pub(super) fn take_page(
        &self,
        connection: &Connection,
        checked: &CheckedPage,
        deltas: Vec<CheckedDelta>,
        asked: &Asked,
        answered_ms: i64,
    ) -> Result<Taken, PhoneError> {
        let mut taken = Taken::default();
        if let Some(key) = checked.new_key {
            tracing::info!("the server signs with a new key, which follows the one known so far");
            meta::SERVER_KEY.set(connection, key)?;
        }
        if let Some(unsent) = asked.unsent {
            meta::TOLD_UNSENT.set(connection, unsent != Unsent::default())?;
        }
        let told_erased = &checked.page.body.erased;
        for erased in mutated!(ErasureIgnored, &[][..], &told_erased[..]) {
            erase(connection, RecordId::from_bytes(erased.0), &mut taken)?;
        }
        recall::take(connection, checked, &mut taken)?;
        // Another process may have pulled meanwhile. What this page brings is then old; what it says
        // about sent changes still holds.
        let profile = meta::PROFILE_VERSION.get(connection)?.unwrap_or(0);
        let mut current = (meta::position(connection)? == asked.position
            || mutated!(CursorBeforeCommit))
            && profile.cast_unsigned() == asked.profile_version;
        if current {
            if asked.is_first {
                taken.purged += purge_settled(connection)?;
            }
            current = self.take_pull(connection, (checked, deltas), asked, &mut taken)?;
        }
        let refused = take_verdicts(connection, checked, asked, &mut taken)?;
        let knowledge = self.knowledge(connection)?;
        self.replay(connection, &knowledge, refused, &mut taken)?;
        take_certificate(connection, checked, asked)?;
        for record in &taken.unopenable {
            wants::set_aside(connection, *record, "record_unopenable", answered_ms)?;
        }
        for record in &taken.touched {
            records::refresh_standing(connection, *record)?;
        }
        for record in std::mem::take(&mut taken.erased) {
            erase(connection, record, &mut taken)?;
        }
        if current {
            finish_pull(connection, checked, asked, &mut taken)?;
        }
        device_time::measure(
            connection,
            asked.asked_ms,
            answered_ms,
            checked.page.statement.server_ms,
        )?;
        if !checked.page.body.more {
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

    /// Takes what the page pulls; false if the pull has to begin anew instead.
    fn take_pull(
        &self,
        connection: &Connection,
        (checked, deltas): (&CheckedPage, Vec<CheckedDelta>),
        asked: &Asked,
        taken: &mut Taken,
    ) -> Result<bool, PhoneError> {
        take_profile(connection, checked)?;
        for part in &checked.page.body.parts {
            store_part(connection, part)?;
        }
        repair::take_lineage(connection, checked, asked, taken)?;
        if repair::take_parting(connection, (checked, &deltas), taken)? {
            return Ok(false);
        }
        let knowledge = self.knowledge(connection)?;
        self.take_records(
            connection,
            checked,
            deltas,
            &asked.without,
            &knowledge,
            taken,
        )?;
        Ok(true)
    }
}

/// A record was erased. Nothing of it stays, and nobody asks for it any more.
fn erase(connection: &Connection, record: RecordId, taken: &mut Taken) -> Result<(), PhoneError> {
    if sealed::erase(connection, record)? {
        taken.purged += 1;
    }
    wants::settle(connection, record)
}

/// A new profile: the scope changed. What only a lost audience showed leaves; the records of a new
/// one are walked through.
fn take_profile(connection: &Connection, checked: &CheckedPage) -> Result<(), PhoneError> {
    let Some(profile) = &checked.profile else {
        return Ok(());
    };
    if profile.person.id != identity::require(connection)?.person.id {
        return Err(PhoneError::BadPage {
            what: "its profile is another person's",
        });
    }
    meta::PERSON.set(connection, profile.json.clone())?;
    meta::PROFILE_VERSION.set(connection, profile.version.cast_signed())?;
    audiences::replace(connection, &profile.audiences)
}

/// Moves the position and the walk; at the end, compares what is here with what should be.
fn finish_pull(
    connection: &Connection,
    checked: &CheckedPage,
    asked: &Asked,
    taken: &mut Taken,
) -> Result<(), PhoneError> {
    let statement = &checked.page.statement;
    if !brings_nothing(&checked.page.body) {
        meta::OWN_SCOPE.clear(connection)?;
    }
    let is_unknown = |lineage: &Lineage| lineage.common.is_none();
    if checked.page.body.lineage.as_ref().is_some_and(is_unknown) {
        // The server does not know the position, so there is nowhere to go on from yet.
        return Ok(());
    }
    meta::set_position(connection, statement.position)?;
    if let Some(walk) = &checked.page.body.walk {
        match walk.next {
            Some(next) => meta::WALKED.set(connection, next.0)?,
            None => audiences::mark_walked(connection)?,
        }
    }
    sealed::drop_through(connection, statement.backed_up_through)?;
    meta::LAST_PAGE.set(connection, evidence::to_cbor(&checked.evidence))?;
    receipt::take(connection, statement, asked)?;
    let is_whole = audiences::all(connection)?.iter().all(|known| known.walked)
        && wants::first(connection, 1)?.is_empty();
    taken.agrees = match statement.scope {
        Some(scope) if is_whole && !checked.page.body.more => {
            let own = own_scope(connection)?;
            Some(own == scope || repair::is_explained(connection, scope, own)?)
        }
        _ => None,
    };
    Ok(())
}

/// A page that brings nothing changes nothing that is folded.
fn brings_nothing(body: &PageBody) -> bool {
    body.records.is_empty()
        && body.gone.is_empty()
        && body.walk.is_none()
        && body.profile.is_none()
        && body.lineage.is_none()
}

/// The folded prints of everything in scope. An idle sync does not look at the records.
fn own_scope(connection: &Connection) -> Result<Key, PhoneError> {
    if let Some(known) = meta::OWN_SCOPE.get(connection)? {
        return Ok(Key(known));
    }
    let scope = repair::own_scope(connection)?;
    meta::OWN_SCOPE.set(connection, scope.0)?;
    Ok(scope)
}

/// Takes the verdicts; returns what was refused, each with the code.
fn take_verdicts(
    connection: &Connection,
    checked: &CheckedPage,
    asked: &Asked,
    taken: &mut Taken,
) -> Result<Vec<(Item, String)>, PhoneError> {
    let mut refused = Vec::new();
    for (name, verdict) in asked.names().zip(&checked.page.body.verdicts) {
        let standing = outbox::standing(connection, *name)?;
        let Some((record, stood)) = standing.filter(|_| !mutated!(DroppedVerdict)) else {
            continue;
        };
        // The feed of the same page may know more than the verdict.
        if stood == Standing::InLog {
            continue;
        }
        taken.touched.insert(record);
        let (standing, code) = match verdict {
            Verdict::Received => (Standing::Received, None),
            Verdict::Waiting { .. } => (Standing::Waiting, None),
            Verdict::BlockedBy { .. } => (Standing::Blocked, None),
            Verdict::Review { reason } => (Standing::Review, Some(reason.as_str())),
            Verdict::Unknown if outbox::is_here(connection, *name)? => {
                (Standing::OnThisPhone, None)
            }
            Verdict::Unknown => (Standing::Lost, None),
            Verdict::Admitted { .. } => {
                taken.admitted += 1;
                (Standing::InLog, None)
            }
            // Nothing is wrong with it: the server has no room for it now.
            Verdict::Refused { code }
                if code == reason::TOO_MUCH_HELD && outbox::is_here(connection, *name)? =>
            {
                taken.no_room.push(*name);
                (Standing::OnThisPhone, Some(code.as_str()))
            }
            Verdict::Refused { code } => {
                taken.refused += 1;
                let item = outbox::by_item(connection, *name)?;
                refused.extend(item.map(|item| (item, code.clone())));
                continue;
            }
        };
        outbox::set_standing(connection, *name, standing, code)?;
    }
    Ok(refused)
}

/// The server knows the actor that asked. Keeps a certificate, if it is one for this person, this
/// device and that actor.
fn take_certificate(
    connection: &Connection,
    checked: &CheckedPage,
    asked: &Asked,
) -> Result<(), PhoneError> {
    actors::set_registered(connection, asked.actor.0)?;
    let Some(bytes) = &checked.page.body.certificate else {
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
    if !fits || !actors::is_own(connection, said.actor.0)? {
        return Err(PhoneError::BadPage {
            what: "its certificate is for another actor",
        });
    }
    actors::set_certificate(connection, said.actor.0, &bytes.0)
}

/// Lets go of what is out of scope, but for records that hold something undecided of one's own. What
/// an earlier sync marked, the worker has had a chance to see.
fn purge_settled(connection: &Connection) -> Result<u64, PhoneError> {
    let mut purged = 0;
    for record in records::out_of_scope(connection)? {
        let stays = mutated!(
            ForgottenPurge,
            true,
            outbox::any_undecided(connection, record)?
        );
        if !mutated!(PurgeOfUnsentWork, false, stays) {
            sealed::seal(connection, record)?;
            if mutated!(PurgeOfUnsentWork) {
                sealed::destroy(connection, record)?;
            }
            purged += 1;
        }
    }
    Ok(purged)
}
