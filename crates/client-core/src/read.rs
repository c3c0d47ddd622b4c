//! Reading: lists, search, one record, tasks. Nothing here opens a document but the check on
//! demand.

use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::record::StoredProposal;
use gridlog_domain::reference::AreaTree;
use gridlog_domain::workflow::{Rulebook, Step};

use crate::detail::{
    HistoryLine, OwnChange, ProposalStanding, ProposalStatus, RecordCheck, RecordDetail, Task,
};
use crate::device_time;
use crate::document::empty_catalogue;
use crate::error::PhoneError;
use crate::identity::{self, as_actor};
use crate::phone::Phone;
use crate::reasons::explain;
use crate::revision::Revision;
use crate::rows::{Query, RecordRow};
use crate::standing::Standing;
use crate::store::log::StoredRuling;
use crate::store::{changes, log, outbox, records, refused};

/// The codes that lie in `area`, itself included, also if no sync has brought the area yet.
fn inside(areas: &AreaTree, area: &AreaCode) -> Vec<AreaCode> {
    let mut codes: Vec<AreaCode> = areas
        .iter()
        .map(|inner| &inner.code)
        .filter(|inner| *inner != area && areas.covers(area, inner))
        .cloned()
        .collect();
    codes.push(area.clone());
    codes
}

fn judge(stored: &StoredProposal, ruling: Option<&StoredRuling>) -> ProposalStanding {
    match ruling {
        Some(ruling) if hex::encode(ruling.proposal_hash) == stored.sha256 => {
            match &ruling.refused {
                None => ProposalStanding::Accepted,
                Some(code) => {
                    let (zh, en) = explain(code);
                    ProposalStanding::Refused {
                        code: code.clone(),
                        zh: zh.to_owned(),
                        en: en.to_owned(),
                    }
                }
            }
        }
        _ => ProposalStanding::Pending,
    }
}

/// What makes a case somebody's task: a step that carries it on. Taking it back or voiding it is
/// always possible for its author and is no task.
fn carries_on(step: Step) -> bool {
    !matches!(step, Step::Withdraw | Step::Void)
}

impl Phone {
    /// The rows that a query asks for, the latest change first.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn list(&self, query: &Query) -> Result<Vec<RecordRow>, PhoneError> {
        self.inner.store.read(|connection| {
            let areas = match &query.area {
                Some(area) => inside(self.inner.reference(connection)?.areas(), area),
                None => Vec::new(),
            };
            records::list(connection, query, &areas, &self.inner.reader(connection)?)
        })
    }

    /// Records that hold `text`: any substring, from one character on, Chinese or not, whatever its
    /// case; spaces and punctuation do not count.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn search(&self, text: &str, limit: u32) -> Result<Vec<RecordRow>, PhoneError> {
        self.list(&Query {
            text: Some(text.to_owned()),
            limit,
            ..Query::default()
        })
    }

    /// Everything about one record; `None` if it is not here.
    ///
    /// # Errors
    /// [`PhoneError::Store`], [`PhoneError::StoreDamaged`].
    pub fn show(&self, id: RecordId) -> Result<Option<RecordDetail>, PhoneError> {
        self.inner.store.read(|connection| {
            let row = records::row(connection, id, &self.inner.reader(connection)?)?;
            let (Some(row), Some(facts)) = (row, records::get(connection, id)?) else {
                return Ok(None);
            };
            let rulings = log::rulings(connection, id)?;
            let mut proposals: Vec<ProposalStatus> = facts
                .view
                .proposals
                .iter()
                .map(|(entry, stored)| ProposalStatus {
                    id: *entry,
                    standing: judge(stored, rulings.get(entry)),
                    proposal: stored.proposal.clone(),
                })
                .collect();
            proposals.sort_by_key(|status| (status.proposal.at_ms, status.id));
            let own = outbox::of_record(connection, id)?.into_iter();
            Ok(Some(RecordDetail {
                expected_stage: row.expected_stage,
                proposals,
                changes: own
                    .map(|item| OwnChange {
                        recorded_ms: item.intent.recorded_ms,
                        standing: item.standing,
                        code: item.code,
                        attempt: item.attempt,
                    })
                    .collect(),
                needs_you: refused::of_record(connection, id)?
                    .into_iter()
                    .map(Into::into)
                    .collect(),
                history: log::of_record(connection, id)?
                    .iter()
                    .map(HistoryLine::from)
                    .collect(),
                row,
                revision: Revision::shown(connection, id, &facts)?,
                heads: facts.heads.chunks(32).map(hex::encode).collect(),
                view: facts.view,
                state: facts.state,
            }))
        })
    }

    /// Cases that the person's roles can carry on now, and records of theirs that are in conflict or
    /// have something sent back; the latest change first.
    ///
    /// # Errors
    /// [`PhoneError::NotEnrolled`]; [`PhoneError::Store`].
    pub fn tasks(&self) -> Result<Vec<Task>, PhoneError> {
        self.inner.store.read(|connection| {
            let person = identity::require(connection)?.person;
            let reference = self.inner.reference(connection)?;
            let none = empty_catalogue();
            let rules = Rulebook::new(reference.catalogue().unwrap_or(&none));
            let now_ms = device_time::read(connection, self.inner.clock.as_ref())?.server_ms();
            let reader = self.inner.reader(connection)?;
            let mut tasks = Vec::new();
            for (row, state) in records::cases(connection, &reader)? {
                let who = as_actor(&person, reference.areas(), &row.area, &row.author, now_ms);
                let steps = rules.next_steps(&state, &who);
                if steps.iter().copied().any(carries_on) {
                    tasks.push(Task { row, steps });
                }
            }
            let troubled = [
                Query {
                    conflicts_only: true,
                    limit: u32::MAX,
                    ..Query::default()
                },
                Query {
                    standing: Some(Standing::NeedsYou),
                    limit: u32::MAX,
                    with_deleted: true,
                    ..Query::default()
                },
            ];
            for query in troubled {
                for row in records::list(connection, &query, &[], &reader)? {
                    if tasks.iter().all(|task| task.row.id != row.id) {
                        let steps = Vec::new();
                        tasks.push(Task { row, steps });
                    }
                }
            }
            tasks.sort_by_key(|task| std::cmp::Reverse((task.row.updated_ms, task.row.id)));
            Ok(tasks)
        })
    }

    /// Rows that are about to leave this phone: its person may no longer see them, or they were
    /// archived. They go with the next sync, those with something unsent after it was sent.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn leaving(&self) -> Result<Vec<RecordRow>, PhoneError> {
        self.inner
            .store
            .read(|connection| records::leaving(connection, &self.inner.reader(connection)?))
    }

    /// Rows of which something of one's own is not in the log, the latest change first.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn not_in_log(&self) -> Result<Vec<RecordRow>, PhoneError> {
        self.inner
            .store
            .read(|connection| records::unsettled(connection, &self.inner.reader(connection)?))
    }

    /// Opens a record's document and compares it with the stored view: for diagnostics and tests.
    ///
    /// # Errors
    /// [`PhoneError::UnknownRecord`]; [`PhoneError::Unopenable`] if its changes make no document;
    /// [`PhoneError::Store`].
    pub fn verify_record(&self, id: RecordId) -> Result<RecordCheck, PhoneError> {
        self.inner.store.read(|connection| {
            let facts = records::get(connection, id)?;
            let facts = facts.ok_or(PhoneError::UnknownRecord { record: id })?;
            let open = self.inner.open_record(connection, id)?;
            Ok(RecordCheck {
                record: id,
                view_fits: !open.is_empty() && open.view()? == facts.view,
                changes: changes::live(connection, id)?.len() as u64,
            })
        })
    }
}
