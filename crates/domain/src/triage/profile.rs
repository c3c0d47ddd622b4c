//! What the rules read of a case.

use crate::channel::Channel;
use crate::deadline::Light;
use crate::reference::{AreaLevel, Catalogue, LimitUnit};
use crate::workflow::CaseState;

/// What the rules read of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// By which way it came in.
    pub channel: Channel,
    /// Its minor class: the one it is filed under, or the one that it was reported with.
    pub category: String,
    /// Whether its filing condition counts in hours around the clock.
    pub is_urgent: bool,
    /// How many departments have to do with it.
    pub departments: usize,
    /// How many other cases belong together with it.
    pub linked: usize,
    /// How many parties its mediation has.
    pub parties: usize,
    /// How many sessions were held.
    pub sessions: u32,
    /// How often it was urged.
    pub urges: u32,
    /// How often it was sent back for rework, or opened again.
    pub repeats: u32,
    /// The level that it was escalated to; the grid if it was not.
    pub level: AreaLevel,
    /// Whether a mediation ended without an agreement.
    pub disagreed: bool,
    /// Whether a leader answers for it.
    pub has_lead: bool,
    /// Its light; `None` while no limit runs.
    pub light: Option<Light>,
}

impl Profile {
    /// The profile of a case that stands so, was reported under `category`, and shows `light`.
    pub fn of(
        state: &CaseState,
        (channel, category): (Channel, &str),
        catalogue: &Catalogue,
        light: Option<Light>,
    ) -> Self {
        let category = state.category.as_deref().unwrap_or(category);
        let name = state.condition.as_deref().unwrap_or_default();
        let condition = catalogue.condition(category, name);
        let mediation = state.mediation.as_ref();
        Self {
            channel,
            category: category.to_owned(),
            is_urgent: condition.is_some_and(|c| c.handling_limit.unit == LimitUnit::UrgentHour),
            departments: state.departments().count(),
            linked: state.linked.len(),
            parties: mediation.map_or(0, |mediation| mediation.parties.len()),
            sessions: mediation.map_or(0, |mediation| mediation.sessions),
            urges: state.urges,
            repeats: state.reworks + state.reopened,
            level: state.level.unwrap_or(AreaLevel::Grid),
            disagreed: mediation.and_then(|mediation| mediation.agreed) == Some(false),
            has_lead: state.lead.is_some(),
            light,
        }
    }
}
