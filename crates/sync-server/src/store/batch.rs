//! What the sequencer decided, to be committed as one.

use gridlog_domain::id::{PersonId, RecordId};
use gridlog_protocol::Digest;

use super::model::{ItemStatus, LogHead, NextTimer, RecordRow};

/// A decision on an item of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The item.
    pub item: Digest,
    /// Where it stands now.
    pub status: ItemStatus,
    /// Who decided and why, where an office did.
    pub office: Option<OfficeDecision>,
}

impl Decision {
    /// Whether an office wants no more of the item.
    pub fn is_dismissal(&self) -> bool {
        self.office.is_some() && matches!(self.status, ItemStatus::Refused(_))
    }
}

/// An office's decision on an item that waited for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeDecision {
    /// Who decided.
    pub by: PersonId,
    /// Why; may be empty for an admission.
    pub reason: String,
}

/// An entry to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its number: the one after the entry before.
    pub seq: u64,
    /// The record it is about.
    pub record: RecordId,
    /// Its canonical bytes.
    pub canonical: Vec<u8>,
    /// Who may see it.
    pub audiences: Vec<String>,
}

/// An admitted change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    /// The record.
    pub record: RecordId,
    /// Its Automerge hash.
    pub hash: Digest,
    /// Its actor.
    pub actor: [u8; 16],
    /// Its number within the actor.
    pub actor_seq: u64,
    /// Who wrote it.
    pub person: String,
    /// The entry that admits it.
    pub seq: u64,
    /// The bytes as received.
    pub bytes: Vec<u8>,
}

/// A ruling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRuling {
    /// The record.
    pub record: RecordId,
    /// Entry id of the proposal.
    pub proposal: [u8; 16],
    /// The entry that holds it.
    pub seq: u64,
    /// `None` if accepted, else the reason's code.
    pub refused: Option<String>,
}

/// Everything that one round of the sequencer decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The head that it was decided on.
    pub on: LogHead,
    /// The head after it.
    pub head: LogHead,
    /// What waited for these changes, or was blocked by them, comes up for decision again; items that
    /// [`Batch::decisions`] names stand as it says.
    pub released: Vec<(RecordId, Digest)>,
    /// Decisions on items.
    pub decisions: Vec<Decision>,
    /// Entries, in order.
    pub entries: Vec<NewEntry>,
    /// Admitted changes.
    pub changes: Vec<NewChange>,
    /// Rulings.
    pub rulings: Vec<NewRuling>,
    /// Records as they are after it.
    pub records: Vec<RecordRow>,
    /// Audiences that a record has from the entry of that number on.
    pub gained: Vec<(RecordId, String, u64)>,
    /// Audiences that a record no longer has.
    pub lost: Vec<(RecordId, String)>,
    /// A new epoch that begins with the first entry of the batch.
    pub epoch: Option<u64>,
    /// Records of which nothing but their entries is left.
    pub erased: Vec<RecordId>,
    /// Records of which only the next timer is another one.
    pub retimed: Vec<(RecordId, NextTimer)>,
}

impl Batch {
    /// A batch that decides nothing yet.
    pub fn on(head: LogHead) -> Self {
        Self {
            on: head,
            head,
            released: Vec::new(),
            decisions: Vec::new(),
            entries: Vec::new(),
            changes: Vec::new(),
            rulings: Vec::new(),
            records: Vec::new(),
            gained: Vec::new(),
            lost: Vec::new(),
            epoch: None,
            erased: Vec::new(),
            retimed: Vec::new(),
        }
    }

    /// Whether it decides nothing.
    pub fn is_empty(&self) -> bool {
        self.decisions.is_empty()
            && self.entries.is_empty()
            && self.released.is_empty()
            && self.retimed.is_empty()
    }
}
