//! Saving a document and loading it again before anybody relies on it.
//!
//! Automerge accepts some changes although the saved document never loads again, and such a change
//! would break the record on every phone (DESIGN section 5). So what Automerge makes of a change
//! that passed every check is still tried once.

use automerge::{Automerge, ChangeHash, ReadDoc};

use crate::history::History;
use crate::refusal::Refusal;
use crate::shield::shielded;

impl History {
    /// Saves the document, loads it and goes on with what was loaded: owed once after any number
    /// of [`admit_unrehearsed`](crate::admit_unrehearsed). An empty history passes.
    ///
    /// # Errors
    /// `does_not_reload` or `automerge_panicked`; the history is as it was, and is to be dropped.
    pub fn rehearse(&mut self) -> Result<(), Refusal> {
        if let Some(head) = self.heads().first() {
            self.document = reload(&self.document, *head)?;
        }
        Ok(())
    }
}

/// Saves a document and loads it again. Returns the loaded document: it is what every phone will
/// have, whatever the first one holds in memory. `hash` names the change to refuse if it fails.
///
/// Automerge makes every change anew from the columns that it loads, encodes it, hashes it, and
/// refuses the load unless the hashes come to the heads that were saved. A hash covers the bytes
/// of its change and the hashes that the change depends on. So equal heads mean that every change
/// below them came back to the byte, and an equal number of changes that nothing else is there.
/// Operations and actors are counted as well: no hash covers an actor that no change names, nor
/// an operation that belongs to no change.
pub(crate) fn reload(scratch: &Automerge, hash: ChangeHash) -> Result<Automerge, Refusal> {
    let saved = shielded("save", || scratch.save_nocompress())?;
    let loaded = shielded("reload", || Automerge::load(&saved))?
        .map_err(|_| Refusal::DoesNotReload { hash })?;
    if shielded("compare", || same(scratch, &loaded))? {
        Ok(loaded)
    } else {
        Err(Refusal::DoesNotReload { hash })
    }
}

fn same(left: &Automerge, right: &Automerge) -> bool {
    let counts = |document: &Automerge| {
        let stats = document.stats();
        (stats.num_changes, stats.num_ops, stats.num_actors)
    };
    left.get_heads() == right.get_heads() && counts(left) == counts(right)
}

#[cfg(test)]
mod tests {
    use automerge::{ActorId, Automerge};

    use crate::forge;
    use crate::history::{History, apply};

    fn actor() -> ActorId {
        ActorId::from([3; 16])
    }

    /// A record into which somebody let one change more without any check.
    fn unchecked(change: impl Fn(&Automerge, &ActorId) -> Vec<u8>) -> History {
        let genesis = forge::Forged::next(&Automerge::new(), &actor())
            .with([forge::ForgedOp::put("k", 1)])
            .bytes();
        let mut history = History::load([&genesis[..]]).expect("a sound record");
        let hostile = change(history.document(), &actor());
        history.document = apply(history.document, &[&hostile]).expect("Automerge takes it");
        history
    }

    #[test]
    fn a_document_that_would_not_load_on_a_phone_fails_the_rehearsal_and_is_left_as_it_was() {
        crate::quiet_panics();
        for change in [forge::bogus_pred, forge::split_run] {
            let mut history = unchecked(change);
            let heads = history.heads();
            let refusal = history.rehearse().expect_err("it does not load");
            assert!(["does_not_reload", "automerge_panicked"].contains(&refusal.code()));
            assert_eq!(history.heads(), heads);
        }
    }

    #[test]
    fn a_sound_document_passes_and_so_does_an_empty_one() {
        let mut history = unchecked(|document, actor| {
            forge::Forged::next(document, actor)
                .with([forge::ForgedOp::put("k", 2)])
                .bytes()
        });
        assert_eq!(history.rehearse(), Ok(()));
        assert_eq!(History::empty().rehearse(), Ok(()));
    }
}
