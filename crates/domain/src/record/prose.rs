//! Edits of long text, kept as what the author meant.

use automerge::transaction::{Transactable, Transaction};
use automerge::{ObjId, ReadDoc};
use serde::{Deserialize, Serialize};

use super::error::RecordError;

/// An edit of a long text: what the author started from and what they made of it.
///
/// Only the difference is written, so that concurrent edits elsewhere in the text all survive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The text that the author had before them.
    pub from: String,
    /// The text that the author wants.
    pub to: String,
}

impl Rewrite {
    /// Writes the difference into the text `object`.
    pub(super) fn apply(
        &self,
        tx: &mut Transaction<'_>,
        object: &ObjId,
    ) -> Result<(), RecordError> {
        if self.from == self.to {
            return Ok(());
        }
        let current = tx.text(object)?;
        if current == self.to {
            return Ok(());
        }
        if current == self.from {
            tx.update_text(object, &self.to)?;
            return Ok(());
        }
        let target = carry_over(&self.from, &self.to, &current);
        tx.update_text(object, &target)?;
        Ok(())
    }
}

/// Makes in `current` the one replacement that turns `from` into `to`.
///
/// Where `current` no longer holds the replaced words, the new words are put in at the nearest
/// place and nothing of `current` is removed, so that no word of either text is lost.
fn carry_over(from: &str, to: &str, current: &str) -> String {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let current: Vec<char> = current.chars().collect();
    let (start, from_end, to_end) = differing_range(&from, &to);
    let removed = &from[start..from_end];
    let added = &to[start..to_end];

    let (same_until, _, _) = differing_range(&from, &current);
    let at = if start <= same_until {
        start
    } else {
        let behind = from.len() - start;
        current.len().saturating_sub(behind).max(same_until)
    }
    .min(current.len());
    let still_there = !removed.is_empty() && current[at..].starts_with(removed);
    let resume = if still_there { at + removed.len() } else { at };
    current[..at]
        .iter()
        .chain(added)
        .chain(&current[resume..])
        .collect()
}

/// Where two texts differ: the end of what they share in front, and where each resumes what they
/// share behind.
fn differing_range(a: &[char], b: &[char]) -> (usize, usize, usize) {
    let front = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let back = a[front..]
        .iter()
        .rev()
        .zip(b[front..].iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    (front, a.len() - back, b.len() - back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_carried_over_to_a_text_that_grew_elsewhere() {
        assert_eq!(
            carry_over("井盖缺失", "井盖破损", "路口井盖缺失"),
            "路口井盖破损"
        );
        assert_eq!(
            carry_over("井盖缺失", "大井盖缺失", "井盖缺失两处"),
            "大井盖缺失两处"
        );
    }

    #[test]
    fn nothing_of_either_text_is_lost_when_the_replaced_words_are_gone() {
        let carried = carry_over("甲乙丙", "甲丁丙", "甲戊丙");
        assert!(carried.contains('丁') && carried.contains('戊'));
    }
}
