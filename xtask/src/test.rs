//! `cargo xtask test`.

use clap::ValueEnum;

use crate::bindings::{self, Language};
use crate::error::TaskError;
use crate::setup;
use crate::step::{Run, execute};

const PYTHON_TESTS: &str = "mobile-bindings/python/tests";

/// A part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// All crates.
    Rust,
    /// The phone engine as Python, Kotlin and Swift see it, driven from Python.
    Python,
}

/// Runs one part, or all.
pub(crate) fn test(run: &Run, part: Option<Part>) -> Result<(), TaskError> {
    setup::ensure(run)?;
    if part != Some(Part::Python) {
        rust(run)?;
    }
    if part != Some(Part::Rust) {
        python(run)?;
    }
    run.heading("测试通过 tests passed");
    Ok(())
}

fn rust(run: &Run) -> Result<(), TaskError> {
    run.heading("测试 tests of all crates");
    execute(&mut run.cargo(&["test", "--workspace", "--quiet"]))
}

/// A Python phone and the real server: both are built, so that neither is of yesterday.
fn python(run: &Run) -> Result<(), TaskError> {
    run.heading("构建服务器 building the server");
    execute(&mut run.cargo(&[
        "build",
        "--quiet",
        "--package",
        "gridlog-sync-server",
        "--bin",
        "gridlog-server",
    ]))?;
    bindings::bindings(run, Language::Python)?;
    run.heading("绑定测试 tests of the bindings");
    execute(
        run.program("python3")
            .args(["-m", "unittest", "discover", "-s", PYTHON_TESTS, "-v"])
            .env("GRIDLOG_SERVER", run.debug_binary("gridlog-server")),
    )
}
