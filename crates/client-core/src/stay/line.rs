//! The line to the server, on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gridlog_protocol::Position;

use super::LineEnd;
use crate::error::PhoneError;
use crate::live::{EventStream, LIVE_PATH, LiveEvent, Wake};
use crate::phone::lock;
use crate::transport::{Answer, Transport, TransportError};
use crate::watch::Signal;

/// What comes over the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineNews {
    /// The server said anything at all: the line is open.
    Heard,
    Wake(Wake),
    Ended(LineEnd),
}

/// What both threads share.
#[derive(Default)]
struct Shared {
    news: Mutex<Vec<LineNews>>,
    is_over: AtomicBool,
}

/// A line that is open or being opened. Dropping it hangs up: the thread ends with the next word of
/// the server, or when the transport gives up.
pub(super) struct Listening(Arc<Shared>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

impl Listening {
    /// Opens a line, as one who has pulled up to `position`. News nudge `signal`.
    pub(super) fn begin(
        transport: Arc<dyn Transport + Send + Sync>,
        position: Position,
        bearer: String,
        signal: Arc<Signal>,
    ) -> Result<Self, PhoneError> {
        let shared = Arc::new(Shared::default());
        let line = Line {
            shared: Arc::clone(&shared),
            signal,
        };
        let Position { epoch, seq, .. } = position;
        let path = format!("{LIVE_PATH}?epoch={epoch}&seq={seq}");
        std::thread::Builder::new()
            .name("gridlog-live".to_owned())
            .spawn(move || line.run(transport.as_ref(), &path, &bearer))
            .map_err(PhoneError::NoThread)?;
        Ok(Self(shared))
    }

    /// What has come since this was asked last.
    pub(super) fn news(&self) -> Vec<LineNews> {
        std::mem::take(&mut *lock(&self.0.news))
    }
}

/// The thread's side.
struct Line {
    shared: Arc<Shared>,
    signal: Arc<Signal>,
}

impl Line {
    fn run(&self, transport: &dyn Transport, path: &str, bearer: &str) {
        let mut stream = EventStream::new();
        let mut comes_back_ms = None;
        let mut on_bytes = |bytes: &[u8]| {
            let mut news = vec![LineNews::Heard];
            for event in stream.read(bytes) {
                match event {
                    LiveEvent::Wake(wake) => news.push(LineNews::Wake(wake)),
                    LiveEvent::ComeBackAfter(wait_ms) => comes_back_ms = Some(wait_ms),
                }
            }
            self.put(news);
            !self.shared.is_over.load(Ordering::SeqCst)
        };
        let listen = AssertUnwindSafe(|| transport.listen(path, Some(bearer), &mut on_bytes));
        // A transport of an app that panics is one whose line broke.
        let ended = catch_unwind(listen).unwrap_or(Err(TransportError::TimedOut));
        self.put(vec![LineNews::Ended(end(ended, comes_back_ms))]);
    }

    /// A line that says much does not fill the phone's memory: of several wakes the last one counts.
    fn put(&self, news: Vec<LineNews>) {
        let mut kept = lock(&self.shared.news);
        for news in news {
            match (kept.last_mut(), news) {
                (Some(last), LineNews::Heard) if *last == LineNews::Heard => {}
                (Some(LineNews::Wake(_)), LineNews::Heard) => {}
                (Some(LineNews::Wake(last)), LineNews::Wake(wake)) => {
                    let directory = last.directory || wake.directory;
                    *last = Wake { directory, ..wake };
                }
                _ => kept.push(news),
            }
        }
        drop(kept);
        self.signal.nudge();
    }
}

fn end(ended: Result<Answer, TransportError>, comes_back_ms: Option<u64>) -> LineEnd {
    match ended {
        Ok(answer) if answer.status == 200 => LineEnd::Closed { comes_back_ms },
        Ok(answer) => LineEnd::Refused {
            retry_after_ms: answer.retry_after_ms,
        },
        Err(TransportError::CannotListen) => LineEnd::Impossible,
        Err(_) => LineEnd::Broken,
    }
}
