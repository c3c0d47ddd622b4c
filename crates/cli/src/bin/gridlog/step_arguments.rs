//! What `gridlog propose` takes: a step, and what must be said with it.

use clap::Args;
use gridlog_client_core::Phone;
use gridlog_domain::id::{Department, PersonId};
use gridlog_domain::record::{Meeting, StepDetails};
use gridlog_domain::reference::{AreaLevel, Limit, LimitUnit};
use gridlog_domain::workflow::{Need, STEPS, Step};

use crate::error::CliError;
use crate::ids;

#[derive(Debug, Args)]
pub(crate) struct Propose {
    /// The step, for example report, self_handle, feedback, void.
    #[arg(value_parser = step)]
    pub(crate) step: Step,
    /// The case.
    pub(crate) record: String,
    #[command(flatten)]
    pub(crate) said: Said,
}

/// What may be said with a step; which of these a step needs is in `docs/workflow.md`.
#[derive(Debug, Args)]
pub(crate) struct Said {
    /// 理由 Why.
    #[arg(long)]
    reason: Option<String>,
    /// 处置结果 What was done, or found.
    #[arg(long)]
    result: Option<String>,
    /// 小类代码 Minor class.
    #[arg(long)]
    pub(crate) category: Option<String>,
    /// 立案条件 Filing condition.
    #[arg(long)]
    pub(crate) condition: Option<String>,
    /// 部门 Department; several where several are called or take part.
    #[arg(long)]
    department: Vec<String>,
    /// 时限 How much time: 2work_day, 24urgent_hour, 8work_hour, 3natural_day.
    #[arg(long, value_parser = limit)]
    limit: Option<Limit>,
    /// 是或否 The answer to a question of yes or no.
    #[arg(long, value_name = "true|false")]
    answer: Option<bool>,
    /// 评分 1 to 5.
    #[arg(long)]
    rating: Option<u8>,
    /// 督办级别 1 to 3.
    #[arg(long)]
    supervision: Option<u8>,
    /// 层级 community, street or district.
    #[arg(long, value_parser = level)]
    level: Option<AreaLevel>,
    /// 人员 Staff number of who is put in charge.
    #[arg(long)]
    person: Option<String>,
    /// 另一件案卷 Another case.
    #[arg(long)]
    case: Option<String>,
    /// 当事人 A party of a mediation, as a contact's record; twice or more.
    #[arg(long)]
    party: Vec<String>,
    /// 协商 A meeting, as a JSON file with agenda, people, resolution and actions.
    #[arg(long, value_name = "FILE", value_parser = meeting)]
    meeting: Option<Meeting>,
}

impl Said {
    /// The details of the step, with the records that short names mean.
    pub(crate) fn details(self, phone: &Phone, step: Step) -> Result<StepDetails, CliError> {
        let meant = |text: &String| ids::record(phone, text);
        let mut departments: Vec<_> = self.department.into_iter().map(Department::new).collect();
        let names_one = !step.rule().needs.contains(&Need::Departments);
        let department = if names_one { departments.pop() } else { None };
        Ok(StepDetails {
            reason: self.reason,
            result: self.result,
            category: self.category,
            condition: self.condition,
            department,
            departments,
            limit: self.limit,
            answer: self.answer,
            rating: self.rating,
            supervision: self.supervision,
            level: self.level,
            person: self.person.map(PersonId::new),
            case: self.case.as_ref().map(meant).transpose()?,
            parties: self.party.iter().map(meant).collect::<Result<_, _>>()?,
            meeting: self.meeting,
            target: None,
        })
    }
}

fn step(code: &str) -> Result<Step, String> {
    Step::from_code(code).ok_or_else(|| {
        let codes: Vec<String> = STEPS
            .iter()
            .map(|row| format!("{} {}", row.step.code(), row.step.zh()))
            .collect();
        format!("no such step; there are: {}", codes.join(", "))
    })
}

fn limit(text: &str) -> Result<Limit, String> {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (amount, unit) = text.split_at(digits);
    let amount = amount
        .parse()
        .map_err(|_| "begin with a number".to_owned())?;
    let unit = LimitUnit::from_code(unit.trim()).ok_or_else(|| {
        let codes = LimitUnit::ALL.map(LimitUnit::code);
        format!("a number and one of {}", codes.join(", "))
    })?;
    Ok(Limit { unit, amount })
}

fn level(code: &str) -> Result<AreaLevel, String> {
    AreaLevel::from_code(code).ok_or_else(|| "community, street or district".to_owned())
}

fn meeting(path: &str) -> Result<Meeting, String> {
    let json = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_does_not_exist_is_answered_with_those_that_do() {
        let words = step("dispatched").unwrap_err();
        assert!(words.contains("dispatch 派遣"), "{words}");
    }

    #[test]
    fn a_limit_is_a_number_and_what_is_counted() {
        let two_days = Limit {
            unit: LimitUnit::WorkDay,
            amount: 2,
        };
        assert_eq!(limit("2work_day"), Ok(two_days));
        assert_eq!(limit("2 work_day"), Ok(two_days));
        assert!(limit("work_day").is_err());
        assert!(limit("2 days").unwrap_err().contains("natural_day"));
    }
}
