//! Reading a history by the table alone.
//!
//! Rulings are made with guards, needs and roles in mind. Whoever checks a log needs none of that: each
//! accepted step has a row, its stage is one from which the row may be taken, and it leads where the row
//! says.

use super::stage::Stage;
use super::step::{Step, To};

/// Where a case stands after the accepted steps that were read so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct History {
    stage: Stage,
    /// Where it stood before the last step that moved it.
    before: Stage,
    /// The last step that moved it.
    last: Option<Step>,
}

impl History {
    /// A case of which nothing was ruled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it stands.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Reads one accepted step; where it leads, or `None` if it may not be taken there. Nothing moves a
    /// case between a suspension or a mediation and its end, so it goes back to where it stood before the
    /// last move.
    pub fn accept(&mut self, step: Step) -> Option<Stage> {
        let row = step.rule();
        let may_be_taken = row.from.contains(&self.stage);
        let to = match row.to {
            To::Undone => self.last?.rule().undone_to?,
            _ if !may_be_taken => return None,
            To::Stage(stage) => stage,
            To::Stays => self.stage,
            To::Back => self.before,
        };
        if row.to != To::Stays {
            self.last = Some(step);
            self.before = self.stage;
        }
        self.stage = to;
        Some(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_read_by_the_table_and_stops_where_the_table_has_no_row() {
        let mut history = History::new();
        for step in [
            Step::Report,
            Step::Register,
            Step::Dispatch,
            Step::BeginMediation,
            Step::Mediate,
            Step::FailMediation,
        ] {
            assert!(history.accept(step).is_some(), "{step:?}");
        }
        assert_eq!(history.stage(), Stage::Dispatched);
        assert_eq!(history.accept(Step::Close), None);
        assert_eq!(history.stage(), Stage::Dispatched);
    }

    #[test]
    fn what_was_taken_back_stands_where_its_row_says() {
        let mut history = History::new();
        assert_eq!(history.accept(Step::Withdraw), None);
        history.accept(Step::Report);
        assert_eq!(history.accept(Step::Withdraw), Some(Stage::Withdrawn));
        assert_eq!(history.accept(Step::Withdraw), None, "only once");
    }
}
