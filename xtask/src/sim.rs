//! `cargo xtask sim`.

use crate::error::TaskError;
use crate::setup;
use crate::step::{Run, execute};

/// How many seeds continuous integration plays.
const FEW: &str = "25";

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

/// A few seeds, in the profile that the tests have built already.
pub(crate) fn few(run: &Run) -> Result<(), TaskError> {
    run.heading(&format!("模拟 simulating {FEW} seeds"));
    execute(&mut run.cargo(&[
        "run",
        "--quiet",
        "--package",
        "gridlog-simulator",
        "--bin",
        "gridlog-sim",
        "--",
        "--seeds",
        FEW,
        "--few",
    ]))
}
