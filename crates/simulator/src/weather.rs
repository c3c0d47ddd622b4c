//! The weather of a run: how bad each thing is, drawn once from the seed.
//!
//! Some runs have no faults of a kind at all and some have many, so that neither hides what the
//! other would show.

use gridlog_sync_server::exchange::PageSize;

use crate::chance::Chance;
use crate::turn::Turn;

/// How bad each thing is.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    /// Percent of requests that are lost.
    pub(crate) lost_requests: u32,
    /// Percent of answers that are lost.
    pub(crate) lost_answers: u32,
    /// Percent of messages that come twice.
    pub(crate) doubled: u32,
    /// Percent of messages that break off.
    pub(crate) cut: u32,
    /// Percent of answers that come garbled.
    pub(crate) garbled: u32,
    /// Percent of messages that take long.
    pub(crate) slow: u32,
    /// Percent of pushes that are decided on only later.
    pub(crate) undecided: u32,
    /// How much one page of the server holds. In some districts so little that most pulls take several, so
    /// that they break off between two.
    pub(crate) page: PageSize,
    /// How often each turn comes.
    pub(crate) turns: Vec<(Turn, u32)>,
    /// How many phones there are.
    pub(crate) phones: usize,
    /// Days, each with a quiet end.
    pub(crate) days: u32,
    /// Turns in a day.
    pub(crate) turns_a_day: u32,
}

impl Weather {
    /// The weather of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed, "weather", &[]);
        let mut level = |most: u64| {
            if chance.percent(40) {
                0
            } else {
                u32::try_from(chance.between(1, most)).unwrap_or(0)
            }
        };
        let (lost_requests, lost_answers) = (level(25), level(25));
        let (doubled, cut, garbled) = (level(20), level(15), level(10));
        let (slow, undecided) = (level(30), level(60));
        let turns = Turn::ALL
            .iter()
            .map(|turn| {
                let usual = turn.weight();
                let weight = if turn.is_fault() {
                    match chance.below(3) {
                        0 => 0,
                        1 => usual,
                        _ => usual * 3,
                    }
                } else {
                    usual * 2 + u32::try_from(chance.below(u64::from(usual) * 4)).unwrap_or(0)
                };
                (*turn, weight)
            })
            .collect();
        Self {
            lost_requests,
            lost_answers,
            doubled,
            cut,
            garbled,
            slow,
            undecided,
            page: page_of(seed),
            turns,
            phones: usize::try_from(chance.between(3, 6)).unwrap_or(3),
            days: u32::try_from(chance.between(2, 3)).unwrap_or(2),
            turns_a_day: u32::try_from(chance.between(30, 60)).unwrap_or(30),
        }
    }
}

/// Of every three districts, one has small pages.
fn page_of(seed: u64) -> PageSize {
    let mut chance = Chance::of(seed, "page", &[]);
    if chance.below(3) > 0 {
        return PageSize::default();
    }
    PageSize {
        entries: 8 + chance.index(16),
        bytes: 300 + chance.index(6_000),
    }
}
