//! Broken pictures, and what became of them.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use gridlog_picture_guard::{Keep, Limits, NoPreview, Outcome, gallery, preview, strip};

/// How many came out in which way, and what the most expensive one cost.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    /// Those with a preview.
    pub(crate) shown: u64,
    /// Those without.
    pub(crate) refused: u64,
    /// Those that were understood when metadata was taken out.
    pub(crate) cleaned: u64,
    /// Numbers of those whose decoder panicked.
    panicked: Vec<u64>,
    /// The longest time that one preview took, and the number of that picture.
    longest: (Duration, u64),
}

impl Outcomes {
    /// What becomes of that many mutations, of each of the `honest` pictures in turn.
    pub(crate) fn of(honest: &[Vec<u8>], mutations: u64, limits: &Limits) -> Self {
        let mut outcomes = Self::default();
        for (number, picture) in (0..mutations).zip(honest.iter().cycle()) {
            outcomes.add(number, &gallery::mutate(picture, number), limits);
        }
        outcomes
    }

    /// Counts one more.
    pub(crate) fn add(&mut self, number: u64, picture: &[u8], limits: &Limits) {
        let begun = time_spent();
        let made = preview(picture, limits);
        self.longest = self.longest.max((time_spent() - begun, number));
        match made {
            Ok(small) => {
                self.shown += 1;
                assert!(small.len() <= limits.max_preview_bytes);
                assert!(
                    preview(&small, limits).is_ok(),
                    "picture {number}: no picture came out"
                );
            }
            // It is caught, so that one picture is no outage; but no decoder is known to do it.
            Err(NoPreview::DecoderPanicked) => self.panicked.push(number),
            Err(_) => self.refused += 1,
        }
        let stripped = strip(picture, Keep::Nothing);
        // An orientation that stays is written anew.
        assert!(
            stripped.bytes.len() <= picture.len() + 64,
            "picture {number} grew"
        );
        if stripped.what != Outcome::NotUnderstood {
            self.cleaned += 1;
            let again = strip(&stripped.bytes, Keep::Nothing);
            assert_eq!(
                again.what,
                Outcome::Clean,
                "picture {number} was not clean at once"
            );
        }
    }

    /// No decoder panicked, and no preview took longer than that.
    pub(crate) fn assert_bounded(&self, longest: Duration) {
        assert!(self.panicked.is_empty(), "decoders panicked: {self:?}");
        assert!(self.longest.0 < longest, "one took too long: {self:?}");
    }
}

/// Time that this thread had on a processor, where the system says it: a machine that is busy with something else
/// makes no picture take longer. Elsewhere the time that passed.
fn time_spent() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let on_processor = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = on_processor.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanoseconds.map_or_else(|| BEGUN.elapsed(), Duration::from_nanos)
}

/// The most memory that this program ever held, where the system says it.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
