//! `gridlog-verify`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gridlog_verify::run()
}
