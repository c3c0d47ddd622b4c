//! `cargo xtask sim`.

use crate::error::TaskError;
use crate::setup;
use crate::step::{Run, execute};

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
