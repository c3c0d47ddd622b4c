//! `cargo xtask bindings`: the phone's engine for other languages.
//!
//! What is generated is not committed: it always comes from the library that it is shipped with.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;

use clap::ValueEnum;

use crate::error::TaskError;
use crate::step::{Run, execute};

/// The Python package.
const PYTHON: &str = "mobile-bindings/python/gridlog";

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// `mobile-bindings/python/gridlog`.
    Python,
}

/// Builds the library and generates the bindings of one language.
pub(crate) fn bindings(run: &Run, language: Language) -> Result<(), TaskError> {
    match language {
        Language::Python => python(run),
    }
}

fn python(run: &Run) -> Result<(), TaskError> {
    run.heading("生成 Python 绑定 generating the Python bindings");
    execute(&mut run.cargo(&[
        "build",
        "--quiet",
        "--package",
        "gridlog-ffi",
        "--features",
        "bindgen",
    ]))?;
    let library = format!("{DLL_PREFIX}gridlog_ffi{DLL_SUFFIX}");
    let built = run.target().join("debug").join(&library);
    execute(
        run.program(run.debug_binary("uniffi-bindgen"))
            .args(["generate", "--language", "python", "--no-format"])
            .args(["--out-dir", PYTHON])
            .arg(&built),
    )?;
    let packaged = run.root().join(PYTHON).join(library);
    // Replaced, not overwritten: a Python that still runs has the old one mapped.
    let replaced = match fs::remove_file(&packaged) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => fs::copy(&built, &packaged).map(drop),
    };
    replaced.map_err(|source| TaskError::Unwritable {
        path: packaged,
        source,
    })
}
