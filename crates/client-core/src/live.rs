//! Reading what a server says on a line that stays open: server-sent events (the `text/event-stream`
//! format of the HTML standard), bytes in, wakes out.
//!
//! What a server sends is not trusted: lines are capped, and whatever is not understood is passed
//! over. The worst that a wake can do is a sync too many, and one that brought nothing is followed by a
//! pause.

use serde::Deserialize;

/// Where the line is opened; see [`crate::Transport::listen`].
pub const LIVE_PATH: &str = "/v1/live";

/// Longest line, and most data of one event, in bytes. A wake takes less than 100.
const LONGEST: usize = 1_024;

/// There is something to pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Wake {
    /// The log's epoch.
    pub epoch: u64,
    /// Number of its last entry.
    pub seq: u64,
    /// Whether people, areas or reference data changed as well.
    #[serde(default)]
    pub directory: bool,
}

/// What the server says on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveEvent {
    /// There is something to pull.
    Wake(Wake),
    /// How long to wait, in milliseconds, before a new line is opened once this one has ended.
    ComeBackAfter(u64),
}

/// Reads the stream, however it is cut into pieces.
#[derive(Debug, Default)]
pub struct EventStream {
    line: Vec<u8>,
    /// Whether the line is too long already and is passed over.
    is_too_long: bool,
    /// Whether the last byte was a carriage return, which a line feed may follow.
    after_return: bool,
    event: String,
    data: String,
    is_first_line_over: bool,
}

impl EventStream {
    /// A stream from its beginning.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes. Returns what was said by their end, in order.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<LiveEvent> {
        let mut events = Vec::new();
        for &byte in bytes {
            let ends_crlf = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            match byte {
                b'\n' if ends_crlf => {}
                b'\n' | b'\r' => events.extend(self.line_ends()),
                _ if self.line.len() >= LONGEST => self.is_too_long = true,
                _ => self.line.push(byte),
            }
        }
        events
    }

    fn line_ends(&mut self) -> Option<LiveEvent> {
        let line = std::mem::take(&mut self.line);
        let is_too_long = std::mem::take(&mut self.is_too_long);
        let is_first = !std::mem::replace(&mut self.is_first_line_over, true);
        if is_too_long {
            return None;
        }
        let line = String::from_utf8(line).ok()?;
        let line = match is_first {
            true => line.strip_prefix('\u{feff}').unwrap_or(&line),
            false => &line,
        };
        if line.is_empty() {
            return self.event_ends();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" if self.data.len() + value.len() <= LONGEST => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "retry" => return value.parse().ok().map(LiveEvent::ComeBackAfter),
            // A comment, which begins with the colon, or what nobody asked for.
            _ => {}
        }
        None
    }

    fn event_ends(&mut self) -> Option<LiveEvent> {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        if event != "wake" {
            return None;
        }
        serde_json::from_str(&data).ok().map(LiveEvent::Wake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wake(epoch: u64, seq: u64) -> LiveEvent {
        LiveEvent::Wake(Wake {
            epoch,
            seq,
            directory: false,
        })
    }

    const SAID: &[u8] =
        b"\xef\xbb\xbf: hello\n\nevent: wake\ndata: {\"epoch\":1,\"seq\":7}\n\n:\n\n\
        event:wake\r\ndata:{\"epoch\":1,\r\ndata:\"seq\":9}\r\n\r\nretry: 2500\n\n";

    #[test]
    fn wakes_come_out_however_the_bytes_are_cut() {
        let expected = [wake(1, 7), wake(1, 9), LiveEvent::ComeBackAfter(2_500)];
        for size in 1..=SAID.len() {
            let mut stream = EventStream::new();
            let events: Vec<_> = SAID
                .chunks(size)
                .flat_map(|some| stream.read(some))
                .collect();
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        for noise in [
            "event: other\ndata: {\"epoch\":1,\"seq\":7}\n\n",
            "data: {\"epoch\":1,\"seq\":7}\n\n",
            "event: wake\ndata: {\"epoch\":-1}\n\n",
            "event: wake\n\n",
            "nonsense\nretry: soon\n\n",
            "event: \u{fffd}\n\n",
        ] {
            let mut stream = EventStream::new();
            assert!(stream.read(noise.as_bytes()).is_empty(), "{noise}");
            let after = stream.read(b"event: wake\ndata: {\"epoch\":2,\"seq\":3}\n\n");
            assert_eq!(after, [wake(2, 3)]);
        }
    }

    #[test]
    fn a_server_cannot_fill_the_phones_memory() {
        let mut stream = EventStream::new();
        for _ in 0..1_000 {
            assert!(stream.read(&[b'x'; 1_000]).is_empty());
        }
        assert!(stream.line.len() <= LONGEST);
        assert!(stream.read(b"\n").is_empty());
        for _ in 0..1_000 {
            assert!(stream.read(b"data: 0123456789\n").is_empty());
        }
        assert!(stream.data.len() <= 2 * LONGEST);
        assert!(stream.read(b"\n").is_empty());
        let after = stream.read(b"event: wake\ndata: {\"epoch\":2,\"seq\":3}\n\n");
        assert_eq!(after, [wake(2, 3)]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(pieces in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..200), 0..20)) {
            let mut stream = EventStream::new();
            for piece in pieces {
                stream.read(&piece);
            }
            proptest::prop_assert!(stream.line.len() <= LONGEST);
        }
    }
}
