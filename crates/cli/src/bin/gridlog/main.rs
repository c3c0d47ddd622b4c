//! `gridlog`: a phone in a terminal, and the demo.
//!
//! The binary is the edge of the system: it has the clock, the random source, the files and the
//! sockets that the engine is handed. Every command makes one answer in two forms, one for a
//! person and one for a program (`--json`), and nothing else is printed.

// The binary talks to a terminal; that is all it does.
#![allow(clippy::print_stdout, clippy::print_stderr)]

const _: () = assert!(
    !gridlog_client_core::IS_FAULTY_ON_PURPOSE,
    "a phone must not be built with deliberate bugs"
);

mod answer;
mod arguments;
mod commands;
mod demo;
mod error;
mod home;
mod ids;
mod password;
mod step_arguments;
mod values;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use serde_json::json;

use crate::answer::Answer;
use crate::arguments::{Arguments, Command};
use crate::demo::DemoArguments;
use crate::error::CliError;

fn main() -> ExitCode {
    // The demo has a `--json FILE` of its own, so its words are read apart.
    let mut words = std::env::args_os().skip(1).peekable();
    if words.peek().is_some_and(|word| word == "demo") {
        return demo::play(&DemoArguments::parse_from(words));
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return print_usage(&error),
    };
    let json = arguments.json;
    if matches!(arguments.command, Command::Demo) {
        return demo::play(&DemoArguments::parse_from(["demo"]));
    }
    if let Command::Sync {
        server,
        stay: true,
        no_files,
    } = &arguments.command
    {
        let tell = |answer: &Answer| say(answer, json).is_ok();
        return match commands::stay(arguments.home, server.as_deref(), !no_files, &tell) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => print_error(&error, json),
        };
    }
    match commands::carry_out(arguments.home, arguments.command) {
        Ok(answer) => print_answer(&answer, json),
        Err(error) => print_error(&error, json),
    }
}

fn say(answer: &Answer, json: bool) -> std::io::Result<()> {
    if json {
        writeln!(std::io::stdout(), "{}", answer.json)
    } else {
        write!(std::io::stdout(), "{}", answer.text)
    }
}

fn print_answer(answer: &Answer, json: bool) -> ExitCode {
    match say(answer, json) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has heard enough, for example `head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn print_error(error: &CliError, json: bool) -> ExitCode {
    if json {
        println!("{}", error.json());
    } else {
        eprintln!("{}\n  {} ({})", error.zh(), error, error.code());
    }
    ExitCode::FAILURE
}

/// Words that the command line does not understand. Whether JSON was asked for is then known from
/// the bare words alone.
fn print_usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|word| word == "--json");
    if !json || !error.use_stderr() {
        error.exit();
    }
    let en = error.to_string();
    let first = en.lines().next().unwrap_or_default();
    let zh = "命令写法有误，请用 --help 查看";
    println!(
        "{}",
        json!({ "error": { "code": "usage", "zh": zh, "en": first } })
    );
    ExitCode::from(2)
}
