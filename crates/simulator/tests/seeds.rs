//! Whole runs.

use std::collections::BTreeSet;

use gridlog_simulator::play;

/// A seed without a known failure, with crashes, losses and a hostile device.
const SEED: u64 = 4;

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
