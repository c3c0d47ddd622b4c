//! What changed in a record's view, so that a small edit travels as a small patch.
//!
//! Of every part of a view (a field, a comment, a check …) the store keeps the entry at which it
//! changed last. A device that has the view as of entry n is sent the parts that changed after n, as
//! a JSON merge patch (RFC 7396).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Which part changed last at which entry. A part is a member of the view, or a member of a member
/// that is an object, written as `fields/title`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched(BTreeMap<String, u64>);

/// The parts of a view: the members of members that are objects, and the other members.
fn parts(view: &Value) -> BTreeMap<String, &Value> {
    let mut parts = BTreeMap::new();
    let members = view.as_object().into_iter().flatten();
    for (name, value) in members {
        match value {
            Value::Object(inner) => {
                let inner = inner.iter();
                parts.extend(inner.map(|(key, value)| (format!("{name}/{key}"), value)));
            }
            _ => {
                parts.insert(name.clone(), value);
            }
        }
    }
    parts
}

impl Touched {
    /// Reads what the store keeps; anything else counts as nothing known.
    pub fn read(json: &str) -> Self {
        Self(serde_json::from_str(json).unwrap_or_default())
    }

    /// As the store keeps it.
    pub fn to_json(&self) -> String {
        serde_json::to_value(&self.0)
            .unwrap_or_default()
            .to_string()
    }

    /// Notes what differs between two views, at entry `seq`.
    pub fn note(&mut self, before: &Value, after: &Value, seq: u64) {
        let (before, after) = (parts(before), parts(after));
        for (name, value) in &after {
            if before.get(name) != Some(value) {
                self.0.insert(name.clone(), seq);
            }
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.0.insert(name.clone(), seq);
        }
    }

    /// The merge patch that brings a view as of entry `after` to what `view` is now.
    pub fn patch(&self, view: &Value, after: u64) -> Value {
        let now = parts(view);
        let mut patch = Map::new();
        for (name, _) in self.0.iter().filter(|(_, seq)| **seq > after) {
            // A part that is gone is null, which a merge patch takes as its removal.
            let value = now
                .get(name.as_str())
                .map_or(Value::Null, |value| (*value).clone());
            match name.split_once('/') {
                Some((member, key)) => {
                    let member = patch
                        .entry(member.to_owned())
                        .or_insert_with(|| Value::Object(Map::new()));
                    if let Value::Object(member) = member {
                        member.insert(key.to_owned(), value);
                    }
                }
                None => {
                    patch.insert(name.clone(), value);
                }
            }
        }
        Value::Object(patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_holds_what_changed_since_and_nothing_else() {
        let views = [
            json!({"kind": "case", "fields": {"title": "a", "place": 1}, "conflicts": []}),
            json!({"kind": "case", "fields": {"title": "b", "place": 1}, "conflicts": []}),
            json!({"kind": "case", "fields": {"title": "b"}, "comments": {"x": 1}, "conflicts": [1]}),
        ];
        let mut touched = Touched::default();
        touched.note(&views[0], &views[1], 5);
        touched.note(&views[1], &views[2], 9);
        let touched = Touched::read(&touched.to_json());
        for (before, after) in [(0, 1), (1, 6)] {
            let mut patched = views[before].clone();
            json_patch::merge(&mut patched, &touched.patch(&views[2], after));
            assert_eq!(patched, views[2]);
        }
        assert_eq!(touched.patch(&views[2], 9), json!({}));
        assert_eq!(
            touched.patch(&views[2], 6),
            json!({"fields": {"place": null}, "comments": {"x": 1}, "conflicts": [1]})
        );
    }
}
