//! `gridlog propose` and `withdraw`.

use gridlog_client_core::Phone;
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::workflow::Step;
use serde_json::json;

use super::categories;
use super::show::detail;
use crate::answer::Answer;
use crate::arguments::Withdraw;
use crate::error::CliError;
use crate::ids;
use crate::step_arguments::Propose;

/// Proposes a step.
pub(super) fn propose(phone: &Phone, arguments: Propose) -> Result<Answer, CliError> {
    let record = ids::record(phone, &arguments.record)?;
    if let Some(code) = &arguments.said.category {
        categories::check(phone, code, arguments.said.condition.as_deref())?;
    }
    let details = arguments.said.details(phone, arguments.step)?;
    let proposal = phone.propose(record, arguments.step, details)?;
    Ok(proposed(record, proposal, arguments.step))
}

/// Takes back a step.
pub(super) fn withdraw(phone: &Phone, arguments: &Withdraw) -> Result<Answer, CliError> {
    let record = ids::record(phone, &arguments.record)?;
    let case = detail(phone, record)?;
    let target = match &arguments.proposal {
        Some(text) => ids::pick(text, case.view.proposals.keys().copied())?,
        None => case
            .state
            .as_ref()
            .and_then(|state| state.last.as_ref())
            .filter(|last| case.view.proposals.contains_key(&last.proposal))
            .map(|last| last.proposal)
            .ok_or(CliError::NothingToWithdraw)?,
    };
    let proposal = phone.withdraw(record, target)?;
    Ok(proposed(record, proposal, Step::Withdraw))
}

fn proposed(record: RecordId, proposal: EntryId, step: Step) -> Answer {
    Answer::new(
        json!({ "record": record, "proposal": proposal, "step": step }),
        format!(
            "已提出 proposed：{}（待裁定 awaits a ruling）  {}\n",
            step.zh(),
            ids::short(&record)
        ),
    )
}
