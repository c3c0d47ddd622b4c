//! Matters of the kinds that published articles name, as `data/matters.json` has them.
//!
//! They give the demo and the tests words that workers really write: every text is Chinese, of
//! realistic length, and in a category of the default catalogue.

use serde::{Deserialize, Serialize};

const FILE: &str = include_str!("../../../data/matters.json");

/// The way that a matter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// 上报: reported by a worker.
    Report,
    /// 派遣: sent out to be handled.
    Dispatch,
    /// 调解: settled between neighbours.
    Mediate,
    /// 升级: needs more than the community has.
    Escalate,
    /// 自行处置: dealt with on the spot.
    SelfHandle,
    /// 协商: talked over by those concerned.
    Consult,
    /// 联动: several departments at once.
    Joint,
    /// 分流: referred by another service.
    Referral,
    /// 包案: one leader takes it over.
    CaseLead,
    /// 快报: told at once, written later.
    QuickReport,
    /// 急办: within hours.
    Urgent,
    /// 热线: came in by telephone.
    Hotline,
    /// 信访: came in as a petition.
    Petition,
    /// 申诉: somebody objects.
    Appeal,
    /// 微项目: a small project.
    MicroProject,
    /// 微心愿: a wish.
    Wish,
    /// 四步: the four-step method.
    FourStep,
    /// 点单: ordered as a service.
    Order,
    /// 代办: an errand.
    Errand,
}

/// One matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matter {
    /// Minor class of the catalogue.
    pub code: String,
    /// One line.
    pub title: String,
    /// What is the matter.
    pub description: String,
    /// The way it takes.
    #[serde(rename = "path")]
    pub way: Way,
    /// The published article that names its kind.
    pub article: String,
}

#[derive(Deserialize)]
struct File {
    matters: Vec<Matter>,
}

/// Reads the matters.
///
/// # Errors
/// Where the file does not have the form that it had when this was built; a test rules it out.
pub fn load() -> Result<Vec<Matter>, serde_json::Error> {
    serde_json::from_str::<File>(FILE).map(|file| file.matters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::street;

    #[test]
    fn there_are_42_matters_and_each_is_in_a_category() {
        let matters = load().unwrap();
        assert_eq!(matters.len(), 42);
        let catalogue = street::catalogue().unwrap();
        for matter in &matters {
            assert!(catalogue.minor(&matter.code).is_some(), "{}", matter.code);
        }
    }
}
