//! The last write wins, field by field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wire::{Change, Fields};

/// When a field was written, and by which device where two wrote in the same millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Stamp(pub(super) i64, pub(super) i64);

/// A record with what is needed to merge into it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    /// What it says.
    pub(super) fields: Fields,
    /// When it was made: the stamp of every field that nobody wrote since.
    pub(super) made: Stamp,
    /// The stamps of the others.
    pub(super) since: BTreeMap<String, Stamp>,
}

impl Kept {
    /// A record that was not there before.
    pub(super) fn new(change: Change, device: i64) -> Self {
        Self {
            made: Stamp(change.at_ms, device),
            fields: change.fields,
            since: BTreeMap::new(),
        }
    }

    /// Takes each field that was written later than what stands there. True if any was.
    pub(super) fn take(&mut self, change: Change, device: i64) -> bool {
        let stamp = Stamp(change.at_ms, device);
        let mut taken = false;
        for (name, value) in change.fields {
            let standing = self.since.get(&name).copied().unwrap_or(self.made);
            if stamp > standing {
                self.since.insert(name.clone(), stamp);
                self.fields.insert(name, value);
                taken = true;
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(at_ms: i64, fields: serde_json::Value) -> Change {
        Change {
            id: "r".to_owned(),
            at_ms,
            fields: serde_json::from_value(fields).unwrap(),
        }
    }

    #[test]
    fn the_later_write_of_a_field_wins_in_whatever_order_they_arrive() {
        let made = change(1, json!({"title": "a", "category": "b"}));
        let early = change(5, json!({"title": "early"}));
        let late = change(9, json!({"title": "late"}));
        let mut forth = Kept::new(made.clone(), 1);
        assert!(forth.take(early.clone(), 2) && forth.take(late.clone(), 3));
        let mut back = Kept::new(made, 1);
        assert!(back.take(late, 3));
        assert!(!back.take(early, 2));
        assert_eq!(forth, back);
        assert_eq!(forth.fields["title"], "late");
        assert_eq!(forth.fields["category"], "b");
    }

    #[test]
    fn of_two_writes_in_one_millisecond_all_keep_the_same() {
        let made = change(1, json!({"title": "a"}));
        let mut kept = Kept::new(made, 1);
        assert!(kept.take(change(5, json!({"title": "of 3"})), 3));
        assert!(!kept.take(change(5, json!({"title": "of 2"})), 2));
        assert_eq!(kept.fields["title"], "of 3");
    }
}
