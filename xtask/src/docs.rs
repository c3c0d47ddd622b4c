//! Documentation must read the same on every machine: it may not name a place of one of them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::TaskError;
use crate::step::Run;

/// Where machines keep what is somebody's own.
const PRIVATE: [&str; 4] = ["/home/", "/Users/", "/root/", "C:\\Users\\"];

/// Reads every Markdown file of the repository.
pub(crate) fn check(run: &Run) -> Result<(), TaskError> {
    let root = run.root().to_string_lossy().into_owned();
    let mut found = Vec::new();
    for file in markdown_files(run)? {
        let path = run.root().join(&file);
        // A file that is staged for deletion is still listed.
        if !path.exists() {
            continue;
        }
        let text =
            fs::read_to_string(&path).map_err(|source| TaskError::Unreadable { path, source })?;
        found.extend(local_paths(&file, &text, &root));
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(TaskError::LocalPaths {
        places: found.join("\n"),
    })
}

fn markdown_files(run: &Run) -> Result<Vec<String>, TaskError> {
    let mut git: Command = run.program("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .args(["*.md"]);
    let output = git.output().map_err(|source| TaskError::NotStarted {
        program: "git".to_owned(),
        source,
    })?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect())
}

fn local_paths(file: &str, text: &str, root: &str) -> Vec<String> {
    // A repository at the root of a file system would make every slash suspicious.
    let root_is_telling = Path::new(root).components().count() > 2;
    text.lines()
        .zip(1..)
        .filter(|(line, _)| {
            PRIVATE.iter().any(|place| line.contains(place))
                || (root_is_telling && line.contains(root))
        })
        .map(|(line, number)| format!("{file}:{number}: {}", line.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_one_machine_is_found_with_its_line() {
        let text = "Run it.\nSee /home/somebody/gridlog.\nIt is in ~/.gridlog.";
        assert_eq!(
            local_paths("README.md", text, "/srv/clones/gridlog"),
            ["README.md:2: See /home/somebody/gridlog."]
        );
        assert_eq!(
            local_paths("a.md", "in /srv/clones/gridlog/docs", "/srv/clones/gridlog").len(),
            1
        );
    }
}
