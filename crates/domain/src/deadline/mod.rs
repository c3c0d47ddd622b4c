//! By when something has to be done: limits, the calendar that they are counted by, pauses and
//! extensions (DESIGN section 10).
//!
//! How the units are counted:
//!
//! - `urgent_hour`: around the clock.
//! - `work_hour`: only while the district works. A limit that begins at night begins to run in the
//!   morning.
//! - `work_day`, `natural_day`: the day on which a limit begins does not count, and the last day ends
//!   when business ends (Civil Code of the PRC, articles 201 and 203). A `natural_day` runs through
//!   weekends and holidays, and its last day is not moved to a working day.
//! - What is granted on top of a limit (延期) begins when the limit ends. While a case is suspended
//!   (挂账) nothing runs.
//!
//! A calendar ends with the last year whose holidays the State Council has announced. Beyond it,
//! Monday to Friday are taken as working days and a deadline is [provisional](Deadline::provisional);
//! the server computes it again when the district's calendar goes on.
//!
//! - [`Timetable`]: which hours of which day are open.
//! - [`Remainder`]: what is left of a limit, and when it ends.
//! - [`Course`]: a limit with its pauses and extensions, and its [`Light`].

mod course;
mod limit;
mod timetable;

pub use course::{Course, Light, Pause, Shares, SharesError};
pub use limit::{Deadline, Remainder};
pub use timetable::{Timetable, TimetableError};

#[cfg(test)]
mod tests;
