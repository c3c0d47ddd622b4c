//! Takes in a file of what another system had taken in, row by row, through the one door of cases.
//!
//! A mapping says what each column means; `docs/import.md` describes it. Every row stands for itself: what is
//! wrong with one is an error that names its line, and the others become cases all the same. A row whose
//! number is known is the same case, so a file can be taken in again.

mod lines;
mod mapping;

use gridlog_domain::environment::{Clock, Entropy};
use gridlog_domain::id::PersonId;

pub use lines::{FileError, Line, read};
pub use mapping::{Mapping, RowError};

use crate::environment::{SystemClock, SystemEntropy};
use crate::ingest::{Delivery, FreshIds, News, OfficeError, Sequencer};

/// What became of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Rows that are new cases.
    pub begun: usize,
    /// Rows of cases that were there already, and said something new.
    pub added: usize,
    /// Rows of cases that were there already.
    pub known: usize,
    /// Lines that are no rows, with what is wrong with them; nothing of their contents.
    pub bad: Vec<(usize, String)>,
}

/// Takes every good row in, written by `by`.
///
/// # Errors
/// [`OfficeError::Store`] if the store failed; rows before it were taken in.
pub fn take_in(
    sequencer: &mut Sequencer,
    lines: Vec<Line>,
    by: &PersonId,
    (clock, entropy): (&dyn Clock, &mut dyn Entropy),
) -> Result<Imported, OfficeError> {
    let mut imported = Imported::default();
    for line in lines {
        let row = match line.row {
            Ok(row) => row,
            Err(error) => {
                imported.bad.push((line.number, error.to_string()));
                continue;
            }
        };
        let delivery = Delivery {
            by: by.clone(),
            ..row
        };
        let now_ms = clock.now_ms();
        let ids = FreshIds::new(&delivery, now_ms, &mut *entropy);
        match sequencer.take_in(now_ms, &delivery, &ids) {
            Ok(taken) => match taken.news {
                News::Begun => imported.begun += 1,
                News::Added => imported.added += 1,
                News::Known => imported.known += 1,
            },
            Err(OfficeError::Store(error)) => return Err(OfficeError::Store(error)),
            Err(error) => imported.bad.push((line.number, error.to_string())),
        }
    }
    Ok(imported)
}

/// The same with the system's clock and randomness.
///
/// # Errors
/// As [`take_in`].
pub fn take_in_now(
    sequencer: &mut Sequencer,
    lines: Vec<Line>,
    by: &PersonId,
) -> Result<Imported, OfficeError> {
    take_in(sequencer, lines, by, (&SystemClock, &mut SystemEntropy))
}

#[cfg(test)]
mod tests;
