//! What the conductor and its device processes say to each other: JSON lines over stdin and stdout.
//!
//! The conductor gives one order at a time to each process. A process answers with any number of
//! news and ends with [`News::Done`] or [`News::Failed`].

use std::ops::AddAssign;
use std::path::PathBuf;

use gridlog_domain::id::{AreaCode, PersonId, RecordId};
use serde::{Deserialize, Serialize};

/// Which of the two systems a phone belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum System {
    /// The real one.
    Gridlog,
    /// Plain JSON where the last write wins; see [`crate::baseline`].
    Json {
        /// Whether bodies travel under gzip.
        gzip: bool,
    },
}

/// How phones are opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Opening {
    /// Whose phones they are.
    pub(crate) system: System,
    /// The address that they sync with.
    pub(crate) server: String,
    /// The seed of what they will write.
    pub(crate) seed: u64,
}

/// One phone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Handset {
    /// Its number in the run.
    pub(crate) device: u32,
    /// Whose it is.
    pub(crate) person: PersonId,
    /// Where they walk.
    pub(crate) grid: AreaCode,
    /// Where its store lies.
    pub(crate) folder: PathBuf,
}

/// One edit that must never be lost: its token is in nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edit {
    /// Who makes it.
    pub(crate) device: u32,
    /// In which record.
    pub(crate) record: RecordId,
    /// In which field.
    pub(crate) field: Field,
    /// What it writes.
    pub(crate) token: String,
}

/// The two kinds of field that several people edit at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Field {
    /// A scalar: one value wins, the others must stay visible as conflicts.
    Title,
    /// A text: insertions of all must be in it.
    Description,
}

impl Field {
    /// Its name in a record.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Description => "description",
        }
    }
}

/// What a phone photographs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Film {
    /// How many photos.
    pub(crate) photos: u32,
    /// About how large each is, bytes.
    pub(crate) bytes: u32,
    /// The number of the first one: others look different.
    pub(crate) first: u32,
}

/// What a device process is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(crate) enum Order {
    /// Opens phones, and enrols those that are new.
    Open {
        /// How.
        opening: Opening,
        /// The phones.
        handsets: Vec<Handset>,
    },
    /// Phones record that many new records each.
    Record {
        /// Which phones.
        devices: Vec<u32>,
        /// The number of the first.
        first: u32,
        /// How many.
        count: u32,
    },
    /// Makes edits, each on its own device.
    Edit {
        /// The edits.
        edits: Vec<Edit>,
    },
    /// The phones sync, all at once.
    Sync {
        /// Which.
        devices: Vec<u32>,
    },
    /// Every phone syncs, all at once, until all it wrote is in the log, whatever the server says.
    Rush,
    /// Every phone reports a case and takes photos of it.
    Photograph(Film),
    /// Every phone sends its photos, all at once.
    SendPhotos,
    /// Every phone says which of these edits it shows.
    Look {
        /// The edits.
        edits: Vec<Edit>,
    },
    /// Phones count their records.
    Count {
        /// Which.
        devices: Vec<u32>,
    },
    /// The process says what it used.
    Usage,
}

/// Where a phone stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// The end of the log as this phone knows it.
    pub(crate) seq: u64,
    /// Own changes that are not in the log yet.
    pub(crate) undecided: u64,
    /// Own changes that were refused.
    pub(crate) refused: u64,
}

/// What a phone said to the server and heard from it, HTTP heads aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// Requests that were sent.
    pub(crate) requests: u64,
    /// Bytes of their bodies.
    pub(crate) body_up: u64,
    /// Bytes of the bodies of their answers.
    pub(crate) body_down: u64,
}

impl AddAssign for Exchange {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.body_up += other.body_up;
        self.body_down += other.body_down;
    }
}

/// How it went for one phone of many; see [`Order::Rush`]. Times are seconds since it began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rushed {
    /// When the answer came that made all its records durable on the server.
    pub(crate) received_s: Option<f64>,
    /// When it knew that all of them are in the log.
    pub(crate) in_log_s: Option<f64>,
    /// How often the server asked it to come back later.
    pub(crate) asked_to_wait: u64,
    /// Own changes that were refused.
    pub(crate) refused: u64,
    /// What else went wrong, in words.
    pub(crate) errors: Vec<String>,
    /// What travelled.
    pub(crate) exchange: Exchange,
}

/// What a device process tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub(crate) enum News {
    /// The order was carried out.
    Done,
    /// It was not.
    Failed {
        /// Why.
        what: String,
    },
    /// A phone recorded.
    Recorded {
        /// Which.
        device: u32,
        /// How long it took until all was durable on the phone.
        seconds: f64,
        /// What it recorded.
        records: Vec<RecordId>,
    },
    /// The server has said of everything on a phone that it is durable.
    Durable {
        /// Which phone.
        device: u32,
        /// How long before these news the answer arrived.
        ago_s: f64,
    },
    /// A phone's sync came to its end.
    Synced {
        /// Which phone.
        device: u32,
        /// Where it stands now.
        standing: Standing,
        /// What travelled.
        exchange: Exchange,
    },
    /// A phone's part in a rush is over.
    Rushed {
        /// Which phone.
        device: u32,
        /// How it went.
        rushed: Rushed,
    },
    /// A phone took its photos.
    Photographed {
        /// Which phone.
        device: u32,
        /// How large each is as it will be sent, bytes.
        bytes: Vec<u64>,
    },
    /// A phone sent its photos.
    SentPhotos {
        /// Which phone.
        device: u32,
        /// How many the server has by now.
        photos: u64,
        /// How many are still only on the phone.
        left: u64,
    },
    /// The edits that a phone shows.
    Shown {
        /// Which phone.
        device: u32,
        /// The tokens.
        tokens: Vec<String>,
    },
    /// How many records a phone lists.
    Counted {
        /// Which phone.
        device: u32,
        /// How many.
        records: u64,
    },
    /// What the process used.
    Used {
        /// CPU seconds so far; `None` where the system does not tell.
        cpu_s: Option<f64>,
    },
}
