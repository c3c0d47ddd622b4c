//! The cells of run-length encoded columns: as runs to count them, one by one to decode them.

use crate::reader::Reader;
use crate::refusal::Refusal;

/// A value of a run-length encoded column.
pub(crate) trait Cell<'a>: Sized + Clone {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Refusal>;

    /// Size in bytes that a run would repeat.
    fn weight(&self) -> usize {
        0
    }
}

impl Cell<'_> for u64 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        reader.unsigned()
    }
}

impl Cell<'_> for i64 {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        reader.signed()
    }
}

impl<'a> Cell<'a> for &'a str {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Refusal> {
        reader.text()
    }

    fn weight(&self) -> usize {
        self.len()
    }
}

/// Part of a run: a value, or null, and how often it is repeated.
pub(crate) type Stretch<T> = (Option<T>, u64);

/// Walks the runs of a column; a literal run yields one stretch for each value.
pub(crate) struct Runs<'a, T> {
    reader: Reader<'a>,
    literals: u64,
    failed: bool,
    of: std::marker::PhantomData<T>,
}

impl<'a, T: Cell<'a>> Runs<'a, T> {
    pub(crate) fn new(column: &'a [u8], what: &'static str) -> Self {
        Self {
            reader: Reader::new(column, what),
            literals: 0,
            failed: false,
            of: std::marker::PhantomData,
        }
    }

    fn stretch(&mut self) -> Result<Stretch<T>, Refusal> {
        if self.literals == 0 {
            let length = self.reader.signed()?;
            if length > 0 {
                return Ok((Some(T::read(&mut self.reader)?), length.unsigned_abs()));
            }
            if length == 0 {
                let nulls = self.reader.unsigned()?;
                return if nulls == 0 {
                    Err(self.reader.malformed())
                } else {
                    Ok((None, nulls))
                };
            }
            self.literals = length.unsigned_abs();
        }
        self.literals -= 1;
        Ok((Some(T::read(&mut self.reader)?), 1))
    }
}

impl<'a, T: Cell<'a>> Iterator for Runs<'a, T> {
    type Item = Result<Stretch<T>, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || (self.reader.is_empty() && self.literals == 0) {
            return None;
        }
        let stretch = self.stretch();
        self.failed = stretch.is_err();
        Some(stretch)
    }
}

/// Yields the cells of a column one by one, and nulls behind its end: a missing column is all null.
pub(crate) struct Cells<'a, T> {
    runs: Runs<'a, T>,
    cell: Option<T>,
    left: u64,
}

impl<'a, T: Cell<'a>> Cells<'a, T> {
    pub(crate) fn new(column: &'a [u8], what: &'static str) -> Self {
        Self {
            runs: Runs::new(column, what),
            cell: None,
            left: 0,
        }
    }

    pub(crate) fn next_cell(&mut self) -> Result<Option<T>, Refusal> {
        if self.left == 0 {
            let Some(stretch) = self.runs.next() else {
                return Ok(None);
            };
            (self.cell, self.left) = stretch?;
        }
        self.left -= 1;
        Ok(self.cell.clone())
    }
}

/// The cells of a column of differences, summed up to absolute values.
pub(crate) struct Sums<'a> {
    cells: Cells<'a, i64>,
    sum: i64,
}

impl<'a> Sums<'a> {
    pub(crate) fn new(column: &'a [u8], what: &'static str) -> Self {
        Self {
            cells: Cells::new(column, what),
            sum: 0,
        }
    }

    pub(crate) fn next_cell(&mut self) -> Result<Option<i64>, Refusal> {
        let Some(difference) = self.cells.next_cell()? else {
            return Ok(None);
        };
        self.sum = self.sum.checked_add(difference).ok_or(Refusal::Malformed {
            what: "counter column",
        })?;
        Ok(Some(self.sum))
    }
}

/// The cells of a column of alternating runs that begin with false; false behind its end.
pub(crate) struct Booleans<'a> {
    reader: Reader<'a>,
    value: bool,
    left: u64,
}

impl<'a> Booleans<'a> {
    pub(crate) fn new(column: &'a [u8], what: &'static str) -> Self {
        Self {
            reader: Reader::new(column, what),
            value: true,
            left: 0,
        }
    }

    pub(crate) fn next_cell(&mut self) -> Result<bool, Refusal> {
        while self.left == 0 {
            if self.reader.is_empty() {
                return Ok(false);
            }
            self.left = self.reader.unsigned()?;
            self.value = !self.value;
        }
        self.left -= 1;
        Ok(self.value)
    }
}
