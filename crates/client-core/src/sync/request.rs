//! What a request says.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::RecordId;
use gridlog_protocol::limits::{
    MAX_ASKS, MAX_PUSH_ITEMS, MAX_WANTS, MAX_WITHOUT, PUSH_TARGET_BYTES,
};
use gridlog_protocol::{
    Blob, Digest, Key, PushItem, Reconcile, Returned, SyncRequest, Unsent, Walk,
};
use rusqlite::Connection;

use super::session::Asked;

use crate::device_time;
use crate::error::PhoneError;
use crate::phone::Inner;
use crate::reference::part_versions;
use crate::standing::Standing;
use crate::store::{actors, audiences, meta, outbox, refused, wants};

/// Where sync requests go.
pub const SYNC_PATH: &str = "/v1/sync";

/// How often one session sends one item. A server that keeps answering nothing, or `unknown`, must
/// not keep a session going for ever.
const MOST_SENDS: u32 = 3;

/// What a session has said and had an answer to.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// How often each item was sent.
    sent: BTreeMap<Digest, u32>,
    /// What was asked for.
    asked: BTreeSet<Digest>,
    /// Whether what this device wrote was recalled.
    recalled: bool,
    /// How often each record was wanted whole.
    wanted: BTreeMap<RecordId, u32>,
    /// What could not be read in this session.
    unsound: BTreeSet<RecordId>,
    /// Whether a page was not signed by the key that this phone knows. From then on each request asks how
    /// keys followed one another.
    pub(super) asks_keys: bool,
    /// What was set aside and is asked for once more, now that everything else is done.
    tries_again: BTreeSet<RecordId>,
}

impl Said {
    /// A request was answered. Where the page was full, what was wanted may still come.
    pub(super) fn remember(&mut self, asked: &Asked, page_was_full: bool) {
        for item in &asked.pushed {
            *self.sent.entry(*item).or_insert(0) += 1;
        }
        self.asked.extend(asked.asks.iter().copied());
        if page_was_full {
            return;
        }
        for want in &asked.wants {
            *self.wanted.entry(*want).or_insert(0) += 1;
        }
    }

    /// The server has no room for these now; the next session tries again.
    pub(super) fn leave_for_later(&mut self, items: &[Digest]) {
        let items = items.iter().map(|item| (*item, MOST_SENDS));
        self.sent.extend(items);
    }

    /// What this device wrote was recalled, all of it.
    pub(super) const fn remember_recall(&mut self) {
        self.recalled = true;
    }

    /// A record cannot be read, or not be opened: the session leaves it at that.
    pub(super) fn give_up(&mut self, record: RecordId) {
        self.tries_again.remove(&record);
        self.unsound.insert(record);
    }

    /// Asks once more for what was set aside and is due. Says whether there is any.
    pub(super) fn try_again(&mut self, due: impl Iterator<Item = RecordId>) -> bool {
        let due: Vec<RecordId> = due
            .filter(|record| !self.unsound.contains(record) && !self.is_tired_of(record))
            .filter(|record| !self.tries_again.contains(record))
            .take(MAX_WANTS)
            .collect();
        self.tries_again.extend(&due);
        !due.is_empty()
    }

    /// Whether a record was wanted often enough in this session.
    fn is_tired_of(&self, record: &RecordId) -> bool {
        self.wanted.get(record).copied().unwrap_or(0) >= MOST_SENDS
    }
}

struct Push {
    actor: [u8; 16],
    items: Vec<PushItem>,
}

/// What a request does besides pulling.
#[derive(Debug, Default)]
pub(super) struct Errand {
    /// What is given back.
    pub(super) returns: Vec<Returned>,
    /// A step of a comparison.
    pub(super) reconcile: Option<Reconcile>,
    /// Nothing is pushed, asked or wanted before all that was lost was given back: what the server has
    /// until then is not all that there is.
    pub(super) gives_back: bool,
}

impl Inner {
    /// The next request.
    pub(super) fn sync_request(
        &self,
        connection: &Connection,
        said: &Said,
        errand: Errand,
    ) -> Result<SyncRequest, PhoneError> {
        let moment = device_time::now(connection, self.clock.as_ref())?;
        let aside = wants::aside(connection)?;
        let mut request =
            SyncRequest::idle(self.nonce(), Key(self.actor(connection)?), moment.now_ms);
        if !errand.gives_back {
            let push = self.gather(connection, said)?;
            request.actor = Key(push.actor);
            request.push = push.items;
            request.asks = outbox::undecided_there(connection)?;
            request
                .asks
                .retain(|item| !said.asked.contains(item) && !said.sent.contains_key(item));
            request.asks.truncate(MAX_ASKS);
            let again = aside.iter().map(|aside| aside.record);
            let again = again.filter(|record| said.tries_again.contains(record));
            request.wants = wants::first(connection, MAX_WANTS)?
                .into_iter()
                .chain(again)
                .filter(|record| !said.is_tired_of(record) && !said.unsound.contains(record))
                .take(MAX_WANTS)
                .map(|record| Key(*record.as_bytes()))
                .collect();
        }
        let without = aside.iter().map(|aside| Key(*aside.record.as_bytes()));
        let without: Vec<Key> = without
            .filter(|key| !request.wants.contains(key))
            .take(MAX_WITHOUT)
            .collect();
        request.without = Some(without).filter(|without| !without.is_empty());
        let profile = meta::PROFILE_VERSION.get(connection)?.unwrap_or(0);
        request.profile_version = profile.cast_unsigned();
        request.position = meta::position(connection)?;
        request.parts = part_versions(connection)?;
        request.walk = walk(connection)?;
        if !said.recalled {
            let after = meta::RECALL.get(connection)?;
            request.recall = after.map(i64::cast_unsigned);
        }
        request.asks_keys = said.asks_keys.then_some(true);
        request.unsent = unsent(connection, request.push.len())?;
        request.returns = errand.returns;
        request.reconcile = errand.reconcile;
        Ok(request)
    }

    /// Unsent changes in the order in which they were written, as many as one request takes.
    ///
    /// The request names one actor to certify: the store's, or an earlier one that the server may not
    /// know. What a further such actor wrote waits for the next request.
    fn gather(&self, connection: &Connection, said: &Said) -> Result<Push, PhoneError> {
        let mut push = Push {
            actor: self.actor(connection)?,
            items: Vec::new(),
        };
        let registered = actors::registered(connection)?;
        let mut bytes = 0;
        outbox::unsent(connection, |unsent| {
            if said.sent.get(&unsent.item).copied().unwrap_or(0) >= MOST_SENDS {
                return true;
            }
            if !registered.contains(&unsent.actor) && unsent.actor != push.actor {
                if !push.items.is_empty() {
                    return false;
                }
                push.actor = unsent.actor;
            }
            bytes += unsent.bytes.len();
            push.items.push(PushItem {
                record: Key(*unsent.record.as_bytes()),
                change: Blob(unsent.bytes),
                offset_ms: unsent.offset_ms,
            });
            push.items.len() < MAX_PUSH_ITEMS && bytes < PUSH_TARGET_BYTES
        })?;
        if registered.contains(&push.actor)
            && let Some(writer) = actors::unregistered_writer(connection)?
        {
            push.actor = writer;
        }
        Ok(push)
    }
}

/// What this phone holds beside what the request sends, if it is something, or was when it said so last.
fn unsent(connection: &Connection, sent: usize) -> Result<Option<Unsent>, PhoneError> {
    let mut held = Unsent::default();
    for (standing, count) in outbox::counts(connection)? {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        match standing {
            Standing::OnThisPhone => held.changes = held.changes.saturating_add(count),
            Standing::NeedsYou => held.sent_back = held.sent_back.saturating_add(count),
            _ => {}
        }
    }
    let sent = u32::try_from(sent).unwrap_or(u32::MAX);
    held.changes = held.changes.saturating_sub(sent);
    let sent_back = u32::try_from(refused::count(connection)?).unwrap_or(u32::MAX);
    held.sent_back = held.sent_back.saturating_add(sent_back);
    let told = meta::TOLD_UNSENT.get(connection)?.unwrap_or(false);
    Ok((told || held != Unsent::default()).then_some(held))
}

/// The next step of a walk, while an audience is new.
fn walk(connection: &Connection) -> Result<Option<Walk>, PhoneError> {
    let known = audiences::all(connection)?;
    if known.iter().all(|known| known.walked) {
        return Ok(None);
    }
    Ok(Some(Walk {
        after: meta::WALKED.get(connection)?.map(Key),
        held: known
            .into_iter()
            .filter(|known| known.walked)
            .map(|known| known.name)
            .collect(),
    }))
}
