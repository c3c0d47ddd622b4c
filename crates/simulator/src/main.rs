//! `gridlog-sim`: plays many seeds.

// The program talks to a developer's terminal; that is all it does.
#![allow(clippy::print_stdout)]

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use gridlog_simulator::{Outcome, Tally, play, shorten};

/// 模拟器：同一种子，同一过程。Plays the whole system with seeded faults, and checks what must hold.
#[derive(Debug, Parser)]
#[command(name = "gridlog-sim", version)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    start: u64,
    /// Begin no new seed after so many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// How many seeds run side by side.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Print the whole story of each seed.
    #[arg(long)]
    tell: bool,
    /// Go on after a failing seed.
    #[arg(long)]
    keep_going: bool,
    /// Most runs to shorten the story of a failing seed.
    #[arg(long, default_value_t = 150)]
    tries: u32,
    /// Do not fail because something that can occur did not: for a few seeds that is to be expected.
    #[arg(long)]
    few: bool,
}

/// What all seeds came to.
#[derive(Default)]
struct Sum {
    tally: Tally,
    seeds: u64,
    turns: u64,
    failed: Vec<Outcome>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let sum = play_all(&arguments);
    let mut is_good = true;
    for failed in sum.failed.iter().take(3) {
        is_good = false;
        report(failed, &arguments);
    }
    println!("{}", sum.tally);
    println!(
        "{} seeds from {}, {} turns, {} failed: {:?}",
        sum.seeds,
        arguments.start,
        sum.turns,
        sum.failed.len(),
        sum.failed
            .iter()
            .map(|failed| failed.seed)
            .collect::<Vec<_>>()
    );
    let missing = sum.tally.missing();
    if !missing.is_empty() {
        println!("从未发生 never occurred: {}", missing.join("; "));
        is_good &= arguments.few;
    }
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn play_all(arguments: &Arguments) -> Sum {
    let started = Instant::now();
    let limit = arguments
        .minutes
        .map(|minutes| Duration::from_secs(minutes * 60));
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let sum = Mutex::new(Sum::default());
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let is_over = limit.is_some_and(|limit| started.elapsed() >= limit);
            if number >= arguments.seeds || is_over {
                return;
            }
            let outcome = play(arguments.start + number, &BTreeSet::new());
            if arguments.tell {
                println!("{}", outcome.story);
            }
            let Ok(mut sum) = sum.lock() else {
                return;
            };
            sum.seeds += 1;
            sum.turns += u64::from(outcome.turns);
            sum.tally.join(&outcome.tally);
            if let Some(broken) = &outcome.broken {
                println!("seed {}: {broken}", outcome.seed);
                stop.store(!arguments.keep_going, Ordering::Relaxed);
                sum.failed.push(outcome);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(work);
        }
    });
    sum.into_inner().unwrap_or_default()
}

fn report(failed: &Outcome, arguments: &Arguments) {
    println!("\nseed {} fails. The shortest story:\n", failed.seed);
    let (short, left_out) = shorten(failed, arguments.tries);
    println!("{}", short.story);
    if let Some(broken) = &short.broken {
        println!("BROKEN {broken}");
    }
    println!(
        "({} of {} turns left out; cargo xtask sim --seeds 1 --start {} plays all of it)\n",
        left_out.len(),
        failed.turns,
        failed.seed
    );
}
