//! Syncing until all phones agree, or until each is settled.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::crew::Crew;
use crate::error::BenchError;
use crate::orders::{Exchange, News, Order, Standing};

/// After so many rounds phones that still differ never agree.
const MOST_ROUNDS: u32 = 100;

/// How long phones wait that only wait for the server to decide.
const PATIENCE: Duration = Duration::from_millis(20);

/// How long phones that settle leave the server alone.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// After so many looks what is undecided never will be.
const MOST_LOOKS: u32 = 1_800;

/// How a meeting went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meeting {
    /// When all that was pushed was durable on the server.
    pub(crate) durable: Instant,
    /// When the last phone had reached the end of the log.
    pub(crate) converged: Instant,
    /// Whether they agreed at all.
    pub(crate) agreed: bool,
    /// Own changes that were refused.
    pub(crate) refused: u64,
    /// What travelled.
    pub(crate) exchange: Exchange,
}

/// All phones sync at once; then those that are behind sync again, until every phone is at the end
/// of one log and nothing that they wrote is undecided.
pub(crate) fn meet(crew: &mut Crew, devices: &[u32]) -> Result<Meeting, BenchError> {
    let begun = Instant::now();
    let mut standings: BTreeMap<u32, Standing> = BTreeMap::new();
    let mut durable: BTreeMap<u32, Instant> = BTreeMap::new();
    let mut converged = begun;
    let mut exchange = Exchange::default();
    let mut behind: Vec<u32> = devices.to_vec();
    for round in 0..MOST_ROUNDS {
        let heard = crew.all(&Order::Sync { devices: behind })?;
        for heard in heard {
            match heard.news {
                News::Durable { device, ago_s } => {
                    let at = heard
                        .at
                        .checked_sub(Duration::from_secs_f64(ago_s))
                        .unwrap_or(heard.at);
                    durable.entry(device).or_insert(at);
                }
                News::Synced {
                    device,
                    standing,
                    exchange: travelled,
                } => {
                    converged = converged.max(heard.at);
                    exchange += travelled;
                    standings.insert(device, standing);
                }
                _ => {}
            }
        }
        behind = those_behind(&standings);
        if behind.is_empty() {
            break;
        }
        if round > 0 {
            std::thread::sleep(PATIENCE);
        }
    }
    Ok(Meeting {
        durable: durable.into_values().max().unwrap_or(begun),
        converged,
        agreed: behind.is_empty(),
        refused: standings.values().map(|standing| standing.refused).sum(),
        exchange,
    })
}

/// Phones sync, each for itself, until nothing that they wrote is undecided. What the others wrote
/// they may not all have then. It is how a district is filled before anything is measured: to ask
/// all the time would only keep the server from deciding.
pub(crate) fn settle(crew: &mut Crew, devices: &[u32]) -> Result<(), BenchError> {
    let mut undecided: Vec<u32> = devices.to_vec();
    for _ in 0..MOST_LOOKS {
        let heard = crew.all(&Order::Sync { devices: undecided })?;
        undecided = heard
            .into_iter()
            .filter_map(|heard| match heard.news {
                News::Synced {
                    device, standing, ..
                } => (standing.undecided > 0).then_some(device),
                _ => None,
            })
            .collect();
        if undecided.is_empty() {
            return Ok(());
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Err(BenchError::Broken {
        what: "had phones whose changes were never decided",
    })
}

/// While a phone has something undecided, nobody can know where the log will end; then the phone
/// that synced last knows.
fn those_behind(standings: &BTreeMap<u32, Standing>) -> Vec<u32> {
    let end = standings.values().map(|standing| standing.seq).max();
    let mut behind = Vec::new();
    for (device, standing) in standings {
        if Some(standing.seq) != end || standing.undecided > 0 {
            behind.push(*device);
        }
    }
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_behind_that_is_not_at_the_end_or_waits_for_a_decision() {
        let standing = |seq, undecided| Standing {
            seq,
            undecided,
            refused: 0,
        };
        let standings = BTreeMap::from([
            (1, standing(9, 0)),
            (2, standing(8, 0)),
            (3, standing(9, 2)),
        ]);
        assert_eq!(those_behind(&standings), [2, 3]);
    }
}
