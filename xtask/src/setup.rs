//! What is needed beyond cargo.
//!
//! SQLCipher is built from source together with OpenSSL, which takes a C compiler, make and a
//! perl with its core modules; the simulator's disk is a SQLite file system whose C declarations are
//! read by libclang; the tests of the bindings take Python, a JDK and Maven. A machine of continuous integration may
//! have none of them, so where this runs as root and the system installs by apt-get, it installs
//! what is missing; elsewhere it says how.

use std::process::{Command, Stdio};

use crate::error::TaskError;
use crate::step::{Run, execute};
use crate::swift;

/// Something that has to be there.
struct Need {
    name: &'static str,
    /// Any of these commands, run without a failure, shows that it is there.
    probes: &'static [&'static [&'static str]],
    /// Its packages where apt-get installs.
    packages: &'static [&'static str],
}

/// Where Linux systems keep it.
const FIND_LIBCLANG: &str = "ls /usr/lib*/llvm*/lib/libclang*.so* /usr/lib*/libclang*.so* \
                             /usr/lib/*/libclang*.so* 2>/dev/null | grep -q .";

const NEEDS: &[Need] = &[
    Need {
        name: "a C compiler",
        probes: &[&["cc", "--version"]],
        packages: &["gcc", "libc6-dev"],
    },
    Need {
        name: "make",
        probes: &[&["make", "--version"], &["gmake", "--version"]],
        packages: &["make"],
    },
    Need {
        name: "perl with its core modules",
        probes: &[&["perl", "-MIPC::Cmd", "-MFindBin", "-e", "1"]],
        packages: &["perl"],
    },
    Need {
        name: "libclang",
        probes: &[
            &["sh", "-c", FIND_LIBCLANG],
            // Apple's tools bring it along.
            &["xcrun", "--find", "clang"],
        ],
        packages: &["libclang-dev"],
    },
    Need {
        name: "python3",
        probes: &[&["python3", "--version"]],
        packages: &["python3"],
    },
    Need {
        name: "python3's venv",
        probes: &[&["python3", "-c", "import ensurepip, venv"]],
        packages: &["python3-venv"],
    },
    Need {
        name: "a JDK, 17 or later",
        // An older one does not know the release, and fails.
        probes: &[&["javac", "--release", "17", "-version"]],
        packages: &["default-jdk-headless"],
    },
    Need {
        name: "Maven",
        probes: &[&["mvn", "--version"]],
        packages: &["maven"],
    },
];

/// Makes sure that everything is there; silent if it is.
pub(crate) fn ensure(run: &Run) -> Result<(), TaskError> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !need.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !can_install() {
        return Err(not_installable(&missing));
    }
    install(run, &missing)?;
    match NEEDS.iter().filter(|need| !need.is_there()).collect() {
        still if Vec::is_empty(&still) => Ok(()),
        still => Err(not_installable(&still)),
    }
}

/// `cargo xtask setup`: the same, and says so.
pub(crate) fn report(run: &Run) -> Result<(), TaskError> {
    ensure(run)?;
    run.heading(
        "环境齐备 everything is there: C compiler, make, perl, libclang, python3, JDK, Maven",
    );
    if let Err(why) = swift::compiler() {
        run.heading(&format!(
            "可选 optional: {why}; `cargo xtask test swift` is skipped, and mobile-bindings/swift/README.md says how to \
             get it (Debian 13: apt-get install swiftlang)"
        ));
    }
    Ok(())
}

impl Need {
    fn is_there(&self) -> bool {
        self.probes.iter().any(|probe| succeeds(probe))
    }
}

/// Whether a command runs without a failure.
pub(crate) fn succeeds(command: &[&str]) -> bool {
    let Some((program, arguments)) = command.split_first() else {
        return false;
    };
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn can_install() -> bool {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    is_root && succeeds(&["apt-get", "--version"])
}

fn install(run: &Run, missing: &[&Need]) -> Result<(), TaskError> {
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages)
        .copied()
        .collect();
    run.heading(&format!("安装 installing {}", packages.join(" ")));
    execute(run.program("apt-get").args(["update", "-qq"]))?;
    execute(
        run.program("apt-get")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(&packages)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

fn not_installable(missing: &[&Need]) -> TaskError {
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages)
        .copied()
        .collect();
    TaskError::Missing {
        missing: missing
            .iter()
            .map(|need| need.name)
            .collect::<Vec<_>>()
            .join(", "),
        advice: format!(
            "on Debian or Ubuntu: sudo apt-get install {}; on macOS: xcode-select --install; \
             elsewhere: the packages of these names",
            packages.join(" ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_way_to_get_it() {
        let words = not_installable(&[&NEEDS[0], &NEEDS[1]]).to_string();
        assert!(words.contains("a C compiler, make"), "{words}");
        assert!(
            words.contains("apt-get install gcc libc6-dev make"),
            "{words}"
        );
    }

    #[test]
    fn a_program_that_does_not_exist_is_not_there() {
        assert!(!succeeds(&["gridlog-no-such-program", "--version"]));
    }
}
