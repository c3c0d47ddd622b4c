//! `cargo xtask ci`: what has to be green.

use crate::error::TaskError;
use crate::step::{Run, execute};
use crate::{api, docs, setup, sim, test};

/// Runs every check, the fast ones first.
pub(crate) fn ci(run: &Run) -> Result<(), TaskError> {
    setup::ensure(run)?;
    run.heading("格式 formatting");
    execute(&mut run.cargo(&["fmt", "--all", "--check"]))?;
    run.heading("文档中的路径 paths in the documentation");
    docs::check(run)?;
    run.heading("代码检查 lints");
    execute(&mut run.cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))?;
    run.heading("接口文档 documentation");
    execute(
        run.cargo(&["doc", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    api::check(run, false)?;
    // The seeds that continuous integration plays are among the tests of the simulator.
    let skipped = test::test(run, None)?;
    sim::mutations(run)?;
    run.heading(&format!(
        "全部通过 all green{}",
        test::in_brackets(&skipped)
    ));
    Ok(())
}
