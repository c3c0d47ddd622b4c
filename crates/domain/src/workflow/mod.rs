//! The workflow of a case: which step leads where, who may take it, and why not.
//!
//! A step is a proposal in the record; the server rules on it once, in log order, by
//! [`Rulebook::rule`]: a pure function. Everything that a step is stands in one row of [`STEPS`];
//! adding a step is adding a row. `docs/workflow.md` is made from that table, and a test keeps the
//! two equal.

mod effect;
mod guard;
mod history;
mod path;
mod reason;
mod rule;
mod stage;
mod state;
mod step;
mod steps;
mod table;
mod timer;
mod urgency;

pub use history::History;
pub use path::{PATHS, Path, Walked, paths_markdown};
pub use reason::RefusalReason;
pub use rule::{Actor, Outcome, Rulebook, Ruling};
pub use stage::Stage;
pub use state::{
    Appeal, Asked, Call, Callback, CaseState, LastStep, Mediation, Review, Supervision,
};
pub use step::{Effect, Guard, HeldRole, Need, Step, StepRule, To, Who};
pub use steps::STEPS;
pub use table::markdown;
pub use timer::{Timer, TimerKind, next_timer};
pub use urgency::Urgency;

#[cfg(test)]
mod stories;
