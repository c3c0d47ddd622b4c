//! The network between phones and server: what is under way, and what becomes of it.

use gridlog_client_core::Answer;

use crate::chance::Chance;
use crate::weather::Weather;

/// Something that is to happen.
#[derive(Debug)]
pub(crate) struct Event {
    /// When, true time in milliseconds.
    pub(crate) at_ms: i64,
    /// Tells apart what happens at one moment.
    pub(crate) number: u64,
    /// What.
    pub(crate) what: Happening,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ms, self.number).cmp(&(other.at_ms, other.number))
    }
}

/// What is to happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A request comes to the server.
    Request(Box<Request>),
    /// An answer comes to a phone.
    Answer(Box<Returned>),
    /// A phone waits no longer.
    TimedOut {
        handset: usize,
        sitting: u64,
        message: u64,
    },
    /// The server comes up.
    ServerUp,
    /// The sequencer gets to what was received.
    ServerDecides,
    /// A phone comes up.
    PhoneUp(usize),
    /// There is room on a disk again: the server's, or that of a phone.
    Room(Option<usize>),
}

/// A request under way.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) handset: usize,
    pub(crate) sitting: u64,
    pub(crate) message: u64,
    pub(crate) bearer: String,
    pub(crate) body: Vec<u8>,
    /// Whether it is as it was sent.
    pub(crate) is_whole: bool,
    /// Whether what it pushes is decided on before the answer.
    pub(crate) decides: bool,
    /// What becomes of the answer; one for each copy that arrives.
    pub(crate) back: Vec<Way>,
}

/// An answer under way.
#[derive(Debug, Clone)]
pub(crate) struct Returned {
    pub(crate) handset: usize,
    pub(crate) sitting: u64,
    pub(crate) message: u64,
    pub(crate) answer: Answer,
    /// Whether both the request and the answer are as they were sent.
    pub(crate) is_whole: bool,
    /// How often the server had been put back when it answered.
    pub(crate) put_back: u64,
    /// Whether another page is to follow.
    pub(crate) has_more: bool,
}

/// What becomes of one copy of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) delay_ms: i64,
    pub(crate) harm: Harm,
}

/// What is done to a message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// Nothing.
    None,
    /// Only so many thousandths of it arrive.
    Cut(u64),
    /// A byte at so many thousandths of it is another one. Only of answers, whose readers check a
    /// signature: a garbled request is the business of TLS, and the hostile device sends such.
    Garbled(u64),
}

impl Harm {
    /// The message after the harm.
    pub(crate) fn applied(self, mut body: Vec<u8>) -> Vec<u8> {
        let place = |thousandths: u64| {
            usize::try_from(body.len() as u64 * thousandths / 1_000).unwrap_or(0)
        };
        match self {
            Self::None => {}
            Self::Cut(thousandths) => {
                let len = place(thousandths);
                body.truncate(len);
            }
            Self::Garbled(thousandths) => {
                let at = place(thousandths);
                if let Some(byte) = body.get_mut(at) {
                    *byte ^= 0x41;
                }
            }
        }
        body
    }
}

/// What becomes of a request and its answer.
#[derive(Debug)]
pub(crate) struct Fate {
    /// The copies of the request; none if it is lost.
    pub(crate) there: Vec<Way>,
    /// The copies of the answer; none if it is lost.
    pub(crate) back: Vec<Way>,
    /// Whether what it pushes is decided on before the answer.
    pub(crate) decides: bool,
    /// After which time its phone waits no longer.
    pub(crate) patience_ms: i64,
}

impl Fate {
    /// Draws it.
    pub(crate) fn draw(chance: &mut Chance, weather: &Weather) -> Self {
        let way = |chance: &mut Chance, is_answer: bool| {
            let slow = chance.percent(weather.slow);
            let delay = if slow {
                chance.wait_ms()
            } else {
                i64::try_from(chance.between(5, 80)).unwrap_or(5)
            };
            let harm = if chance.percent(weather.cut) {
                Harm::Cut(chance.below(1_000))
            } else if chance.percent(weather.garbled) && is_answer {
                Harm::Garbled(chance.below(1_000))
            } else {
                Harm::None
            };
            Way {
                delay_ms: delay,
                harm,
            }
        };
        let copies = |chance: &mut Chance, lost: u32, is_answer: bool| {
            let lost = chance.percent(lost);
            let doubled = chance.percent(weather.doubled);
            let ways = [way(chance, is_answer), way(chance, is_answer)];
            match (lost, doubled) {
                (true, _) => Vec::new(),
                (false, false) => vec![ways[0]],
                (false, true) => ways.to_vec(),
            }
        };
        Self {
            there: copies(chance, weather.lost_requests, false),
            back: copies(chance, weather.lost_answers, true),
            decides: !chance.percent(weather.undecided),
            patience_ms: 30_000,
        }
    }

    /// Nothing bad.
    pub(crate) fn fair() -> Self {
        let way = Way {
            delay_ms: 20,
            harm: Harm::None,
        };
        Self {
            there: vec![way],
            back: vec![way],
            decides: true,
            patience_ms: 30_000,
        }
    }
}
