//! An open phone, of whichever system is under test, and how it syncs as an app would.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::generator::Generator;
use crate::orders::{Edit, Exchange, Film, News, Standing};

/// How often a phone goes on at once after the server asked for patience.
const MOST_TRIES: u32 = 20;

/// Only phones of Gridlog take photos.
const NO_CAMERA: BenchError = BenchError::Broken {
    what: "was told to take photos with a phone that takes none",
};

/// What became of one attempt to sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// How long the server asks to wait before the next one.
    pub(crate) wait: Option<Duration>,
    /// What travelled.
    pub(crate) exchange: Exchange,
}

/// An open phone.
pub(crate) trait OpenHandset: Send + Sync {
    /// Its number in the run.
    fn device(&self) -> u32;

    /// Records, and says how long it took. What is recorded is made up beforehand.
    fn record(&self, generator: &Generator, first: u32, count: u32) -> Result<News, BenchError>;

    /// Makes an edit from what the phone shows now.
    fn edit(&self, edit: &Edit) -> Result<(), BenchError>;

    /// Syncs once. `durable` is called when everything on the phone is durable on the server, with
    /// the moment at which the answer arrived that said so; it may be called again after that.
    fn attempt(&self, durable: &dyn Fn(Instant)) -> Result<Attempt, BenchError>;

    /// Where it stands.
    fn standing(&self) -> Result<Standing, BenchError>;

    /// Whether it shows an edit, as the value or as a conflict. It does not where it does not have
    /// the record.
    fn shows(&self, edit: &Edit) -> Result<bool, BenchError>;

    /// How many records it lists.
    fn count(&self) -> Result<u64, BenchError>;

    /// Reports a case and takes photos of about that many bytes of it; how large each is as it will be sent.
    fn photograph(&self, _film: Film) -> Result<Vec<u64>, BenchError> {
        Err(NO_CAMERA)
    }

    /// Sends its photos until the server has them; how many it has, and how many are only on the phone.
    fn send_photos(&self) -> Result<(u64, u64), BenchError> {
        Err(NO_CAMERA)
    }
}

/// Syncs, waiting where the server asks for it. `tell` hears when everything is durable on the
/// server, then where the phone stands.
pub(crate) fn sync(phone: &dyn OpenHandset, tell: &dyn Fn(News)) -> Result<(), BenchError> {
    let told = Cell::new(false);
    let durable = |answered: Instant| {
        if !told.replace(true) {
            tell(News::Durable {
                device: phone.device(),
                ago_s: answered.elapsed().as_secs_f64(),
            });
        }
    };
    let mut exchange = Exchange::default();
    for _ in 0..MOST_TRIES {
        let attempt = phone.attempt(&durable)?;
        exchange += attempt.exchange;
        match attempt.wait {
            Some(wait) => std::thread::sleep(wait),
            None => break,
        }
    }
    tell(News::Synced {
        device: phone.device(),
        standing: phone.standing()?,
        exchange,
    });
    Ok(())
}

/// The tokens of the edits that a phone shows.
pub(crate) fn look(phone: &dyn OpenHandset, edits: &[Edit]) -> Result<News, BenchError> {
    let mut tokens = Vec::new();
    for edit in edits {
        if phone.shows(edit)? {
            tokens.push(edit.token.clone());
        }
    }
    Ok(News::Shown {
        device: phone.device(),
        tokens,
    })
}
