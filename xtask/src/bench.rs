//! `cargo xtask bench`.

use crate::bindings;
use crate::error::TaskError;
use crate::setup;
use crate::step::{Run, execute};

/// Builds the bench and the server in release and runs one workload.
pub(crate) fn bench(run: &Run, workload: &str, arguments: &[String]) -> Result<(), TaskError> {
    setup::ensure(run)?;
    run.build_release(&["gridlog-bench", "gridlog-server"])?;
    run.heading(&format!("性能测试 bench {workload}"));
    let mut command = run.program(run.release_binary("gridlog-bench"));
    command.arg(workload);
    if workload == "ffi" {
        // The size of what ships is one of its figures.
        let library = bindings::release_library(run)?;
        command.arg("--library").arg(library);
    }
    command
        .arg("--server-bin")
        .arg(run.release_binary("gridlog-server"))
        .args(arguments.iter().filter(|argument| *argument != "--"));
    execute(&mut command)
}
