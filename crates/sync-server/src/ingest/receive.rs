//! Step 1: is it soundly framed, and may this device send it? Then it is made durable.

use std::sync::Arc;
use std::sync::mpsc::{Receiver as Channel, Sender, channel};

use automerge::ActorId;
use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_merge_guard::Limits;
use gridlog_protocol::{Digest, PushItem, item_digest};

use crate::store::{ItemStatus, NewItem, Store, StoreError};

/// Who pushes, and when.
#[derive(Debug, Clone)]
pub struct Pushed<'a> {
    /// The authenticated device.
    pub device: DeviceId,
    /// Its person.
    pub person: &'a PersonId,
    /// Its actors.
    pub actors: &'a [ActorId],
    /// Server time, milliseconds since the Unix epoch.
    pub received_ms: i64,
}

/// Examines one item in microseconds; no document is loaded and Automerge is not called.
pub fn examine(item: PushItem, by: &Pushed<'_>, limits: &Limits) -> NewItem {
    let PushItem {
        record,
        change,
        offset_ms,
    } = item;
    let digest = item_digest(record, &change.0);
    let received = gridlog_merge_guard::receive(&change.0, limits);
    let header = received.as_ref().ok().cloned();
    let sound = received
        .and_then(|header| mutated!(ForeignActorTaken, Ok(()), header.check_actor(by.actors)));
    let status = match sound {
        Ok(()) => ItemStatus::Received,
        Err(refusal) => ItemStatus::Refused(refusal.code().to_owned()),
    };
    let actor_seq = header
        .as_ref()
        .and_then(|header| Some((header.actor.to_bytes().try_into().ok()?, header.seq)));
    // What is too large to be a change is too large to be kept.
    let bytes = if change.0.len() <= limits.max_change_bytes {
        change.0
    } else {
        Vec::new()
    };
    NewItem {
        item: digest,
        record: RecordId::from_bytes(record.0),
        change: header.map(|header| Digest(header.hash.0)),
        actor_seq,
        device: by.device,
        person: by.person.clone(),
        received_ms: by.received_ms,
        offset_ms,
        bytes,
        status,
    }
}

struct Job {
    items: Vec<NewItem>,
    answer: Sender<Result<Vec<ItemStatus>, StoreError>>,
}

/// Makes what many requests push durable, together: one commit for all that wait.
#[derive(Debug, Clone)]
pub struct Receiver {
    jobs: Sender<Job>,
}

/// Most items that share one commit.
const MOST_TOGETHER: usize = 4_096;

impl Receiver {
    /// Starts the thread that writes. It ends when the last handle is dropped.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(store: Arc<dyn Store>) -> std::io::Result<Self> {
        let (jobs, channel) = channel();
        std::thread::Builder::new()
            .name("receiver".to_owned())
            .spawn(move || run(&channel, &*store))?;
        Ok(Self { jobs })
    }

    /// Returns when the items are durable, with where each stands.
    ///
    /// # Errors
    /// [`StoreError`]; then none of the items counts as received.
    pub fn receive(&self, items: Vec<NewItem>) -> Result<Vec<ItemStatus>, StoreError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, wait) = channel();
        self.jobs
            .send(Job { items, answer })
            .map_err(|_| StoreError::Poisoned)?;
        wait.recv().map_err(|_| StoreError::Poisoned)?
    }
}

fn run(jobs: &Channel<Job>, store: &dyn Store) {
    while let Ok(first) = jobs.recv() {
        let mut together = vec![first];
        let mut count = together[0].items.len();
        while count < MOST_TOGETHER
            && let Ok(next) = jobs.try_recv()
        {
            count += next.items.len();
            together.push(next);
        }
        keep(together, store);
    }
}

/// One commit for all; if it fails, each request by itself, so that one never fails another.
fn keep(together: Vec<Job>, store: &dyn Store) {
    let mut all = Vec::new();
    let mut answers = Vec::with_capacity(together.len());
    for job in together {
        answers.push((job.items.len(), job.answer));
        all.extend(job.items);
    }
    let kept = store.add_to_inbox(&all);
    let mut from = 0;
    for (count, answer) in answers {
        let own = from..from + count;
        from = own.end;
        let result = match &kept {
            Ok(statuses) => Ok(statuses[own].to_vec()),
            Err(_) => store.add_to_inbox(&all[own]),
        };
        // A request that went away has nobody to answer.
        let _ = answer.send(result);
    }
}
