//! `cargo xtask api-check`: apps are built against the surface, so it does not change unnoticed.
//!
//! `mobile-bindings/api.txt` is the surface as text, with a fingerprint in its first line. Whoever changes the
//! surface renews the file and says what changed in `mobile-bindings/CHANGELOG.md`, in a line that begins with the
//! new fingerprint. The library carries the fingerprint too: by it, bindings that were generated from another surface
//! are refused.

use std::fs;
use std::path::Path;

use crate::bindings;
use crate::error::TaskError;
use crate::step::{Run, execute};

const WRITTEN: &str = "mobile-bindings/api.txt";
const CHANGES: &str = "mobile-bindings/CHANGELOG.md";
/// Where the library says its own fingerprint, and how that line begins and ends.
const TOLD: &str = "crates/ffi/src/version.rs";
const TOLD_BY: (&str, &str) = ("\nsurface!(\"", "\");\n");

/// Compares the surface of the library with the one that is checked in, or renews that.
pub(crate) fn check(run: &Run, write: bool) -> Result<(), TaskError> {
    run.heading("接口面 the surface that apps are built against");
    let library = bindings::library(run)?;
    let built = run.target().join("debug").join("gridlog-ffi-surface.txt");
    execute(
        run.program(run.debug_binary("gridlog-ffi-surface"))
            .arg(&library)
            .arg(&built),
    )?;
    let surface = read(&built)?;
    let path = run.root().join(WRITTEN);
    if write {
        fs::write(&path, &surface).map_err(|source| TaskError::Unwritable { path, source })?;
    } else if read(&path)? != surface {
        return Err(TaskError::SurfaceChanged {
            change: first_change(&read(&path)?, &surface),
        });
    }
    let fingerprint = fingerprint(&surface);
    tell(&run.root().join(TOLD), fingerprint, write)?;
    if is_explained(&read(&run.root().join(CHANGES))?, fingerprint) {
        return Ok(());
    }
    Err(TaskError::SurfaceUnexplained {
        fingerprint: fingerprint.to_owned(),
    })
}

/// Makes sure that the library says that fingerprint of itself, or renews what it says.
fn tell(path: &Path, fingerprint: &str, write: bool) -> Result<(), TaskError> {
    let source = read(path)?;
    let told = told(&source).unwrap_or_default();
    if told == fingerprint {
        return Ok(());
    }
    if !write || told.is_empty() {
        return Err(TaskError::SurfaceUntold {
            told: told.to_owned(),
            fingerprint: fingerprint.to_owned(),
        });
    }
    let renewed = source.replace(&line_that_tells(told), &line_that_tells(fingerprint));
    fs::write(path, renewed).map_err(|source| TaskError::Unwritable {
        path: path.to_owned(),
        source,
    })
}

/// The fingerprint that the library's source says.
fn told(source: &str) -> Option<&str> {
    let (_, after) = source.split_once(TOLD_BY.0)?;
    after.split_once(TOLD_BY.1).map(|(told, _)| told)
}

fn line_that_tells(fingerprint: &str) -> String {
    format!("{}{fingerprint}{}", TOLD_BY.0, TOLD_BY.1)
}

fn read(path: &Path) -> Result<String, TaskError> {
    fs::read_to_string(path).map_err(|source| TaskError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn fingerprint(surface: &str) -> &str {
    let first = surface.lines().next().unwrap_or_default();
    first.strip_prefix("surface ").unwrap_or_default()
}

/// Whether a line of the changelog is about that surface and says something.
fn is_explained(changes: &str, fingerprint: &str) -> bool {
    let mark = format!("- `{fingerprint}` ");
    let mut lines = changes.lines();
    lines.any(|line| {
        line.strip_prefix(&mark)
            .is_some_and(|said| said.trim().len() > 10)
    })
}

/// The first line in which they differ, past the fingerprint.
fn first_change(written: &str, built: &str) -> String {
    let mut pairs = written.lines().zip(built.lines()).skip(1);
    match pairs.find(|(one, other)| one != other) {
        Some((one, other)) => format!("- {one}\n+ {other}"),
        None => "one has lines at its end that the other has not".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surface_needs_a_line_that_says_what_changed() {
        let surface = "surface 12ab34cd\n\nenum Kind";
        assert_eq!(fingerprint(surface), "12ab34cd");
        assert!(is_explained(
            "# Changes\n- `12ab34cd` Kinds can be named.\n",
            "12ab34cd"
        ));
        assert!(!is_explained("# Changes\n- `12ab34cd` \n", "12ab34cd"));
        assert!(!is_explained(
            "- `00000000` Something else changed.\n",
            "12ab34cd"
        ));
    }

    #[test]
    fn the_library_says_the_fingerprint_of_its_surface() {
        let folder = std::env::temp_dir().join(format!("gridlog-told-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("version.rs");
        fs::write(&file, "mod a;\n\nsurface!(\"12ab34cd\");\n\nmod b;\n").unwrap();
        tell(&file, "12ab34cd", false).unwrap();
        let refused = tell(&file, "00000000", false).unwrap_err();
        assert!(matches!(refused, TaskError::SurfaceUntold { .. }));
        tell(&file, "00000000", true).unwrap();
        tell(&file, "00000000", false).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let library = include_str!("../../crates/ffi/src/version.rs");
        assert_eq!(told(library).map(str::len), Some(8));
    }

    #[test]
    fn what_changed_is_shown() {
        let change = first_change(
            "surface 1\n\nenum Kind\n    Patrol",
            "surface 2\n\nenum Kind\n    Visit",
        );
        assert_eq!(change, "-     Patrol\n+     Visit");
    }
}
