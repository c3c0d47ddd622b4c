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
//! `cargo xtask bench WORKLOAD --json FILE` builds everything and runs one workload.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a terminal program: figures go to stdout, errors to stderr"
)]

mod crew;
mod devices;
mod dice;
mod disk;
mod district;
mod edits;
mod error;
mod figures;
mod generator;
mod handset;
mod meeting;
mod orders;
mod usage;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::error::BenchError;
use crate::figures::Figures;
use crate::workload::one_phone::{self, Situation};
use crate::workload::{Ground, days_end, record};

/// 格志性能测试: what Gridlog costs.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    workload: Workload,
}

#[derive(Debug, Subcommand)]
enum Workload {
    /// 记录：离线、一部手机，每秒可落盘多少条。
    Record {
        /// Records.
        #[arg(long, default_value_t = 1_000)]
        records: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 收工：所有手机同时上传一天的记录和对共享记录的修改。
    DaysEnd {
        /// Phones, five of each grid.
        #[arg(long, default_value_t = 20)]
        devices: u32,
        /// New records on each phone.
        #[arg(long, default_value_t = 50)]
        records: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 无事：没有变化时重新连接。
    Quiet {
        /// Records in the district.
        #[arg(long, default_value_t = 1_000)]
        records: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 一处变化：别人改了一条记录之后重新连接。
    OneChanged {
        /// Records in the district.
        #[arg(long, default_value_t = 1_000)]
        records: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 首次：新手机第一次同步。
    Initial {
        /// Records in the district.
        #[arg(long, default_value_t = 1_000)]
        records: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Names the workloads.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// A device process; the conductor starts it.
    #[command(hide = true)]
    Devices,
}

#[derive(Debug, Args)]
struct Common {
    /// The binary `gridlog-server`; by default the one beside this program.
    #[arg(long)]
    server_bin: Option<PathBuf>,
    /// File to which the figures are added as one line of JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Folder in which the server and the phones keep their data while the bench runs. It should
    /// be on a disk, not in memory; by default it is beside this program.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Seed of all that is written.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Common {
    fn ground(&self) -> Result<Ground, BenchError> {
        let beside = std::env::current_exe()
            .map_err(BenchError::file("this program", "found"))?
            .with_file_name("");
        let server = format!("gridlog-server{}", std::env::consts::EXE_SUFFIX);
        Ok(Ground {
            server_bin: self
                .server_bin
                .clone()
                .unwrap_or_else(|| beside.join(server)),
            folder: self
                .folder
                .clone()
                .unwrap_or_else(|| beside.join("bench-data")),
            seed: self.seed,
        })
    }
}

/// A workload with its parameters.
type Runner = Box<dyn FnOnce(&Ground) -> Result<Figures, BenchError>>;

fn main() -> ExitCode {
    let (common, run): (Common, Runner) = match Arguments::parse().workload {
        Workload::Devices => return devices::run(),
        Workload::List { .. } => {
            println!("record\ndays-end\nquiet\none-changed\ninitial");
            return ExitCode::SUCCESS;
        }
        Workload::Record { records, common } => {
            (common, Box::new(move |ground| record::run(ground, records)))
        }
        Workload::DaysEnd {
            devices,
            records,
            common,
        } => (
            common,
            Box::new(move |ground| days_end::run(ground, devices, records)),
        ),
        Workload::Quiet { records, common } => (common, one_phone(Situation::Quiet, records)),
        Workload::OneChanged { records, common } => {
            (common, one_phone(Situation::OneChanged, records))
        }
        Workload::Initial { records, common } => (common, one_phone(Situation::Initial, records)),
    };
    match carry_out(&common, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("出错 error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn one_phone(situation: Situation, records: u32) -> Runner {
    Box::new(move |ground| one_phone::run(ground, situation, records))
}

/// Runs a workload. The figures are shown and written down also if they break a promise.
fn carry_out(common: &Common, run: Runner) -> Result<(), BenchError> {
    let figures = run(&common.ground()?)?;
    let parameters: Vec<String> = figures
        .parameters
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    println!("{}: {}", figures.workload, parameters.join(", "));
    for (name, value) in figures.table() {
        println!("  {value:>16}  {name}");
    }
    if let Some(file) = &common.json {
        figures.append_to(file)?;
    }
    if figures.broken.is_empty() {
        return Ok(());
    }
    Err(BenchError::Promises {
        promises: figures.broken,
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
        assert_eq!(
            Arguments::command()
                .find_subcommand(crew::DEVICES)
                .map(clap::Command::is_hide_set),
            Some(true)
        );
    }
}
