//! The line between a phone and the server, and what can go wrong on it. Left alone it carries bytes
//! as they are, keeps what was asked, and what was answered.

use std::collections::BTreeSet;

use gridlog_client_core::{Answer, TransportError};
use gridlog_merge_guard::{Limits, receive, snapshot_heads};
use gridlog_protocol::{
    Digest, Key, Page, ProtocolError, PushItem, RecordDelta, SeenRecord, SigningKey, SyncRequest,
    Verdict, codec, contents, entry_hash, fill, open_page, sign_page,
};
use gridlog_sync_server::exchange::Asker;

use crate::server::ok;

/// Says what becomes of an item instead of showing it to the server.
type Judge = Box<dyn Fn(&PushItem) -> Option<Verdict>>;
/// Changes a page before it is signed.
type Tamper = Box<dyn Fn(&mut Page)>;

#[derive(Default)]
pub(crate) struct Line {
    pub(crate) judge: Option<Judge>,
    pub(crate) tamper: Option<Tamper>,
    /// Signs pages instead of the server.
    pub(crate) signer: Option<SigningKey>,
    /// Answers this instead of asking the server.
    pub(crate) instead: Option<Answer>,
    /// Loses that many answers, after the server took the request.
    pub(crate) lose_answers: u32,
    /// Every request that was sent.
    pub(crate) requests: Vec<SyncRequest>,
    /// Every page that was answered, as the phone saw it.
    pub(crate) pages: Vec<Page>,
}

/// A request on its way.
pub(crate) struct Sending {
    request: SyncRequest,
    /// What the server sees of it.
    pub(crate) body: Vec<u8>,
    /// The verdicts that were given on the way, by the place of their items.
    judged: Vec<(usize, Verdict)>,
}

impl Line {
    /// Refuses what `which` picks, with `code`; the server never sees it.
    pub(crate) fn refuse(&mut self, code: &str, which: impl Fn(&PushItem) -> bool + 'static) {
        let code = code.to_owned();
        self.judge = Some(Box::new(move |item| {
            which(item).then(|| Verdict::Refused { code: code.clone() })
        }));
    }

    pub(crate) fn tamper_with(&mut self, change: impl Fn(&mut Page) + 'static) {
        self.tamper = Some(Box::new(change));
    }

    pub(crate) fn send(&mut self, body: &[u8]) -> Result<Sending, Answer> {
        let request: SyncRequest = codec::decode("sync request", body).unwrap();
        request.check().unwrap();
        self.requests.push(request.clone());
        if let Some(instead) = &self.instead {
            return Err(instead.clone());
        }
        let mut judged = Vec::new();
        let mut shown = request.clone();
        if let Some(judge) = &self.judge {
            shown.push.clear();
            for (place, item) in request.push.iter().enumerate() {
                match judge(item) {
                    Some(verdict) => judged.push((place, verdict)),
                    None => shown.push.push(item.clone()),
                }
            }
        }
        let body = match judged.is_empty() {
            true => body.to_vec(),
            false => codec::encode(&shown),
        };
        Ok(Sending {
            request,
            body,
            judged,
        })
    }

    pub(crate) fn bring(
        &mut self,
        key: &SigningKey,
        sending: &Sending,
        answered: Result<(Asker, Vec<u8>), Answer>,
    ) -> Result<Answer, TransportError> {
        let (asker, signed) = match answered {
            Ok(answered) => answered,
            Err(refusal) => return Ok(refusal),
        };
        if self.lose_answers > 0 {
            self.lose_answers -= 1;
            return Err(TransportError::TimedOut);
        }
        let nonce = sending.request.nonce;
        let device = Key(*asker.device.as_bytes());
        let opened = open_page(&signed, nonce, device, &key.verifying_key()).unwrap();
        let mut page = opened.page;
        for (place, verdict) in &sending.judged {
            page.body.verdicts.insert(*place, verdict.clone());
        }
        if let Some(tamper) = &self.tamper {
            tamper(&mut page);
        }
        self.pages.push(page.clone());
        let is_untouched =
            sending.judged.is_empty() && self.tamper.is_none() && self.signer.is_none();
        if is_untouched {
            return Ok(ok(signed));
        }
        let signer = self.signer.as_ref().unwrap_or(key);
        Ok(ok(sign_page(&page, nonce, device, signer)))
    }

    /// Changes that went up, each time counted.
    pub(crate) fn pushes(&self) -> usize {
        self.requests.iter().map(|request| request.push.len()).sum()
    }
}

/// Makes a page that was tampered with commit to what it holds now, as its reader computes it.
pub(crate) fn commit_again(page: &mut Page, request: &SyncRequest) {
    let hash_of = |record: Key, at: u32| {
        let mut records = page.body.records.iter();
        let delta = records.find(|delta| delta.record == record)?;
        hash(&delta.changes.get(at as usize)?.0)
    };
    let mut before = request.position;
    let fed = page.body.entries.iter();
    let fed: Result<Vec<_>, ProtocolError> =
        fed.map(|feed| fill(feed, &mut before, hash_of)).collect();
    let mut hashes: Vec<Digest> = fed
        .unwrap()
        .iter()
        .map(|(_, canonical)| entry_hash(canonical))
        .collect();
    let whole: Vec<&RecordDelta> = page.body.records.iter().filter(|r| r.whole).collect();
    let rulings = page.body.records.iter().flat_map(|delta| &delta.rulings);
    hashes.extend(rulings.map(|ruling| entry_hash(&ruling.0)));
    let seen: Vec<SeenRecord> = whole.into_iter().map(seen).collect();
    page.statement.contents = contents(&hashes, &seen);
}

fn hash(change: &[u8]) -> Option<Digest> {
    let header = receive(change, &Limits::default()).ok()?;
    Some(Digest(header.hash.0))
}

fn seen(delta: &RecordDelta) -> SeenRecord {
    let mut heads = BTreeSet::new();
    if let Some(chunk) = &delta.snapshot {
        heads.extend(
            snapshot_heads(&chunk.0)
                .unwrap()
                .iter()
                .map(|head| Digest(head.0)),
        );
    }
    for change in &delta.changes {
        let header = receive(&change.0, &Limits::default()).unwrap();
        for dep in &header.deps {
            heads.remove(&Digest(dep.0));
        }
        heads.insert(Digest(header.hash.0));
    }
    SeenRecord {
        record: delta.record,
        heads: heads.into_iter().collect(),
        as_of: delta.as_of,
        authors: delta.authors.clone(),
    }
}
