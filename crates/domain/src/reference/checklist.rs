//! Checklist templates, for example the 3456 working method.

use serde::{Deserialize, Serialize};

/// One template. Its items are texts that a district edits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistTemplate {
    /// Unique, for example `patrol-three-arrivals`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The kind of record it is for, or `grid`.
    #[serde(rename = "for")]
    pub used_for: String,
    /// Whether the district has confirmed the texts.
    pub confirmed: bool,
    /// The items, in order.
    pub items: Vec<String>,
}

/// All templates of a district. Their file form is `data/checklists.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checklists {
    /// Grows with every edit by the district.
    pub version: u32,
    /// The templates.
    pub templates: Vec<ChecklistTemplate>,
}

impl Checklists {
    /// The first template for that kind of record.
    pub fn for_kind(&self, kind: &str) -> Option<&ChecklistTemplate> {
        self.templates
            .iter()
            .find(|template| template.used_for == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_templates_have_3_4_5_and_6_items() {
        let text = include_str!("../../../../data/checklists.json");
        let checklists: Checklists = serde_json::from_str(text).unwrap();
        let sizes: Vec<usize> = checklists.templates.iter().map(|t| t.items.len()).collect();
        assert_eq!(sizes, [3, 4, 5, 6]);
        assert_eq!(
            checklists.for_kind("patrol").unwrap().id,
            "patrol-three-arrivals"
        );
    }
}
