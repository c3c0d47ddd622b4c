//! The demo: one working day of a whole street, played by real phones against a real server.
//!
//! Nothing here is a stand-in. Each phone is the engine that apps embed, with a store of its own;
//! the server is the binary that ships, in a process of its own, so that it can be killed. Between
//! each phone and the server stands a proxy that counts and cuts. What the demo claims at the end
//! it has checked on this very day's data ([`promises`]).

mod day;
mod evening;
mod evidence;
mod hands;
mod hostile;
mod hostile_bodies;
mod morning;
mod office;
mod phone;
mod photos;
mod progress;
mod promises;
mod reassigned;
mod rogue;
mod scribe;
mod stage;
mod summary;
mod wire;

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::error::CliError;
use progress::Progress;
use stage::Stage;

pub(crate) use scribe::scribe;

/// 演示：一条街道的一天。Plays one working day of a whole street.
///
/// The day is played by phones that are real, with stores of their own, against a server in a
/// process of its own. It ends with a check of every promise on this very data.
#[derive(Debug, Parser)]
#[command(name = "gridlog demo")]
pub(crate) struct DemoArguments {
    /// 手机数量。How many phones; pairs of them share a grid.
    #[arg(long, default_value_t = 34, value_parser = clap::value_parser!(u16).range(4..=192))]
    pub(crate) phones: u16,
    /// 演示完即结束。Ends instead of serving on until Ctrl-C.
    #[arg(long)]
    pub(crate) once: bool,
    /// 摘要写入 JSON 文件。Writes the summary to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// The binary `gridlog-server`; the one beside this binary if not given.
    #[arg(long, value_name = "PATH")]
    pub(crate) server_bin: Option<PathBuf>,
    /// 保留数据。Keeps server, phones and logs in this folder, which must be empty or new.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

/// Plays the demo; fails if it cannot go on or if a promise is broken.
pub(crate) fn play(arguments: &DemoArguments) -> ExitCode {
    match play_day(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("有承诺未兑现 a promise is broken; see above");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!(
                "演示中断 the demo stopped：{}\n  {error} ({})",
                error.zh(),
                error.code()
            );
            ExitCode::FAILURE
        }
    }
}

fn play_day(arguments: &DemoArguments) -> Result<bool, CliError> {
    let progress = Progress::start();
    let mut stage = Stage::build(arguments, &progress)?;
    let shared = morning::play(&mut stage, &progress)?;
    let known = reassigned::arrive(&stage, &progress)?;
    let day = day::play(&mut stage, &shared, &progress)?;
    let visit = reassigned::visit(&mut stage.mover, &progress)?;
    let moving = reassigned::Moving { known, visit };
    let evening = evening::play(&mut stage, moving, &progress)?;
    progress.chapter("小结 Summary");
    let promises = promises::check(&stage, &day, &evening, &progress)?;
    let summary = summary::Summary::of(&stage, day.shared.len(), &evening, promises)?;
    print!("{}", summary.text());
    if let Some(path) = &arguments.json {
        write_json(path, &summary)?;
    }
    let kept = summary.all_kept();
    if kept && !arguments.once {
        stage.serve_on()?;
    }
    Ok(kept)
}

fn write_json(path: &PathBuf, summary: &summary::Summary) -> Result<(), CliError> {
    let failed = |source: std::io::Error| CliError::File {
        path: path.clone(),
        what: "written",
        source,
    };
    let file = File::create(path).map_err(failed)?;
    serde_json::to_writer_pretty(file, summary).map_err(|error| failed(error.into()))
}
