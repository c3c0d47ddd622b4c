//! Prints what `receive` and `admit` cost for a change of about 1.5 KB (a report of 345
//! characters and twenty fields) and for one of a single field.
//!
//! `cargo run --release -p gridlog-merge-guard --example cost`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, ObjType, ROOT};
use gridlog_merge_guard::{History, Limits, Outcome, admit, receive};

const ROUNDS: u32 = 400;

fn main() -> Result<(), Box<dyn Error>> {
    for (earlier, large) in [
        (1, true),
        (20, true),
        (200, true),
        (20, false),
        (200, false),
    ] {
        let (history, bytes) = record(earlier, large)?;
        let limits = Limits::default();
        let receiving = measure(|| receive(&bytes, &limits).is_ok());
        let admitting = measure(|| {
            matches!(
                admit(&history, &bytes, &limits, |_| Ok(())),
                Ok(Outcome::Admitted(_))
            )
        });
        println!(
            "record of {earlier} changes, change of {} bytes: receive {receiving:.1} us, admit {admitting:.0} us",
            bytes.len(),
        );
    }
    Ok(())
}

fn measure(mut work: impl FnMut() -> bool) -> f64 {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        assert!(black_box(work()));
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
}

/// A history of `earlier` changes, and a change that comes next.
fn record(earlier: usize, large: bool) -> Result<(History, Vec<u8>), Box<dyn Error>> {
    let mut document = Automerge::new().with_actor(ActorId::from([7; 16]));
    commit(&mut document, |tx| {
        tx.put_object(ROOT, "comments", ObjType::Map)?;
        tx.put_object(ROOT, "text", ObjType::Text).map(drop)
    })?;
    for number in 1..earlier {
        commit(&mut document, |tx| {
            tx.put(ROOT, format!("key{}", number % 30), "一个值")
        })?;
    }
    let stored: Vec<Vec<u8>> = document
        .get_changes(&[])
        .iter()
        .map(|change| change.raw_bytes().to_vec())
        .collect();
    let history = History::load(stored.iter().map(Vec::as_slice))?;
    commit(&mut document, |tx| {
        if !large {
            return tx.put(ROOT, "title", "井盖破损");
        }
        let text = tx.put_object(ROOT, "report", ObjType::Text)?;
        tx.splice_text(
            &text,
            0,
            0,
            &"幸福路与人民路交叉口东北角井盖破损存在安全隐患".repeat(15),
        )?;
        for number in 0..20 {
            tx.put(ROOT, format!("field{number}"), format!("value {number}"))?;
        }
        Ok(())
    })?;
    let last = document
        .get_last_local_change()
        .ok_or("no change was made")?;
    Ok((history, last.raw_bytes().to_vec()))
}

fn commit(
    document: &mut Automerge,
    edit: impl FnOnce(
        &mut automerge::transaction::Transaction<'_>,
    ) -> Result<(), automerge::AutomergeError>,
) -> Result<(), automerge::AutomergeError> {
    let mut tx = document.transaction();
    edit(&mut tx)?;
    tx.commit_with(CommitOptions::default().with_time(1_754_000_000_000));
    Ok(())
}
