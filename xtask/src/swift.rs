//! Which Swift compiler runs the Swift package. It comes with few systems, and nothing else needs it.

use std::process::Command;

/// Names a compiler that is not `swift` on the PATH.
const SWIFT: &str = "SWIFT";

/// The oldest that knows the package's language mode.
const OLDEST: u32 = 6;

/// Why the Swift package is skipped.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoSwift {
    /// There is no such program, or it is another one of that name, such as the client of an object store.
    #[error("没有 Swift 编译器 there is no Swift compiler `{0}`")]
    None(String),
    /// It does not know the language mode of the package.
    #[error("Swift {version} 过旧 `{program}` is Swift {version}, which is older than {OLDEST}")]
    TooOld {
        /// What was asked.
        program: String,
        /// What it says it is.
        version: String,
    },
}

/// The command that runs Swift.
pub(crate) fn compiler() -> Result<String, NoSwift> {
    let program = std::env::var(SWIFT).unwrap_or_else(|_| "swift".to_owned());
    match Command::new(&program).arg("--version").output() {
        Ok(said) => judged(program, &String::from_utf8_lossy(&said.stdout)),
        Err(_) => Err(NoSwift::None(program)),
    }
}

/// The program, if what it says of its version makes it one that serves.
fn judged(program: String, said: &str) -> Result<String, NoSwift> {
    let version = said
        .split_once("Swift version ")
        .and_then(|(_, version)| version.split_whitespace().next());
    let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    match (version, major) {
        (Some(_), Some(OLDEST..)) => Ok(program),
        (Some(version), Some(_)) => Err(NoSwift::TooOld {
            program,
            version: version.to_owned(),
        }),
        _ => Err(NoSwift::None(program)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(said: &str) -> Result<String, NoSwift> {
        judged("swift".to_owned(), said)
    }

    #[test]
    fn a_compiler_that_knows_the_language_mode_serves() {
        let linux = "Swift version 6.0.3 (swift-6.0.3-RELEASE)\nTarget: x86_64-pc-linux-gnu\n";
        assert_eq!(judge(linux).as_deref(), Ok("swift"));
        let newer = "Apple Swift version 10.1 (swiftlang-10.1.0.1)\n";
        assert_eq!(judge(newer).as_deref(), Ok("swift"));
    }

    #[test]
    fn an_older_one_is_named_with_its_version() {
        let apple = "swift-driver version: 1.115.1 Apple Swift version 5.10.1 (swiftlang-6.0.3)\n";
        let words = judge(apple).unwrap_err().to_string();
        assert!(words.contains("`swift` is Swift 5.10.1"), "{words}");
    }

    #[test]
    fn another_program_of_the_name_is_no_compiler() {
        for said in ["python-swiftclient 4.6.0\n", "Swift version next\n", ""] {
            assert_eq!(
                judge(said),
                Err(NoSwift::None("swift".to_owned())),
                "{said}"
            );
        }
    }
}
