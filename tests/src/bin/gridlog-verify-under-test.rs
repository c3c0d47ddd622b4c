//! `gridlog-verify`, built with the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    gridlog_verify::run()
}
