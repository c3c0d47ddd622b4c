//! `cargo xtask demo`.

use crate::error::TaskError;
use crate::setup;
use crate::step::{Run, execute};

/// Builds phone and server in release and plays the day.
pub(crate) fn demo(run: &Run, arguments: &[String]) -> Result<(), TaskError> {
    setup::ensure(run)?;
    run.build_release(&["gridlog", "gridlog-server"])?;
    run.heading("演示 the demo");
    let mut command = run.program(run.release_binary("gridlog"));
    command
        .arg("demo")
        .arg("--server-bin")
        .arg(run.release_binary("gridlog-server"))
        .args(arguments.iter().filter(|argument| *argument != "--"));
    execute(&mut command)
}
