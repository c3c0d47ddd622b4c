//! `cargo xtask dictionary`.

use std::path::Path;

use crate::error::TaskError;
use crate::setup;
use crate::step::{Run, execute};

/// Trains a compression dictionary on synthetic records. The same code makes the same file.
pub(crate) fn train(run: &Run, file: &Path) -> Result<(), TaskError> {
    setup::ensure(run)?;
    run.heading("压缩词典 dictionary");
    let trainer = [
        "--package",
        "gridlog-protocol",
        "--example",
        "train_dictionary",
    ];
    let mut command = run.cargo(&["run", "--quiet", "--release"]);
    command.args(trainer).arg("--").arg(file);
    execute(&mut command)
}
