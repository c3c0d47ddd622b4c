//! The engine's log, handed to the app.
//!
//! Lines never carry what a record says. They reach the app on a thread of their own, so that a
//! sink may take its time and may call the phone; a sink that falls behind loses lines, the engine
//! does not wait for it.

use std::fmt::{self, Write as _};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::error::GridlogError;
use crate::gate::OfApp;
use crate::guard::guarded;
use crate::host::HostError;

/// Lines that may wait for the sink.
const WAITING: usize = 256;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// A mistake in Gridlog, or something that needs somebody.
    Error,
    /// Something unusual that was dealt with.
    Warn,
    /// What happened.
    Info,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The module that wrote it.
    pub target: String,
    /// What it says, English, with its values.
    pub text: String,
}

/// Where the app keeps its log.
#[uniffi::export(with_foreign)]
pub trait LogSink: Send + Sync {
    /// Keeps a line.
    ///
    /// # Errors
    /// Whatever it throws is ignored; there is nowhere left to report it to.
    fn log(&self, line: LogLine) -> Result<(), HostError>;
}

static QUEUE: Mutex<Option<SyncSender<LogLine>>> = Mutex::new(None);

/// Hands the log of every phone in this process to `sink`, from here on; `None` ends it.
///
/// # Errors
/// [`GridlogError::TryLater`] with `no_thread`.
#[uniffi::export]
pub fn set_log_sink(sink: Option<Arc<dyn LogSink>>) -> Result<(), GridlogError> {
    guarded(|| {
        listen_once();
        let queue = sink.map(start).transpose()?;
        *QUEUE.lock().unwrap_or_else(PoisonError::into_inner) = queue;
        Ok(())
    })
}

/// Feeds one sink until its queue is replaced.
fn start(sink: Arc<dyn LogSink>) -> Result<SyncSender<LogLine>, GridlogError> {
    let (queue, lines) = sync_channel::<LogLine>(WAITING);
    let sink = OfApp::new(sink);
    thread::Builder::new()
        .name("gridlog-log".to_owned())
        .spawn(move || {
            for line in lines {
                let _ = guarded(|| Ok(sink.call(|sink| sink.log(line))));
            }
        })
        .map_err(|_| GridlogError::no_thread())?;
    Ok(queue)
}

fn listen_once() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Queued);
        // In a Rust program that has a subscriber of its own, that one stays.
        let _ = tracing::subscriber::set_global_default(subscriber);
    });
}

struct Queued;

impl<S: Subscriber> Layer<S> for Queued {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let level = match *metadata.level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            _ => return,
        };
        // Other crates of this library have logs too; they are not the app's business.
        if !metadata.target().starts_with("gridlog") {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let line = LogLine {
            level,
            target: metadata.target().to_owned(),
            text: text.whole(),
        };
        let queue = QUEUE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queue.as_ref() {
            // Full, or its sink is gone: the engine goes on.
            let _ = queue.try_send(line);
        }
    }
}

#[derive(Default)]
struct Text {
    message: String,
    values: String,
}

impl Text {
    fn whole(self) -> String {
        self.message + &self.values
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.values, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    struct Kept(Mutex<mpsc::Sender<LogLine>>);

    impl LogSink for Kept {
        fn log(&self, line: LogLine) -> Result<(), HostError> {
            self.0.lock().unwrap().send(line).unwrap();
            Err(HostError::Threw)
        }
    }

    #[test]
    fn a_sink_gets_lines_even_if_it_throws() {
        let (tell, told) = mpsc::channel();
        set_log_sink(Some(Arc::new(Kept(Mutex::new(tell))))).unwrap();
        for round in 0..2 {
            tracing::warn!(target: "gridlog_ffi::test", round, "a line");
        }
        let mut lines = std::iter::from_fn(|| told.recv_timeout(Duration::from_secs(10)).ok());
        // Tests that run beside this one log too.
        let line = lines.find(|line| line.text == "a line round=1").unwrap();
        assert_eq!(line.level, LogLevel::Warn);
        set_log_sink(None).unwrap();
    }
}
