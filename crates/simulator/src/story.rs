//! The story of a run, in plain words.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// What happened, line by line.
#[derive(Debug, Default)]
pub struct Story {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    at_ms: i64,
    turn: Option<u32>,
    text: String,
}

impl Story {
    /// Tells what happened `at_ms` after the beginning, in which turn.
    pub(crate) fn tell(&mut self, at_ms: i64, turn: Option<u32>, text: impl Into<String>) {
        self.lines.push(Line {
            at_ms,
            turn,
            text: text.into(),
        });
    }

    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing was told.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A digest of all of it: two runs of one seed have the same.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_string().as_bytes()).into()
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            let seconds = line.at_ms / 1_000;
            let (days, rest) = (seconds / 86_400, seconds % 86_400);
            let (hours, minutes) = (rest / 3_600, rest % 3_600 / 60);
            let millis = line.at_ms % 60_000;
            write!(f, "day {days} {hours:02}:{minutes:02}:{millis:05}  ")?;
            match line.turn {
                Some(turn) => writeln!(f, "[{turn:>3}] {}", line.text)?,
                None => writeln!(f, "      {}", line.text)?,
            }
        }
        Ok(())
    }
}
