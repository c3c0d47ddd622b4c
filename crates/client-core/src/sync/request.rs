//! What a request says.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_protocol::limits::{MAX_ASKS, MAX_PUSH_ITEMS, PUSH_TARGET_BYTES};
use gridlog_protocol::{Blob, Digest, Key, PushItem, SyncRequest, VERSION};
use rusqlite::{Connection, OptionalExtension};

use crate::device_time;
use crate::error::PhoneError;
use crate::phone::Inner;
use crate::reference::part_versions;
use crate::store::{meta, outbox};

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
}

impl Said {
    /// A request was answered.
    pub(super) fn remember(&mut self, pushed: &[Digest], asks: &[Digest]) {
        for item in pushed {
            *self.sent.entry(*item).or_insert(0) += 1;
        }
        self.asked.extend(asks.iter().copied());
    }
}

struct Push {
    actor: [u8; 16],
    items: Vec<PushItem>,
}

impl Inner {
    /// The next request.
    pub(super) fn sync_request(
        &self,
        connection: &Connection,
        said: &Said,
    ) -> Result<SyncRequest, PhoneError> {
        let moment = device_time::now(connection, self.clock.as_ref())?;
        let push = self.gather(connection, said)?;
        let mut asks = outbox::undecided_there(connection)?;
        asks.retain(|item| !said.asked.contains(item) && !said.sent.contains_key(item));
        asks.truncate(MAX_ASKS);
        let profile = meta::PROFILE_VERSION.get(connection)?.unwrap_or(0);
        Ok(SyncRequest {
            version: VERSION,
            nonce: self.nonce(),
            actor: Key(push.actor),
            cursor: meta::cursor(connection)?,
            device_ms: moment.now_ms,
            profile_version: profile.cast_unsigned(),
            parts: part_versions(connection)?,
            push: push.items,
            asks,
        })
    }

    /// Unsent changes in the order in which they were written, as many as one request takes.
    ///
    /// The request names one actor to certify: the store's, or an earlier one that was never
    /// certified and still has something unsent. What a further uncertified actor wrote waits for
    /// the next request.
    fn gather(&self, connection: &Connection, said: &Said) -> Result<Push, PhoneError> {
        let mut push = Push {
            actor: self.actor(connection)?,
            items: Vec::new(),
        };
        let certified = certified(connection)?;
        let mut bytes = 0;
        outbox::unsent(connection, |unsent| {
            if said.sent.get(&unsent.item).copied().unwrap_or(0) >= MOST_SENDS {
                return true;
            }
            if !certified.contains(&unsent.actor) && unsent.actor != push.actor {
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
        Ok(push)
    }
}

fn certified(connection: &Connection) -> Result<BTreeSet<[u8; 16]>, PhoneError> {
    let mut statement =
        connection.prepare_cached("SELECT actor FROM actors WHERE certificate IS NOT NULL")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether the store ever wrote with that actor.
pub(super) fn is_own_actor(connection: &Connection, actor: [u8; 16]) -> Result<bool, PhoneError> {
    let found: Option<i64> = connection
        .query_row("SELECT 1 FROM actors WHERE actor = ?1", [actor], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(found.is_some())
}
