//! Areas: district, street, community, grid.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::AreaCode;

/// The level of an area, widest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AreaLevel {
    /// 区 district: one log.
    District,
    /// 街道 street.
    Street,
    /// 社区 community.
    Community,
    /// 网格 grid.
    Grid,
}

impl AreaLevel {
    /// Every level, widest first.
    pub const ALL: [Self; 4] = [Self::District, Self::Street, Self::Community, Self::Grid];

    /// The level's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::District => "district",
            Self::Street => "street",
            Self::Community => "community",
            Self::Grid => "grid",
        }
    }

    /// The level of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.code() == code)
    }
}

/// One area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Unique in the district.
    pub code: AreaCode,
    /// The name that people use.
    pub name: String,
    /// How wide it is.
    pub level: AreaLevel,
    /// The next wider area; `None` for the district.
    pub parent: Option<AreaCode>,
    /// First moment of validity, milliseconds since the Unix epoch, inclusive.
    pub valid_from_ms: i64,
    /// End of validity, exclusive; `None` while it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to_ms: Option<i64>,
}

impl Area {
    /// Whether the area is valid at `at_ms`.
    pub fn is_valid_at(&self, at_ms: i64) -> bool {
        self.valid_from_ms <= at_ms && self.valid_to_ms.is_none_or(|end| at_ms < end)
    }
}

/// Why a set of areas is not a tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AreaError {
    /// Two areas have one code.
    #[error("area {0} is listed twice; keep one")]
    Twice(AreaCode),
    /// A parent is not in the set.
    #[error("area {area} names the parent {parent}, which is not listed; add it or correct it")]
    UnknownParent {
        /// The area.
        area: AreaCode,
        /// The missing parent.
        parent: AreaCode,
    },
    /// A parent is not wider than its child, which also rules out circles.
    #[error("area {area} lies under {parent}, which is not a wider area")]
    NotWider {
        /// The area.
        area: AreaCode,
        /// Its parent.
        parent: AreaCode,
    },
}

/// All areas of a district.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Area>", into = "Vec<Area>")]
pub struct AreaTree {
    areas: BTreeMap<AreaCode, Area>,
}

impl TryFrom<Vec<Area>> for AreaTree {
    type Error = AreaError;

    fn try_from(list: Vec<Area>) -> Result<Self, AreaError> {
        let mut areas = BTreeMap::new();
        for area in list {
            let code = area.code.clone();
            if areas.insert(code.clone(), area).is_some() {
                return Err(AreaError::Twice(code));
            }
        }
        for area in areas.values() {
            let Some(parent) = &area.parent else { continue };
            let wider = areas.get(parent).ok_or_else(|| AreaError::UnknownParent {
                area: area.code.clone(),
                parent: parent.clone(),
            })?;
            if wider.level >= area.level {
                return Err(AreaError::NotWider {
                    area: area.code.clone(),
                    parent: parent.clone(),
                });
            }
        }
        Ok(Self { areas })
    }
}

impl From<AreaTree> for Vec<Area> {
    fn from(tree: AreaTree) -> Self {
        tree.areas.into_values().collect()
    }
}

impl AreaTree {
    /// The area of that code.
    pub fn get(&self, code: &AreaCode) -> Option<&Area> {
        self.areas.get(code)
    }

    /// Every area, by code.
    pub fn iter(&self) -> impl Iterator<Item = &Area> {
        self.areas.values()
    }

    /// The area itself, then each wider area up to the district. Empty for an unknown code.
    pub fn upwards<'a>(&'a self, code: &AreaCode) -> impl Iterator<Item = &'a Area> + use<'a> {
        std::iter::successors(self.areas.get(code), |area| {
            area.parent
                .as_ref()
                .and_then(|parent| self.areas.get(parent))
        })
    }

    /// Whether `inner` is `outer` or lies in it.
    pub fn covers(&self, outer: &AreaCode, inner: &AreaCode) -> bool {
        self.upwards(inner).any(|area| &area.code == outer)
    }

    /// Whether there are no areas.
    pub fn is_empty(&self) -> bool {
        self.areas.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(code: &str, level: AreaLevel, parent: Option<&str>) -> Area {
        Area {
            code: code.into(),
            name: code.to_owned(),
            level,
            parent: parent.map(AreaCode::from),
            valid_from_ms: 0,
            valid_to_ms: Some(1_000),
        }
    }

    fn street() -> Vec<Area> {
        vec![
            area("1", AreaLevel::District, None),
            area("11", AreaLevel::Street, Some("1")),
            area("111", AreaLevel::Grid, Some("11")),
            area("12", AreaLevel::Street, Some("1")),
        ]
    }

    #[test]
    fn an_area_covers_itself_and_what_lies_in_it_only() {
        let tree = AreaTree::try_from(street()).unwrap();
        assert!(tree.covers(&"1".into(), &"111".into()));
        assert!(tree.covers(&"111".into(), &"111".into()));
        assert!(!tree.covers(&"111".into(), &"11".into()));
        assert!(!tree.covers(&"12".into(), &"111".into()));
        assert!(!tree.covers(&"1".into(), &"unknown".into()));
    }

    #[test]
    fn a_set_of_areas_that_is_no_tree_is_refused() {
        let mut twice = street();
        twice.push(area("12", AreaLevel::Street, Some("1")));
        assert_eq!(
            AreaTree::try_from(twice),
            Err(AreaError::Twice("12".into()))
        );
        let orphan = vec![area("9", AreaLevel::Grid, Some("8"))];
        assert!(matches!(
            AreaTree::try_from(orphan),
            Err(AreaError::UnknownParent { .. })
        ));
        let circle = vec![
            area("a", AreaLevel::Grid, Some("b")),
            area("b", AreaLevel::Grid, Some("a")),
        ];
        assert!(matches!(
            AreaTree::try_from(circle),
            Err(AreaError::NotWider { .. })
        ));
    }

    #[test]
    fn validity_ends_before_its_end() {
        let area = area("1", AreaLevel::District, None);
        assert!(area.is_valid_at(999));
        assert!(!area.is_valid_at(1_000));
    }
}
