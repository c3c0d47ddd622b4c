//! One phone of many that all come back at the same moment: it does not give up.
//!
//! It does what an app does. A server that asks it to come back later is obeyed to the
//! millisecond. Once everything is durable on the server nothing can be lost any more, so the phone
//! looks less and less often whether all is in the log: a crowd that asked every second would
//! take more of the server than the deciding does.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::handset::{Attempt, OpenHandset};
use crate::orders::Rushed;

/// After this a phone counts as failed.
const LONGEST: Duration = Duration::from_secs(600);

/// How long a phone waits before it first looks again what became of what it sent, and after a
/// failure.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Each time it waits twice as long, but never longer than this.
const LOOK_AGAIN_AT_MOST: Duration = Duration::from_secs(8);

/// Syncs until all that the phone wrote is in the log. `pause` is how it waits.
pub(crate) fn rush(
    phone: &dyn OpenHandset,
    pause: &dyn Fn(Duration),
) -> Result<Rushed, BenchError> {
    let begun = Instant::now();
    let received = Cell::new(None);
    let durable = |answered: Instant| {
        let first = received.get().unwrap_or(answered);
        received.set(Some(first));
    };
    let mut rushed = Rushed::default();
    let mut patience = LOOK_AGAIN;
    loop {
        let attempt = phone.attempt(&durable);
        let standing = phone.standing()?;
        rushed.refused = standing.refused;
        let asked = note(attempt, &mut rushed);
        if standing.undecided == 0 {
            rushed.in_log_s = Some(begun.elapsed().as_secs_f64());
            break;
        }
        if begun.elapsed() > LONGEST {
            let late = format!("not all is in the log after {} s", LONGEST.as_secs());
            rushed.errors.push(late);
            break;
        }
        pause(asked.unwrap_or_else(|| {
            let next = (patience * 2).min(LOOK_AGAIN_AT_MOST);
            std::mem::replace(&mut patience, next)
        }));
    }
    let since = |moment: Instant| moment.saturating_duration_since(begun).as_secs_f64();
    rushed.received_s = received.get().map(since);
    Ok(rushed)
}

/// Takes an attempt down; how long to wait before the next, where that is not up to the phone.
fn note(attempt: Result<Attempt, BenchError>, rushed: &mut Rushed) -> Option<Duration> {
    match attempt {
        Ok(attempt) => {
            rushed.exchange += attempt.exchange;
            // A phone that was asked before, and still waits, asks nothing of the server.
            let was_asked = attempt.wait.is_some() && attempt.exchange.requests > 0;
            rushed.asked_to_wait += u64::from(was_asked);
            attempt.wait
        }
        Err(error) => {
            rushed.errors.push(error.to_string());
            Some(LOOK_AGAIN)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::generator::Generator;
    use crate::orders::{Edit, Exchange, News, Standing};

    /// A phone whose attempts go as they are written down; the last one settles everything.
    struct Scripted(Mutex<Vec<Result<Option<Duration>, BenchError>>>);

    impl OpenHandset for Scripted {
        fn device(&self) -> u32 {
            0
        }

        fn record(&self, _: &Generator, _: u32, _: u32) -> Result<News, BenchError> {
            Ok(News::Done)
        }

        fn edit(&self, _: &Edit) -> Result<(), BenchError> {
            Ok(())
        }

        fn attempt(&self, durable: &dyn Fn(Instant)) -> Result<Attempt, BenchError> {
            let wait = self.0.lock().unwrap().remove(0)?;
            if wait.is_none() {
                durable(Instant::now());
            }
            Ok(Attempt {
                wait,
                exchange: Exchange {
                    requests: 1,
                    ..Exchange::default()
                },
            })
        }

        fn standing(&self) -> Result<Standing, BenchError> {
            Ok(Standing {
                seq: 0,
                undecided: self.0.lock().unwrap().len() as u64,
                refused: 0,
            })
        }

        fn shows(&self, _: &Edit) -> Result<bool, BenchError> {
            Ok(false)
        }

        fn count(&self) -> Result<u64, BenchError> {
            Ok(0)
        }
    }

    /// How it went, and how long it waited in between.
    fn rushed(script: Vec<Result<Option<Duration>, BenchError>>) -> (Rushed, Vec<Duration>) {
        let pauses = Mutex::new(Vec::new());
        let pause = |wait| pauses.lock().unwrap().push(wait);
        let rushed = rush(&Scripted(Mutex::new(script)), &pause).unwrap();
        (rushed, pauses.into_inner().unwrap())
    }

    #[test]
    fn a_phone_that_is_asked_to_wait_waits_as_long_and_comes_back() {
        let wait = Duration::from_millis(1_234);
        let (rushed, pauses) = rushed(vec![Ok(Some(wait)), Ok(None)]);
        assert_eq!(pauses, [wait]);
        assert_eq!((rushed.asked_to_wait, rushed.exchange.requests), (1, 2));
        assert!(rushed.errors.is_empty());
        assert!(rushed.received_s.unwrap() <= rushed.in_log_s.unwrap());
    }

    #[test]
    fn a_failure_is_counted_and_the_phone_tries_again() {
        let lost = BenchError::Broken { what: "lost it" };
        let (rushed, _) = rushed(vec![Err(lost), Ok(None)]);
        assert_eq!(rushed.errors.len(), 1);
        assert!(rushed.in_log_s.is_some());
    }

    #[test]
    fn what_is_received_is_looked_after_less_and_less_often_until_it_is_in_the_log() {
        let (rushed, pauses) = rushed((0..6).map(|_| Ok(None)).collect());
        assert_eq!(pauses, [1, 2, 4, 8, 8].map(Duration::from_secs));
        assert_eq!((rushed.asked_to_wait, rushed.exchange.requests), (0, 6));
        assert!(rushed.in_log_s.is_some());
    }
}
