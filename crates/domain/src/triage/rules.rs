//! Rules, and what they answer.

use serde::{Deserialize, Serialize};

use super::profile::Profile;
use crate::channel::Channel;
use crate::deadline::Light;
use crate::reference::AreaLevel;

/// 办理方式: who moves first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    /// 未诉先办: dealt with before anybody asks.
    Proactive,
    /// 接诉即办: dealt with as soon as somebody asks.
    Responsive,
    /// 统筹联办: several departments together.
    Joint,
}

/// 办理通道: what kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// 重大
    Major,
    /// 难
    Hard,
    /// 急
    Urgent,
    /// 愁
    Worry,
    /// 杂
    Sundry,
}

/// 风险等级 of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// 红
    Red,
    /// 黄
    Yellow,
    /// 蓝
    Blue,
}

impl Track {
    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Proactive => "proactive",
            Self::Responsive => "responsive",
            Self::Joint => "joint",
        }
    }

    /// Its name in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Proactive => "未诉先办",
            Self::Responsive => "接诉即办",
            Self::Joint => "统筹联办",
        }
    }
}

impl Lane {
    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Hard => "hard",
            Self::Urgent => "urgent",
            Self::Worry => "worry",
            Self::Sundry => "sundry",
        }
    }

    /// Its name in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Major => "重大",
            Self::Hard => "难",
            Self::Urgent => "急",
            Self::Worry => "愁",
            Self::Sundry => "杂",
        }
    }
}

impl Risk {
    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Yellow => "yellow",
            Self::Blue => "blue",
        }
    }

    /// Its name in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Red => "红",
            Self::Yellow => "黄",
            Self::Blue => "蓝",
        }
    }
}

/// What must be so for a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It came in by one of these ways.
    Channel(Vec<Channel>),
    /// Its minor class is one of these, or begins with one of them: `52` is every dispute.
    Category(Vec<String>),
    /// Its filing condition counts in hours around the clock.
    Urgent,
    /// At least so many departments have to do with it.
    Departments(usize),
    /// At least so many other cases belong together with it.
    Linked(usize),
    /// At least so many parties.
    Parties(usize),
    /// At least so many sessions were held.
    Sessions(u32),
    /// It was urged at least so often.
    Urges(u32),
    /// It was sent back for rework, or opened again, at least so often.
    Repeats(u32),
    /// It was escalated to this level or higher.
    Level(AreaLevel),
    /// A mediation ended without an agreement.
    Disagreed,
    /// A leader answers for it.
    Lead,
    /// It shows this light, or a graver one.
    Light(Light),
}

impl Condition {
    fn holds(&self, case: &Profile) -> bool {
        match self {
            Self::Channel(channels) => channels.contains(&case.channel),
            Self::Category(codes) => codes.iter().any(|code| case.category.starts_with(code)),
            Self::Urgent => case.is_urgent,
            Self::Departments(least) => case.departments >= *least,
            Self::Linked(least) => case.linked >= *least,
            Self::Parties(least) => case.parties >= *least,
            Self::Sessions(least) => case.sessions >= *least,
            Self::Urges(least) => case.urges >= *least,
            Self::Repeats(least) => case.repeats >= *least,
            Self::Level(level) => case.level <= *level,
            Self::Disagreed => case.disagreed,
            Self::Lead => case.has_lead,
            Self::Light(light) => case.light.is_some_and(|shown| shown >= *light),
        }
    }
}

/// One rule: where all conditions hold, this is the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule<T> {
    /// Why, in words that an office reads; unique in its list.
    pub name: String,
    /// What must be so; nothing holds always.
    #[serde(default)]
    pub when: Vec<Condition>,
    /// The answer.
    pub then: T,
}

/// An answer, and the name of the rule that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Answer<'a, T> {
    /// The answer.
    pub is: T,
    /// Why.
    pub rule: &'a str,
}

/// A district's rules. Their file form is `data/triage.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triage {
    /// Grows with every edit by the district.
    pub version: u32,
    /// The classes that are disputes: codes, or their beginnings. Only they have a risk.
    pub disputes: Vec<String>,
    /// For the track; the last rule holds always.
    pub tracks: Vec<Rule<Track>>,
    /// For the lane; the last rule holds always.
    pub lanes: Vec<Rule<Lane>>,
    /// For the risk; the last rule holds always.
    pub risks: Vec<Rule<Risk>>,
}

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriageError {
    /// A case could fall through.
    #[error(
        "the last of the {0} rules has conditions, so some case would get no answer; end with a rule without any"
    )]
    Open(&'static str),
    /// A rule can never be reached.
    #[error(
        "behind rule {rule:?} of the {list} no other is ever asked, since it has no conditions; put it last"
    )]
    Unreachable {
        /// The list.
        list: &'static str,
        /// The rule without conditions.
        rule: String,
    },
    /// Nobody could tell which rule gave the answer.
    #[error("two of the {list} rules are called {rule:?}; give each a name of its own")]
    Twice {
        /// The list.
        list: &'static str,
        /// The name.
        rule: String,
    },
}

impl Triage {
    /// The rules that are shipped, for a district that has none of its own.
    pub fn shipped() -> Self {
        serde_json::from_str(include_str!("../../../../data/triage.json"))
            .expect("a test reads the shipped rules")
    }

    /// Whether each list gives every case one answer that can be explained.
    ///
    /// # Errors
    /// [`TriageError`].
    pub fn check(&self) -> Result<(), TriageError> {
        check("tracks", &self.tracks)?;
        check("lanes", &self.lanes)?;
        check("risks", &self.risks)
    }

    /// The track of a case.
    pub fn track(&self, case: &Profile) -> Option<Answer<'_, Track>> {
        first(&self.tracks, case)
    }

    /// The lane of a case.
    pub fn lane(&self, case: &Profile) -> Option<Answer<'_, Lane>> {
        first(&self.lanes, case)
    }

    /// The risk of a dispute; `None` for other cases.
    pub fn risk(&self, case: &Profile) -> Option<Answer<'_, Risk>> {
        let is_dispute = self
            .disputes
            .iter()
            .any(|code| case.category.starts_with(code));
        is_dispute.then(|| first(&self.risks, case))?
    }
}

fn first<'a, T: Copy>(rules: &'a [Rule<T>], case: &Profile) -> Option<Answer<'a, T>> {
    let fits = |rule: &&Rule<T>| rule.when.iter().all(|condition| condition.holds(case));
    rules.iter().find(fits).map(|rule| Answer {
        is: rule.then,
        rule: &rule.name,
    })
}

fn check<T>(list: &'static str, rules: &[Rule<T>]) -> Result<(), TriageError> {
    let Some((last, others)) = rules.split_last() else {
        return Err(TriageError::Open(list));
    };
    if !last.when.is_empty() {
        return Err(TriageError::Open(list));
    }
    if let Some(always) = others.iter().find(|rule| rule.when.is_empty()) {
        let rule = always.name.clone();
        return Err(TriageError::Unreachable { list, rule });
    }
    for (index, rule) in rules.iter().enumerate() {
        if rules[..index].iter().any(|before| before.name == rule.name) {
            let rule = rule.name.clone();
            return Err(TriageError::Twice { list, rule });
        }
    }
    Ok(())
}
