//! What changed in a record's view, so that a small edit travels as a small patch.
//!
//! Of every part of a view (a field, a comment, a check …) the store keeps the entry at which it
//! changed last. A device that has the view as of entry n is sent the parts that changed after n, as
//! a JSON merge patch (RFC 7396). Of a long text the store also keeps what stood there before, so
//! that a device that has that is sent the stretch that changed.

use std::collections::BTreeMap;

use gridlog_protocol::Splice;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Texts of fewer characters travel whole: a splice would save little.
const LONG: usize = 40;

/// Which part changed last at which entry. A part is a member of the view, or a member of a member
/// that is an object, written as `fields/title`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched(BTreeMap<String, Touch>);

/// The last change of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Touch {
    /// The entry.
    at: u64,
    /// The long text that stood there before, and the entry since which it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<(u64, String)>,
}

/// What brings an older view to the one of now.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// A JSON merge patch.
    pub merge: Value,
    /// What is to be mended after it.
    pub splices: Vec<Splice>,
}

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
            let stood = before.get(name);
            if stood != Some(value) {
                self.touch(name, stood.and_then(|stood| stood.as_str()), seq);
            }
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.touch(name, None, seq);
        }
    }

    fn touch(&mut self, name: &str, stood: Option<&str>, seq: u64) {
        let since = self.0.get(name).map_or(0, |touch| touch.at);
        let long = stood.filter(|text| text.chars().count() >= LONG);
        let touch = Touch {
            at: seq,
            was: long.map(|text| (since, text.to_owned())),
        };
        self.0.insert(name.to_owned(), touch);
    }

    /// What brings a view as of entry `after` to what `view` is now.
    pub fn patch(&self, view: &Value, after: u64) -> Patch {
        let now = parts(view);
        let mut merge = Map::new();
        let mut splices = Vec::new();
        for (name, touch) in self.0.iter().filter(|(_, touch)| touch.at > after) {
            let value = now.get(name.as_str()).copied();
            if let (Some(text), Some((since, stood))) = (value.and_then(Value::as_str), &touch.was)
                && *since <= after
            {
                splices.push(Splice::between(name, stood, text));
                continue;
            }
            // A part that is gone is null, which a merge patch takes as its removal.
            insert(&mut merge, name, value.cloned().unwrap_or(Value::Null));
        }
        Patch {
            merge: Value::Object(merge),
            splices,
        }
    }
}

fn insert(merge: &mut Map<String, Value>, name: &str, value: Value) {
    let Some((member, key)) = name.split_once('/') else {
        merge.insert(name.to_owned(), value);
        return;
    };
    let member = merge
        .entry(member.to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(member) = member {
        member.insert(key.to_owned(), value);
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
            let patch = touched.patch(&views[2], after);
            json_patch::merge(&mut patched, &patch.merge);
            assert!(patch.splices.is_empty());
            assert_eq!(patched, views[2]);
        }
        assert_eq!(touched.patch(&views[2], 9).merge, json!({}));
        assert_eq!(
            touched.patch(&views[2], 6).merge,
            json!({"fields": {"place": null}, "comments": {"x": 1}, "conflicts": [1]})
        );
    }

    #[test]
    fn of_a_long_text_only_the_stretch_that_changed_travels_to_who_has_the_text_before() {
        let text = "井盖缺失".repeat(20);
        let at = |text: &str| json!({ "fields": { "description": text } });
        let views = [
            text.clone(),
            text.replacen('缺', "破", 1),
            text.replace('井', "沟"),
        ];
        let mut touched = Touched::default();
        touched.note(&at(&views[0]), &at(&views[1]), 5);
        let patch = touched.patch(&at(&views[1]), 3);
        assert_eq!(patch.merge, json!({}));
        assert_eq!(patch.splices.len(), 1);
        assert_eq!(patch.splices[0].text, "破");
        assert_eq!(patch.splices[0].apply(&views[0]), Some(views[1].clone()));
        // Who missed two changes gets the text as it is.
        touched.note(&at(&views[1]), &at(&views[2]), 9);
        let touched = Touched::read(&touched.to_json());
        assert_eq!(touched.patch(&at(&views[2]), 3).merge, at(&views[2]));
        assert_eq!(touched.patch(&at(&views[2]), 5).splices.len(), 1);
    }
}
