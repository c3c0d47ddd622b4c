//! Whole runs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use gridlog_simulator::play;

/// A seed with crashes, losses and a hostile device.
const SEED: u64 = 4;

/// How many seeds continuous integration plays. They run here and not in `gridlog-sim`, since all that
/// they need is built for the tests anyhow: a release build for these few would take longer than they do.
const FEW: usize = 25;

// What is said by a panic is not seen: the simulator takes panics for those of the engines.
#[test]
fn the_first_seeds_keep_every_promise() -> Result<(), String> {
    let seeds: Vec<u64> = (1..).take(FEW).collect();
    let next = AtomicUsize::new(0);
    let play_on = || {
        let mut broken = Vec::new();
        loop {
            let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) else {
                return broken;
            };
            let outcome = play(*seed, &BTreeSet::new());
            broken.extend(outcome.broken.map(|promise| format!("{seed}: {promise}")));
        }
    };
    let broken: Vec<String> = std::thread::scope(|scope| {
        let players = [scope.spawn(play_on), scope.spawn(play_on)];
        let of_each = players.map(|player| player.join().unwrap());
        of_each.into_iter().flatten().collect()
    });
    match broken.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "cargo xtask sim --seeds 1 --start … tells the shortest story of each: {}",
            broken.join("; ")
        )),
    }
}

#[test]
fn a_seed_replays_exactly() {
    let none = BTreeSet::new();
    let (first, second) = (play(SEED, &none), play(SEED, &none));
    assert!(!first.story.is_empty());
    assert_eq!(first.story.to_string(), second.story.to_string());
    assert_eq!(first.digest, second.digest);
    assert_eq!(first.tally, second.tally);
    assert_ne!(first.digest, play(SEED + 1, &none).digest);
}

#[test]
fn what_a_turn_draws_does_not_depend_on_the_turns_before_it() {
    let whole = play(SEED, &BTreeSet::new());
    let left_out: BTreeSet<u32> = (1..10).collect();
    let part = play(SEED, &left_out);
    let turns = |tally: &gridlog_simulator::Tally, name: &str| tally.get("turn", name);
    // Everything but the turns that were left out comes again.
    for name in ["Sync", "Report", "Backup", "Hostile"] {
        assert!(turns(&part.tally, name) <= turns(&whole.tally, name));
        assert!(turns(&part.tally, name) + 9 >= turns(&whole.tally, name));
    }
}
