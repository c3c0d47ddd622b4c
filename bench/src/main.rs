//! `gridlog-bench`: what Gridlog costs, measured on the real thing.
//!
//! The server that ships runs as a process of its own. Phones are real engines over real stores in
//! further processes, which are this program again. Between them stands a proxy that counts bytes
//! and requests. Nothing is simulated, and nothing is measured from inside.
//!
//! ```text
//! conductor ──orders/news──▶ device processes ──▶ proxy ──▶ server
//!     └──────── reads what the proxy counted and what /proc says of the server ┘
//! ```
//!
//! The same day can be played with plain JSON phones and a plain JSON server ([`baseline`]), which
//! are this program too, to say what Gridlog's promises cost.
//!
//! `cargo xtask bench WORKLOAD --json FILE` builds everything and runs one workload.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a terminal program: figures go to stdout, errors to stderr"
)]

mod arguments;
mod baseline;
mod budget;
mod content;
mod crew;
mod devices;
mod dice;
mod directory;
mod disk;
mod district;
mod edits;
mod error;
mod figures;
mod generator;
mod gridlog_phone;
mod handset;
mod loopback;
mod meeting;
mod office;
mod orders;
mod packed;
mod rush;
mod spread;
mod table;
mod usage;
mod workload;
mod years;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Common, DayArguments, Workload};
use crate::error::BenchError;
use crate::figures::Figures;
use crate::workload::days_end::Day;
use crate::workload::ffi::KotlinApp;
use crate::workload::many_phones::Crowd;
use crate::workload::one_phone::{self, Situation};
use crate::workload::photos::Album;
use crate::workload::{Ground, board, days_end, ffi, many_phones, photos, proof, record};

/// A workload with its parameters.
type Runner = Box<dyn FnOnce(&Ground) -> Result<Vec<Figures>, BenchError>>;

fn main() -> ExitCode {
    let (common, run): (Common, Runner) = match Arguments::parse().workload {
        Workload::Devices => return devices::run(),
        Workload::FfiApp { folder, server } => return end(ffi::app(&folder, &server)),
        Workload::Serve { data, listen } => {
            return end(baseline::serve(&data, listen).map_err(BenchError::from));
        }
        Workload::List { .. } => {
            println!("{}", arguments::workloads().join("\n"));
            return ExitCode::SUCCESS;
        }
        Workload::Record { records, common } => {
            (common, one(move |ground| record::run(ground, records)))
        }
        Workload::Proof { entries, common } => {
            (common, one(move |ground| proof::run(ground, entries)))
        }
        Workload::DaysEnd {
            day,
            against_baseline: false,
            common,
        } => (common, one(move |ground| days_end::run(ground, size(day)))),
        Workload::DaysEnd { day, common, .. } => (
            common,
            Box::new(move |ground| {
                let gzip = days_end::run_baseline(ground, size(day), true)?;
                let mut ours = days_end::run(ground, size(day))?;
                days_end::compare(&mut ours, &gzip);
                Ok(vec![gzip, ours])
            }),
        ),
        Workload::BaselineJson { day, common } => (
            common,
            Box::new(move |ground| {
                let run = |gzip| days_end::run_baseline(ground, size(day), gzip);
                Ok(vec![run(false)?, run(true)?])
            }),
        ),
        Workload::ManyPhones {
            phones,
            records,
            processes,
            common,
        } => {
            let crowd = Crowd {
                phones,
                records,
                processes,
            };
            (common, one(move |ground| many_phones::run(ground, crowd)))
        }
        Workload::Photos {
            devices,
            photos,
            size,
            common,
        } => {
            let album = Album {
                devices,
                photos,
                bytes: size,
            };
            (common, one(move |ground| photos::run(ground, album)))
        }
        Workload::Board { cases, common } => (common, one(move |ground| board::run(ground, cases))),
        Workload::Ffi {
            records,
            library,
            kotlin_classpath,
            common,
        } => (
            common,
            one(move |ground| {
                let folder = library.as_deref().and_then(Path::parent);
                let kotlin = kotlin_classpath
                    .zip(folder)
                    .map(|(classpath, folder)| KotlinApp {
                        classpath,
                        library: folder.to_owned(),
                    });
                ffi::run(ground, records, library.as_deref(), kotlin.as_ref())
            }),
        ),
        Workload::Quiet { records, common } => (
            common,
            Box::new(move |ground| one_phone::run_quiet(ground, &records)),
        ),
        Workload::OneChanged { records, common } => (
            common,
            one(move |ground| one_phone::run(ground, Situation::OneChanged, records)),
        ),
        Workload::Initial { records, common } => (
            common,
            one(move |ground| one_phone::run(ground, Situation::Initial, records)),
        ),
    };
    end(carry_out(&common, run))
}

/// A workload that finds one set of figures.
fn one(run: impl FnOnce(&Ground) -> Result<Figures, BenchError> + 'static) -> Runner {
    Box::new(move |ground| Ok(vec![run(ground)?]))
}

const fn size(day: DayArguments) -> Day {
    Day {
        devices: day.devices,
        records: day.records,
    }
}

fn end(outcome: Result<(), BenchError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("出错 error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a workload. The figures are shown and written down also if they break a promise.
fn carry_out(common: &Common, run: Runner) -> Result<(), BenchError> {
    let mut promises = Vec::new();
    for figures in run(&common.ground()?)? {
        for line in table::of(&figures)? {
            println!("{line}");
        }
        if let Some(file) = &common.json {
            figures.append_to(file)?;
        }
        promises.extend(figures.broken);
    }
    if promises.is_empty() {
        return Ok(());
    }
    Err(BenchError::Promises { promises })
}
