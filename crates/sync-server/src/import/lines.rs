//! The lines of a CSV file, each for itself.
//!
//! A reader of CSV takes an open quote as far as it goes, over as many rows as it takes to close it. Here a
//! damaged line must not take the good ones after it along, so lines are told apart first.

use super::mapping::{Columns, Mapping, RowError};
use crate::ingest::Delivery;

/// Most lines that one row goes over.
const LINES_OF_A_ROW: usize = 100;

/// A row, or a line that is none.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// Its number in the file; the header is line 1.
    pub number: usize,
    /// What it says.
    pub row: Result<Delivery, RowError>,
}

/// Why nothing of a file can be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no header.
    #[error("文件没有表头 the file has no header that can be read")]
    NoHeader,
    /// The mapping names what is not there.
    #[error("没有映射所指的列 the file or this system lacks what the mapping names: {}", .0.join(", "))]
    Missing(Vec<String>),
}

/// Reads every line of a file.
///
/// # Errors
/// [`FileError`] if the header and the mapping do not fit; what is wrong with a line is in that line.
pub fn read(file: &[u8], mapping: &Mapping) -> Result<Vec<Line>, FileError> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let file = file.strip_suffix(b"\n").unwrap_or(file);
    let lines = file.split(|byte| *byte == b'\n');
    let lines: Vec<&[u8]> = lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    let (header, rows) = lines.split_first().ok_or(FileError::NoHeader)?;
    let header = fields(header).map_err(|_| FileError::NoHeader)?;
    let names: Vec<&str> = header.iter().map(str::trim).collect();
    let columns = Columns::find(mapping, &names).map_err(FileError::Missing)?;
    let table = Table {
        columns,
        width: names.len(),
    };
    Ok(table.read(rows, mapping.line_breaks))
}

struct Table<'a> {
    columns: Columns<'a>,
    width: usize,
}

impl Table<'_> {
    fn read(&self, lines: &[&[u8]], line_breaks: bool) -> Vec<Line> {
        let mut read = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            let alone = self.row(lines[at]);
            let over_several = match &alone {
                Err(RowError::OpenQuote) if line_breaks => self.over_several(&lines[at..]),
                _ => None,
            };
            let number = at + 2;
            match over_several {
                Some((row, taken)) => {
                    read.push(Line {
                        number,
                        row: Ok(row),
                    });
                    at += taken;
                }
                None => {
                    read.push(Line { number, row: alone });
                    at += 1;
                }
            }
        }
        read
    }

    fn row(&self, line: &[u8]) -> Result<Delivery, RowError> {
        let record = fields(line)?;
        if record.len() != self.width {
            return Err(RowError::Columns {
                expected: self.width,
                found: record.len(),
            });
        }
        self.columns.delivery(&record.iter().collect::<Vec<_>>())
    }

    /// The row that the first of these lines begins and others end, and how many they are. It is none if
    /// one of the others is a row by itself: then a quote is broken.
    fn over_several(&self, lines: &[&[u8]]) -> Option<(Delivery, usize)> {
        let mut whole = lines.first()?.to_vec();
        for (more, line) in lines.iter().enumerate().skip(1).take(LINES_OF_A_ROW) {
            if self.row(line).is_ok() {
                return None;
            }
            whole.push(b'\n');
            whole.extend_from_slice(line);
            match self.row(&whole) {
                Ok(row) => return Some((row, more + 1)),
                Err(RowError::OpenQuote) => {}
                Err(_) => return None,
            }
        }
        None
    }
}

/// The fields of one row.
fn fields(row: &[u8]) -> Result<csv::StringRecord, RowError> {
    if row.is_empty() {
        return Err(RowError::Empty);
    }
    // A quote within a quoted field is written twice, so there is an even number of them.
    if row.iter().filter(|byte| **byte == b'"').count() % 2 != 0 {
        return Err(RowError::OpenQuote);
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(row);
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record),
        Ok(false) => Err(RowError::Empty),
        Err(_) => Err(RowError::NotText),
    }
}
