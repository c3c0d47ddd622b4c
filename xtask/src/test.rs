//! `cargo xtask test`.

use clap::ValueEnum;

use crate::error::TaskError;
use crate::setup;
use crate::step::{Run, execute};

const PYTHON_TESTS: &str = "mobile-bindings/python/run_tests.py";

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

fn python(run: &Run) -> Result<(), TaskError> {
    if !run.root().join(PYTHON_TESTS).exists() {
        return Ok(());
    }
    run.heading("绑定测试 tests of the bindings");
    execute(&mut run.cargo(&["build", "--quiet", "--package", "gridlog-ffi"]))?;
    execute(run.program("python3").arg(PYTHON_TESTS))
}
