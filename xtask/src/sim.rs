//! `cargo xtask sim`.

use crate::error::TaskError;
use crate::setup;
use crate::step::{Run, execute};

/// Turns on one deliberate bug after the other and requires that the simulator finds it. By itself, so
/// that no other crate is built with them; in the test profile, since little has to be built for it.
pub(crate) fn mutations(run: &Run) -> Result<(), TaskError> {
    run.heading("故意的错误 deliberate bugs");
    const FAULTY: [&str; 4] = ["--package", "gridlog-simulator", "--features", "mutations"];
    execute(
        run.cargo(&["clippy", "--all-targets", "--quiet"])
            .args(FAULTY)
            .args(["--", "-D", "warnings"]),
    )?;
    execute(
        run.cargo(&["test", "--quiet", "--test", "mutations"])
            .args(FAULTY)
            // One after the other, as a seed is played alone.
            .args(["--", "--test-threads", "1"]),
    )
}

/// Builds the simulator in release and passes the arguments on.
pub(crate) fn sim(run: &Run, arguments: &[String]) -> Result<(), TaskError> {
    setup::ensure(run)?;
    run.build_release(&["gridlog-sim"])?;
    run.heading("模拟 simulating");
    execute(
        run.program(run.release_binary("gridlog-sim"))
            .args(arguments),
    )
}
