//! The workflow of a case: which step leads where, who may take it, and why not.
//!
//! A step is a proposal in the record; the server rules on it once, in log order, by
//! [`Rulebook::rule`]: a pure function. Everything that a step is stands in one row of [`STEPS`];
//! adding a step is adding a row. `docs/workflow.md` is made from that table, and a test keeps the
//! two equal.

mod rule;
mod stage;
mod step;
mod table;

pub use rule::{Actor, CaseState, LastStep, Outcome, RefusalReason, Rulebook, Ruling};
pub use stage::Stage;
pub use step::{Effect, HeldRole, Need, STEPS, Step, StepRule, Who};
pub use table::markdown;
