//! Which way a case should go, and how grave it is: rules that a district edits.
//!
//! Three questions are answered by lists of rules: the **track** (未诉先办, 接诉即办, 统筹联办), the **lane**
//! (重大, 难, 急, 愁, 杂), and for disputes the **risk** (红, 黄, 蓝). Of each list the first rule whose
//! conditions all hold gives the answer, and its name is shown with it: nobody is told "red" without being
//! told why. The rules read facts of the case alone, and nothing about who its people are.

mod profile;
mod rules;

pub use profile::Profile;
pub use rules::{Answer, Condition, Lane, Risk, Rule, Track, Triage, TriageError};

#[cfg(test)]
mod tests;
