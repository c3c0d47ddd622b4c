//! One sync request, answered (DESIGN section 7): push, ask, pull, walk, want, give back, compare.
//!
//! The engine knows no HTTP, no thread and no clock. Whoever drives it makes pushed items durable and
//! gets them decided ([`Hands`]): threads in the server, a single step after the other in the
//! simulator.

mod device;
mod lineage;
mod page;
mod reconcile;
mod work;

use std::sync::Arc;

use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_domain::reference::Part as PartKind;
use gridlog_merge_guard::Limits;
use gridlog_protocol::limits::{MAX_AUDIENCES, MAX_PAGE_ENTRIES, PAGE_TARGET_BYTES};
use gridlog_protocol::{
    Blob, Digest, Key, Page, PartUpdate, PartVersion, Profile, ProtocolError, SigningKey,
    SyncRequest, Verdict, VerifyingKey, audience, codec, item_digest, sign_page_as,
};

use crate::directory::{Directory, SharedDirectory};
use crate::ingest::{GivenBack, Pushed, examine};
use crate::keys::FormerKeys;
use crate::outside::Outside;
use crate::store::{Device, ExchangeQuery, ItemStatus, NewItem, Store, StoreError, WalkQuery};
use lineage::Standpoint;
pub use work::Work;

#[cfg(test)]
mod tests;

/// Who does what has to be done in order: keep, decide, take back.
pub trait Hands {
    /// Makes items durable, and says where each stands.
    ///
    /// # Errors
    /// [`StoreError`]; then none of the items counts as received.
    fn receive(&self, items: Vec<NewItem>) -> Result<Vec<ItemStatus>, StoreError>;

    /// Returns when the items are decided on, or when that takes too long.
    ///
    /// # Errors
    /// [`StoreError`].
    fn await_decisions(&self, items: &[Digest]) -> Result<(), StoreError>;

    /// Takes back what the log lost; see [`crate::ingest::Sequencer::take_back`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn take_back(&self, given: Vec<GivenBack>) -> Result<u64, StoreError>;

    /// Begins epoch `next`, because the log turned out to have been put back, if it is still in epoch
    /// `current`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn begin_epoch(&self, current: u64, next: u64) -> Result<(), StoreError>;

    /// Counts what the request turns out to cost, part by part.
    fn charge(&self, _work: Work) {}

    /// How long the device is asked to leave the server alone after this answer, in milliseconds.
    fn wait_ms(&self, _device: DeviceId) -> Option<u64> {
        None
    }
}

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The body does not fit.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The device is not known and cannot be.
    #[error("the device is not enrolled here; enrol again")]
    UnknownDevice,
    /// The request's actor belongs to another device.
    #[error("the actor belongs to another device; take a fresh one")]
    ActorTaken,
    /// The device has registered too many actors.
    #[error("the device has registered too many actors; enrol again")]
    TooManyActors,
    /// What is stored of the person or the key does not read back.
    #[error("stored {0} does not read back")]
    Damaged(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Answers sync requests.
#[derive(Clone)]
pub struct Exchange {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// What is kept beside it, whose each actor is among it.
    pub outside: Arc<dyn Outside>,
    /// Who is who.
    pub directory: SharedDirectory,
    /// Signs pages.
    pub key: SigningKey,
    /// The keys that signed before.
    pub former: FormerKeys,
    /// Caps of changes.
    pub limits: Limits,
    /// How much one page holds.
    pub page: PageSize,
}

/// How much one page holds before the rest comes with the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize {
    /// Most log entries, and most records of a walk.
    pub entries: usize,
    /// Bytes of records after which a page ends; one record may exceed it.
    pub bytes: usize,
}

impl Default for PageSize {
    fn default() -> Self {
        Self {
            entries: MAX_PAGE_ENTRIES,
            bytes: PAGE_TARGET_BYTES,
        }
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

/// Whose request it is, as the bearer token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// The device.
    pub device: DeviceId,
    /// Its person.
    pub person: PersonId,
}

/// A request while it is being answered.
struct Asked<'a> {
    request: SyncRequest,
    device: Device,
    actors: Vec<[u8; 16]>,
    certificate: Option<Vec<u8>>,
    directory: &'a Directory,
    now_ms: i64,
    /// Server time after the decisions.
    answered_ms: i64,
    /// Names of what was pushed, in order.
    pushed: Vec<Digest>,
    /// How each of it was received.
    received: Vec<ItemStatus>,
    standpoint: Standpoint,
    returned: u64,
}

impl Exchange {
    /// Answers a request. `now` reads the server's clock.
    ///
    /// # Errors
    /// [`ExchangeError`]; what was made durable before stays so.
    pub fn answer(
        &self,
        asker: &Asker,
        body: &[u8],
        hands: &dyn Hands,
        now: &dyn Fn() -> i64,
    ) -> Result<Vec<u8>, ExchangeError> {
        let form = codec::form_of(body)?;
        let request: SyncRequest = codec::decode("sync request", body)?;
        request.check()?;
        hands.charge(Work::of_request(&request));
        let now_ms = now();
        let directory = self.directory.now();
        let device = self.device_of(asker, &directory, now_ms)?;
        if let Some(unsent) = request.unsent {
            self.store.note_unsent(device.id, unsent, now_ms)?;
        }
        let mut actors = self.store.actors_of(device.id)?;
        let certificate = self.register_actor(&device, &mut actors, request.actor.0, now_ms)?;
        let mut asked = Asked {
            pushed: names(&request),
            received: Vec::new(),
            standpoint: self.standpoint(request.position)?,
            request,
            device,
            actors,
            certificate,
            directory: &directory,
            now_ms,
            answered_ms: now_ms,
            returned: 0,
        };
        self.take_back(&mut asked, hands)?;
        if !asked.standpoint.has_lost() {
            self.push(&mut asked, hands)?;
        }
        asked.answered_ms = now();
        let mut page = self.page(&asked)?;
        if asked.request.asks_keys == Some(true) {
            page.body.successions = Some(self.former.notes.clone());
        }
        page.body.retry_after_ms = hands.wait_ms(asked.device.id);
        hands.charge(Work::of_page(&page));
        let device = Key(*asked.device.id.as_bytes());
        let nonce = asked.request.nonce;
        Ok(sign_page_as(form, &page, nonce, device, &self.key))
    }

    /// Takes back what the request returns. A signed page that this log cannot have led to proves
    /// that it was put back, whatever the operator knows of it: a new epoch begins. What comes without
    /// good evidence is left aside, and delays nothing else.
    fn take_back(&self, asked: &mut Asked<'_>, hands: &dyn Hands) -> Result<(), ExchangeError> {
        let current = self.key.verifying_key();
        let mut given = Vec::new();
        for returned in std::mem::take(&mut asked.request.returns) {
            // A page that an earlier key signed proves as much as it did then.
            let signed = |key: &&VerifyingKey| returned.evidence.check(key).is_ok();
            let key = self.former.keys.iter().find(signed).unwrap_or(&current);
            match GivenBack::check(returned, key) {
                Ok(good) => given.push(good),
                Err(error) => {
                    let device = asked.device.id;
                    tracing::warn!(%device, %error, "what was given back is not taken");
                }
            }
        }
        if given.is_empty() {
            return Ok(());
        }
        let current = self.store.head()?.epoch;
        for given in &given {
            let position = given.statement.position;
            let is_foreign = matches!(self.standpoint(position)?, Standpoint::Foreign(_));
            if is_foreign && !mutated!(RollbackUnnoticed) {
                tracing::warn!(
                    epoch = current,
                    "the log lost entries that it had published"
                );
                hands.begin_epoch(current, position.epoch.saturating_add(1))?;
                asked.standpoint = self.standpoint(asked.request.position)?;
                break;
            }
        }
        asked.returned = hands.take_back(given)?;
        Ok(())
    }

    fn push(&self, asked: &mut Asked<'_>, hands: &dyn Hands) -> Result<(), ExchangeError> {
        let actors: Vec<_> = asked.actors.iter().map(|actor| (*actor).into()).collect();
        let by = Pushed {
            device: asked.device.id,
            person: &asked.device.person,
            actors: &actors,
            received_ms: asked.now_ms,
        };
        let items: Vec<NewItem> = std::mem::take(&mut asked.request.push)
            .into_iter()
            .map(|item| examine(item, &by, &self.limits))
            .collect();
        if items.is_empty() {
            return Ok(());
        }
        asked.received = hands.receive(items)?;
        if asked.received.contains(&ItemStatus::Received) {
            hands.await_decisions(&asked.pushed)?;
        }
        Ok(())
    }

    fn page(&self, asked: &Asked<'_>) -> Result<Page, ExchangeError> {
        let request = &asked.request;
        let directory = asked.directory;
        let person = &asked.device.person;
        let may_pull = asked.device.revoked_ms.is_none()
            && directory
                .person(person)
                .is_some_and(|person| person.enabled);
        let version = directory.profile_version(person, asked.answered_ms);
        let audiences = directory.audiences(person, asked.answered_ms);
        let mut audiences = as_many_as_fit(audiences, person);
        if !may_pull {
            audiences.clear();
        }
        let profile_is_new = may_pull && request.profile_version != version;
        // A new device walks instead of reading the log from its beginning.
        let pulls_after = asked
            .standpoint
            .after()
            .filter(|_| may_pull && !profile_is_new);
        let slice = self.store.exchange(&ExchangeQuery {
            device: asked.device.id,
            actors: asked.actors.clone(),
            items: asked.pushed.iter().chain(&request.asks).copied().collect(),
            after: pulls_after,
            walk: request
                .walk
                .as_ref()
                .filter(|_| may_pull && !profile_is_new)
                .map(|walk| WalkQuery {
                    after: walk.after.map(|after| RecordId::from_bytes(after.0)),
                    held: walk.held.clone(),
                }),
            wants: request
                .wants
                .iter()
                .filter(|_| may_pull)
                .map(|want| RecordId::from_bytes(want.0))
                .collect(),
            // Numbers of another log would name the wrong place to begin at.
            recall: request
                .recall
                .filter(|_| asked.standpoint.lineage().is_none()),
            max_entries: self.page.entries,
            target_bytes: self.page.bytes,
            audiences: audiences.clone(),
        })?;
        let mut page = page::told(asked, slice, pulls_after.is_some())?;
        page.body.certificate = asked.certificate.clone().map(Blob);
        page.body.returned = asked.returned;
        page.body.lineage = asked.standpoint.lineage();
        page.body.more |= asked.standpoint.has_lost();
        if may_pull {
            page.body.parts = newer_parts(directory, &request.parts);
            self.compare(asked, &audiences, &mut page)?;
        }
        if profile_is_new || !may_pull {
            // Nothing was walked through, so nothing must look as if it had been.
            page.body.walk = None;
        }
        if profile_is_new {
            page.body.profile = Some(profile(asked, version, audiences)?);
            page.body.more = true;
            page.statement.receipt = None;
            page.statement.scope = None;
        }
        if !may_pull {
            page.statement.scope = None;
        }
        Ok(page)
    }
}

/// As many audiences as a phone may have, the person's own always among them: by nothing else does an
/// author see what they reported elsewhere.
fn as_many_as_fit(mut audiences: Vec<String>, person: &PersonId) -> Vec<String> {
    if audiences.len() > MAX_AUDIENCES {
        let own = audience::person(person.as_str());
        audiences.retain(|audience| *audience != own);
        audiences.truncate(MAX_AUDIENCES - 1);
        audiences.push(own);
    }
    audiences
}

fn names(request: &SyncRequest) -> Vec<Digest> {
    let items = request.push.iter();
    items
        .map(|item| item_digest(item.record, &item.change.0))
        .collect()
}

/// Where items stand, as the wire says it.
fn verdict(status: Option<ItemStatus>) -> Verdict {
    match status {
        None => Verdict::Unknown,
        Some(ItemStatus::Received) => Verdict::Received,
        Some(ItemStatus::Admitted(seq)) => Verdict::Admitted { seq },
        Some(ItemStatus::Waiting(missing)) => Verdict::Waiting { missing },
        Some(ItemStatus::BlockedBy(refused)) => Verdict::BlockedBy { refused },
        Some(ItemStatus::Review(reason)) => Verdict::Review { reason },
        Some(ItemStatus::Refused(code)) => Verdict::Refused { code },
    }
}

fn newer_parts(directory: &Directory, held: &[PartVersion]) -> Vec<PartUpdate> {
    let has = |name: &str, version: u32| {
        held.iter()
            .any(|part| part.part == name && part.version == version)
    };
    let is_for_phones = |name: &str| {
        PartKind::from_name(name).is_some_and(|part| PartKind::FOR_PHONES.contains(&part))
    };
    directory
        .parts
        .values()
        .filter(|part| is_for_phones(&part.name))
        .filter(|part| !has(&part.name, part.version))
        .map(|part| PartUpdate {
            part: part.name.clone(),
            version: part.version,
            json: Blob(part.json.clone().into_bytes()),
        })
        .collect()
}

fn profile(
    asked: &Asked<'_>,
    version: u64,
    audiences: Vec<String>,
) -> Result<Profile, ExchangeError> {
    let person = asked
        .directory
        .person(&asked.device.person)
        .ok_or(ExchangeError::UnknownDevice)?;
    let json = serde_json::to_vec(person).map_err(|_| ExchangeError::Damaged("person"))?;
    Ok(Profile {
        version,
        person: Blob(json),
        audiences,
    })
}
