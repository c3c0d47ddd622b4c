//! What a round has done by several threads: finding out about changes ahead, and the rows of records.

use gridlog_domain::id::RecordId;
use gridlog_merge_guard::{Outcome as Judged, Refusal};

use super::super::ahead::{self, Ahead};
use super::super::decide::{Incoming, decide};
use super::super::workers::{Workers, each};
use super::super::working::Working;
use super::{Desk, contained};
use crate::store::{ItemStatus, StoreError};

impl Desk<'_> {
    /// Decides on a change of which something may be known already.
    pub(super) fn decide_judged(
        &mut self,
        id: RecordId,
        incoming: &Incoming<'_>,
        judged: impl FnOnce(&Working) -> Option<Result<Judged, Refusal>>,
    ) -> Result<ItemStatus, StoreError> {
        let mut working = self.working(id)?;
        let judged = judged(&working);
        let batch = &mut self.batch;
        let status = decide(&self.circumstances, batch, &mut working, incoming, judged)?;
        self.put_back(working, matches!(status, ItemStatus::Admitted(_)));
        Ok(status)
    }

    /// Finds out about the items that come next, if it has not done so.
    pub(super) fn look_ahead(&mut self, workers: &dyn Workers) {
        let (_, covered) = &mut self.ahead;
        if *covered > 0 {
            *covered -= 1;
            return;
        }
        let next = self.queue.iter().take(ahead::AT_ONCE);
        let covered = next.len().saturating_sub(1);
        let load = &self.load;
        let next = next.filter(|item| load.has_room(item.pushed.device));
        let (circumstances, memory) = (&self.circumstances, &mut *self.memory);
        let found = Ahead::look(workers, circumstances, &mut self.working, memory, next);
        self.ahead = (found, covered);
    }

    /// Enters every touched record, as it is after the round, into the batch. Says which one of them
    /// breaks down, if one does.
    pub(super) fn enter_rows(
        &mut self,
        workers: &dyn Workers,
    ) -> Result<Option<RecordId>, StoreError> {
        let place = |id: &RecordId| self.touched.iter().position(|touched| touched == id);
        let of_round = self
            .working
            .iter_mut()
            .filter(|(_, working)| !working.erased);
        let mut touched: Vec<_> = of_round
            .filter_map(|(id, working)| Some((place(id)?, working)))
            .collect();
        touched.sort_by_key(|(place, _)| *place);
        let ids: Vec<RecordId> = touched.iter().map(|(_, working)| working.id).collect();
        let timing = &self.circumstances.directory.timing;
        let rows = each(workers, touched, |(_, working)| {
            contained(|| working.row(timing))
        });
        for (id, row) in ids.into_iter().zip(rows) {
            match row.transpose()?.flatten() {
                Some(row) => self.batch.records.push(row),
                None => return Ok(Some(id)),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
