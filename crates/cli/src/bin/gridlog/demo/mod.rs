//! The demo.
mod scribe;
use clap::Parser;
pub(crate) use scribe::scribe;
#[derive(Debug, Parser)]
pub(crate) struct DemoArguments {}
pub(crate) fn play(_arguments: &DemoArguments) -> std::process::ExitCode {
    std::process::ExitCode::from(2)
}
