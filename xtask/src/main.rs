//! `cargo xtask`: every developer command of Gridlog.
//!
//! A developer needs no other entrance: the demo, the tests, what continuous integration runs and
//! the benches all start here, so that a command that is not here is not supported. The package
//! depends on no crate of the workspace and builds in seconds; each command builds what it needs.

// The commands talk to a developer's terminal; that is all they do.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod api;
mod bench;
mod bindings;
mod ci;
mod demo;
mod dictionary;
mod docs;
mod error;
mod phone;
mod setup;
mod sim;
mod step;
mod swift;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::TaskError;
use crate::step::Run;

/// Gridlog 格志: developer commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// 演示：一条街道的一天。Builds everything and plays one working day of a real street.
    Demo {
        /// Passed on to `gridlog demo`; see `cargo xtask demo -- --help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// 测试。Runs the tests of all crates, then those of the bindings and of a foreign client.
    Test {
        /// Which part; all of them if not given.
        #[arg(value_enum)]
        part: Option<test::Part>,
    },
    /// 绑定。Builds the phone's engine as a library and generates its bindings for a language.
    Bindings {
        /// Which.
        #[arg(value_enum)]
        language: bindings::Language,
    },
    /// 接口面。Fails if what apps are built against changed without a line in mobile-bindings/CHANGELOG.md.
    ApiCheck {
        /// Renew mobile-bindings/api.txt first.
        #[arg(long)]
        write: bool,
    },
    /// Python 安装包。Builds the wheel into mobile-bindings/python/dist.
    Wheel,
    /// 持续集成。Formatting, lints, documentation and tests: what has to be green.
    Ci,
    /// 性能测试。Builds `gridlog-bench` and the server in release and runs one workload; `ffi` as on phones.
    Bench {
        /// The workload; `list` names them.
        workload: String,
        /// Passed on, for example `--json FILE`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// 模拟器。Plays the whole system with seeded faults and checks what must hold.
    Sim {
        /// Passed on, for example `--seeds 200 --start 1 --minutes 10`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// 压缩词典。Trains a compression dictionary for the wire; a released one never changes.
    Dictionary {
        /// The file to write.
        file: std::path::PathBuf,
    },
    /// 环境检查。Checks what is needed beyond cargo, and installs it where that is possible.
    Setup,
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    match carry_out(&task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("出错 error: {error}");
            error.exit_code()
        }
    }
}

fn carry_out(task: &Task) -> Result<(), TaskError> {
    let run = Run::start()?;
    match task {
        Task::Demo { arguments } => demo::demo(&run, arguments),
        Task::Test { part } => test::test(&run, *part).map(drop),
        Task::Bindings { language } => bindings::bindings(&run, *language),
        Task::ApiCheck { write } => {
            setup::ensure(&run)?;
            api::check(&run, *write)
        }
        Task::Wheel => bindings::wheel(&run),
        Task::Ci => ci::ci(&run),
        Task::Bench {
            workload,
            arguments,
        } => bench::bench(&run, workload, arguments),
        Task::Sim { arguments } => sim::sim(&run, arguments),
        Task::Dictionary { file } => dictionary::train(&run, file),
        Task::Setup => setup::report(&run),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_follows_demo_is_passed_on() {
        let parsed = Arguments::parse_from(["cargo xtask", "demo", "--phones", "4", "--once"]);
        let Task::Demo { arguments } = parsed.task else {
            panic!("not the demo");
        };
        assert_eq!(arguments, ["--phones", "4", "--once"]);
    }
}
