//! What phones log inside the test's own process.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// Stands in every text that tests put into records.
pub const SECRET: &str = "密语";

static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static START: Once = Once::new();

struct Memory;

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        logged().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

fn logged() -> MutexGuard<'static, Vec<u8>> {
    LOGGED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps every log line of this process, at the most talkative level.
pub(crate) fn start() {
    START.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(Memory)
            .with_ansi(false)
            .init();
    });
}

/// How many lines of `log` hold a record's text.
pub(crate) fn lines_with_contents(log: &[u8]) -> usize {
    let log = String::from_utf8_lossy(log);
    // A debug format escapes Chinese characters.
    let escaped = SECRET.escape_unicode().to_string();
    log.lines()
        .filter(|line| line.contains(SECRET) || line.contains(&escaped))
        .count()
}

/// The same for what this process logged.
pub(crate) fn own_lines_with_contents() -> usize {
    lines_with_contents(&logged())
}
