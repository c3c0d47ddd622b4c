//! What was erased never comes back, neither from a backup nor from a phone.

use gridlog_sync_server::store::Store;

use super::unread;
use crate::broken::Broken;
use crate::deeds::everything;
use crate::world::World;

impl World {
    /// No erased record is at the server or on a phone that is told anything.
    pub(super) fn check_erased(&mut self, store: &dyn Store) -> Result<(), Broken> {
        let broken = |found: String| Err(Broken::new("what was erased stays erased", found));
        for record in &self.gone {
            let row = store.record(*record).map_err(|error| unread(&error))?;
            let changes = store.record_changes(*record);
            let changes = changes.map_err(|error| unread(&error))?;
            if row.is_some() || !changes.is_empty() {
                return broken(format!("the server has {record}"));
            }
        }
        for number in 0..self.handsets.len() {
            if !self.handsets[number].is_usable() || !self.may_pull(number, store)? {
                continue;
            }
            let rows = self.read(number, "listing", |phone| phone.list(&everything()))?;
            let rows = rows.unwrap_or_default();
            // Words that are shown as sent back were never in the log, and are their author's to see to.
            let in_log = |id| super::phones::is_settled(&rows, id);
            if let Some(record) = self.gone.iter().copied().find(|id| in_log(*id)) {
                let name = self.handsets[number].name();
                return broken(format!("{name} has {record}"));
            }
        }
        Ok(())
    }
}
