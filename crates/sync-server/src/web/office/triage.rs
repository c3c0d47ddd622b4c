//! 分类: which way a case should go and how grave it is, each with the rule that says so.

use gridlog_domain::record::RecordView;
use gridlog_domain::triage::{Answer, Lane, Profile, Risk, Track};
use gridlog_domain::workflow::CaseState;
use gridlog_domain::{channel::Channel, deadline::Light};
use serde::Serialize;
use utoipa::ToSchema;

use crate::directory::Directory;
use crate::store::RecordRow;
use crate::web::error::ApiError;

/// One answer of the district's rules.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Because {
    /// Its code.
    code: &'static str,
    /// Its name in Chinese.
    zh: &'static str,
    /// The rule that fired, in the district's words.
    rule: String,
}

/// What the district's rules say of a case.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Triaged {
    /// 办理方式: `proactive`, `responsive` or `joint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    track: Option<Because>,
    /// 办理通道: `major`, `hard`, `urgent`, `worry` or `sundry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<Because>,
    /// 风险等级: `red`, `yellow` or `blue`; only of a dispute.
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<Because>,
}

fn because<T>(answer: Answer<'_, T>, (code, zh): (&'static str, &'static str)) -> Because {
    Because {
        code,
        zh,
        rule: answer.rule.to_owned(),
    }
}

impl Triaged {
    /// Asks the rules about a case as it stands at `now_ms`; `None` for what is no case.
    pub(super) fn of_case(
        directory: &Directory,
        row: &RecordRow,
        view: &RecordView,
        now_ms: i64,
    ) -> Result<Option<Self>, ApiError> {
        let Some(state) = &row.state else {
            return Ok(None);
        };
        let state: CaseState = serde_json::from_str(state).map_err(|_| ApiError::Internal)?;
        let channel = Channel::from_code(view.text("channel")).unwrap_or_default();
        let urgency = directory.timing.urgency(&state, now_ms);
        let light: Option<Light> = urgency.and_then(|urgency| urgency.light);
        let reported_as = (channel, view.text("category"));
        let profile = Profile::of(&state, reported_as, &directory.catalogue, light);
        let rules = &directory.triage;
        let track = |answer: Answer<'_, Track>| because(answer, (answer.is.code(), answer.is.zh()));
        let lane = |answer: Answer<'_, Lane>| because(answer, (answer.is.code(), answer.is.zh()));
        let risk = |answer: Answer<'_, Risk>| because(answer, (answer.is.code(), answer.is.zh()));
        Ok(Some(Self {
            track: rules.track(&profile).map(track),
            lane: rules.lane(&profile).map(lane),
            risk: rules.risk(&profile).map(risk),
        }))
    }
}
