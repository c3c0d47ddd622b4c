//! Asking for a password.

use std::env;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

use crate::error::CliError;

/// The password: from standard input if that was asked for, else from the environment, else from
/// whoever sits at the terminal.
pub(crate) fn password(from_stdin: bool) -> Result<String, CliError> {
    if from_stdin {
        return read_line();
    }
    if let Ok(password) = env::var("GRIDLOG_PASSWORD") {
        return Ok(password);
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::NoPassword);
    }
    eprint!("密码 password: ");
    // A prompt that does not show is no reason to stop.
    let _ = io::stderr().flush();
    let hidden = echo(false);
    let password = read_line();
    if hidden {
        echo(true);
        eprintln!();
    }
    password
}

fn read_line() -> Result<String, CliError> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let password = line.trim_end_matches(['\n', '\r']);
    match read {
        Ok(_) if !password.is_empty() => Ok(password.to_owned()),
        _ => Err(CliError::NoPassword),
    }
}

/// Whether what is typed shows. False where the terminal does not let itself be told.
fn echo(shown: bool) -> bool {
    Command::new("stty")
        .arg(if shown { "echo" } else { "-echo" })
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
