//! What a command answers: the same thing twice, for a program and for a person.

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

/// The answer of one command.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Printed with `--json`.
    pub(crate) json: Value,
    /// Printed without it.
    pub(crate) text: String,
}

impl Answer {
    /// An answer from both forms.
    pub(crate) fn new(json: Value, text: impl Into<String>) -> Self {
        Self {
            json,
            text: text.into(),
        }
    }
}

/// Lines of columns, aligned as a terminal shows them: a Chinese character is two columns wide.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table that begins with a line of headings.
    pub(crate) fn with_headings(headings: &[&str]) -> Self {
        let mut table = Self::default();
        table.row(headings.iter().map(|heading| (*heading).to_owned()));
        table
    }

    /// Adds a line.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines, each ended.
    pub(crate) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.width()).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| pad(cell, *width))
                .collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// Fills a text with spaces up to that many columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_for_characters_of_double_width() {
        let mut table = Table::with_headings(&["编号", "标题"]);
        table.row(["a1".to_owned(), "井盖".to_owned()]);
        table.row(["abcdef".to_owned(), "x".to_owned()]);
        assert_eq!(table.text(), "编号    标题\na1      井盖\nabcdef  x\n");
    }
}
