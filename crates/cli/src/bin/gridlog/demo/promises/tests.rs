use gridlog_protocol::{Key, LogEntry, entry_hash};

use super::*;

fn log(length: u64) -> Evidence {
    let mut evidence = Evidence::default();
    let mut previous = Digest::ZERO;
    for seq in 1..=length {
        let area = "43011100300101".to_owned();
        let entry = LogEntry {
            seq,
            previous,
            at_ms: 0,
            record: Key([7; 16]),
            fact: Fact::Assignment { area },
            origin: None,
        };
        previous = entry_hash(&entry.to_bytes());
        evidence.hashes.push(previous);
        evidence.entries.push(entry);
    }
    evidence
}

#[test]
fn a_log_that_lacks_an_entry_or_has_a_changed_one_breaks_its_promise() {
    assert!(chained(&log(3)).is_ok());
    assert!(chained(&log(0)).is_err());
    let mut lacking = log(3);
    lacking.entries.remove(1);
    lacking.hashes.remove(1);
    assert!(chained(&lacking).is_err());
    let mut changed = log(3);
    changed.hashes[0] = Digest([1; 32]);
    assert!(chained(&changed).is_err());
}

#[test]
fn a_word_that_was_confirmed_and_is_gone_breaks_its_promise() {
    let day = |confirmed, found| Day {
        shared: Vec::new(),
        confirmed,
        found,
    };
    assert!(killed_phone(&day(12, 12)).is_ok());
    assert!(killed_phone(&day(12, 11)).is_err());
    assert!(killed_phone(&day(0, 0)).is_err());
}
