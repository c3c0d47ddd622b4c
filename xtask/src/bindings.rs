//! `cargo xtask bindings`: the phone's engine for other languages.
//!
//! What is generated is not committed: it always comes from the library that it is shipped with.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::error::TaskError;
use crate::phone;
use crate::step::{Run, execute};

/// The Python package.
const PYTHON: &str = "mobile-bindings/python/gridlog";
const WHEEL_BACKEND: &str = "mobile-bindings/python/wheel_backend.py";
const WHEELS: &str = "mobile-bindings/python/dist";
/// What is generated for the Kotlin module: sources, and the library that its tests load.
const KOTLIN: &str = "mobile-bindings/kotlin/generated/kotlin";
const KOTLIN_LIBRARY: &str = "mobile-bindings/kotlin/generated/library";
/// What is generated for the Swift package, and where its targets look for the parts of it.
const SWIFT: &str = "mobile-bindings/swift/generated";
const SWIFT_PARTS: &[(&str, &str)] = &[
    (
        "gridlog_ffi.swift",
        "mobile-bindings/swift/Sources/Gridlog/Generated",
    ),
    ("GridlogFFI.h", "mobile-bindings/swift/Sources/GridlogFFI"),
];
/// The library that its programs load.
const SWIFT_LIBRARY: &str = "mobile-bindings/swift/generated/library";

/// The library's package.
pub(crate) const PACKAGE: [&str; 2] = ["--package", "gridlog-ffi"];
/// The library as apps load it: its package makes a Rust library, unless asked.
pub(crate) const DYNAMIC: [&str; 3] = ["--lib", "--crate-type", "cdylib"];

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// `mobile-bindings/python/gridlog`.
    Python,
    /// `mobile-bindings/kotlin/generated`.
    Kotlin,
    /// `mobile-bindings/swift`: what is git-ignored there.
    Swift,
}

/// Builds the library and generates the bindings of one language.
pub(crate) fn bindings(run: &Run, language: Language) -> Result<(), TaskError> {
    run.heading("构建引擎 building the engine's library");
    let built = library(run)?;
    match language {
        Language::Python => {
            run.heading("生成 Python 绑定 generating the Python bindings");
            generate(run, "python", PYTHON, &built)?;
            put_beside(run, PYTHON, &built)
        }
        Language::Kotlin => {
            run.heading("生成 Kotlin 绑定 generating the Kotlin bindings");
            generate(run, "kotlin", KOTLIN, &built)?;
            put_beside(run, KOTLIN_LIBRARY, &built)
        }
        Language::Swift => {
            run.heading("生成 Swift 绑定 generating the Swift bindings");
            generate(run, "swift", SWIFT, &built)?;
            for (name, folder) in SWIFT_PARTS {
                renew(&run.root().join(SWIFT).join(name), &run.root().join(folder))?;
            }
            put_beside(run, SWIFT_LIBRARY, &built)
        }
    }
}

/// Builds the library and its generator.
pub(crate) fn library(run: &Run) -> Result<PathBuf, TaskError> {
    let with_generator = ["--quiet", "--features", "bindgen"];
    for (subcommand, what) in [("rustc", &DYNAMIC[..]), ("build", &["--bins"])] {
        let mut command = run.cargo(&[subcommand]);
        execute(command.args(with_generator).args(PACKAGE).args(what))?;
    }
    Ok(run.target().join("debug").join(library_name()))
}

/// Builds the wheel around the library as it ships.
pub(crate) fn wheel(run: &Run) -> Result<(), TaskError> {
    bindings(run, Language::Python)?;
    // The generator reads what the debug build says of itself; what ships is stripped.
    let built = phone::library(run)?;
    put_beside(run, PYTHON, &built)?;
    run.heading("打包 packing the wheel");
    execute(run.program("python3").args([WHEEL_BACKEND, WHEELS]))
}

/// What the library's file is called on this system.
pub(crate) fn library_name() -> String {
    format!("{DLL_PREFIX}gridlog_ffi{DLL_SUFFIX}")
}

/// Writes the code of one language to a folder.
fn generate(run: &Run, language: &str, folder: &str, built: &Path) -> Result<(), TaskError> {
    execute(
        run.program(run.debug_binary("uniffi-bindgen"))
            .args(["generate", "--language", language, "--no-format"])
            .args(["--out-dir", folder])
            .arg(built),
    )
}

/// Puts the library where a language finds it.
fn put_beside(run: &Run, folder: &str, built: &Path) -> Result<(), TaskError> {
    let folder = run.root().join(folder);
    let path = folder.join(library_name());
    // Replaced, not overwritten: a program that still runs has the old one mapped.
    let replaced = fs::create_dir_all(&folder).and_then(|()| match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => fs::copy(built, &path).map(drop),
    });
    replaced.map_err(|source| TaskError::Unwritable { path, source })
}

/// Copies a file into a folder, unless it is there as it is: a compiler looks at its time.
fn renew(file: &Path, folder: &Path) -> Result<(), TaskError> {
    let new = fs::read(file).map_err(|source| TaskError::Unreadable {
        path: file.to_owned(),
        source,
    })?;
    let path = folder.join(file.file_name().unwrap_or_default());
    if fs::read(&path).is_ok_and(|old| old == new) {
        return Ok(());
    }
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, new))
        .map_err(|source| TaskError::Unwritable { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_file_is_touched_only_if_it_changed() {
        let folder = std::env::temp_dir().join(format!("gridlog-renew-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(&from).unwrap();
        let (file, copy) = (from.join("a.swift"), to.join("a.swift"));
        fs::write(&file, "let a = 1").unwrap();
        renew(&file, &to).unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        let time_of = || fs::metadata(&copy).unwrap().modified().unwrap();
        fs::File::options()
            .write(true)
            .open(&copy)
            .and_then(|copy| copy.set_modified(long_ago))
            .unwrap();
        renew(&file, &to).unwrap();
        assert_eq!(time_of(), long_ago);
        fs::write(&file, "let a = 2").unwrap();
        renew(&file, &to).unwrap();
        assert!(time_of() > long_ago);
        assert_eq!(fs::read_to_string(&copy).unwrap(), "let a = 2");
        fs::remove_dir_all(&folder).unwrap();
    }
}
