//! `cargo xtask test`.

use clap::ValueEnum;

use crate::bindings::{self, Language};
use crate::error::TaskError;
use crate::setup;
use crate::step::{Run, Said, execute, said_by};
use crate::swift;

const TUS_JS: &str = "tests/tus-js";
const KOTLIN_MODULE: &str = "mobile-bindings/kotlin/pom.xml";
const SWIFT_PACKAGE: &str = "mobile-bindings/swift";
const PYTHON_TESTS: &str = "mobile-bindings/python/tests";

/// A part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// All crates.
    Rust,
    /// The phone's engine as Python sees it.
    Python,
    /// The phone's engine as Kotlin sees it.
    Kotlin,
    /// The phone's engine as Swift sees it; skipped where there is no Swift 6.
    Swift,
    /// The npm package `tus-js-client`, unchanged, against the real server.
    TusJs,
}

/// Runs one part, or all. Gives the names of those that were skipped, as something that they take could not be had.
pub(crate) fn test(run: &Run, part: Option<Part>) -> Result<Vec<&'static str>, TaskError> {
    setup::ensure(run)?;
    let wanted = |of: Part| part.is_none_or(|part| part == of);
    let mut skipped = Vec::new();
    if wanted(Part::Rust) {
        rust(run)?;
    }
    if wanted(Part::Python) || wanted(Part::Kotlin) {
        server(run)?;
    }
    if wanted(Part::Python) {
        python(run)?;
    }
    if wanted(Part::Kotlin) {
        kotlin(run)?;
    }
    if wanted(Part::Swift) && !swift(run)? {
        skipped.push("swift");
    }
    if wanted(Part::TusJs) && !tus_js(run)? {
        skipped.push("tus-js");
    }
    run.heading(&format!("测试通过 tests passed{}", in_brackets(&skipped)));
    Ok(skipped)
}

/// What a last line says of parts that were skipped.
pub(crate) fn in_brackets(skipped: &[&str]) -> String {
    match skipped.len() {
        0 => String::new(),
        number => format!(
            "（略过 {number} 项 skipped {number}: {}）",
            skipped.join(", ")
        ),
    }
}

/// What npm says where there is no way to its registry.
const NO_NETWORK: [&str; 5] = [
    "code ENOTFOUND",
    "code EAI_AGAIN",
    "code ENETUNREACH",
    "code ECONNREFUSED",
    "code ETIMEDOUT",
];

/// A foreign client against the real server. Says no if there is no Node or no network: that is no fault of what is
/// tested. Anything else that keeps it from being installed is a failure.
fn tus_js(run: &Run) -> Result<bool, TaskError> {
    run.heading("外部客户端测试 a foreign client: tus-js-client");
    for program in ["node", "npm"] {
        if !setup::succeeds(&[program, "--version"]) {
            run.heading(&format!(
                "略过：没有 {program} skipped: there is no {program}"
            ));
            return Ok(false);
        }
    }
    let install = [
        "ci",
        "--prefix",
        TUS_JS,
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ];
    match said_by(run.program("npm").args(install))? {
        Said::Done => {}
        Said::Failed { output, .. } if has_no_network(&output) => {
            run.heading("略过：没有网络 skipped: npm finds no network");
            return Ok(false);
        }
        Said::Failed { output, error } => {
            run.heading(&output);
            return Err(error);
        }
    }
    execute(&mut run.cargo(&[
        "test",
        "--quiet",
        "--package",
        "gridlog-tests",
        "--test",
        "files",
        "--",
        "--ignored",
        "tus_js_client",
    ]))?;
    Ok(true)
}

fn has_no_network(output: &str) -> bool {
    NO_NETWORK.iter().any(|code| output.contains(code))
}

fn rust(run: &Run) -> Result<(), TaskError> {
    run.heading("测试 tests of all crates");
    execute(&mut run.cargo(&["test", "--workspace", "--quiet"]))
}

/// The real server, which the bindings are tested with; built, so that it is not of yesterday.
fn server(run: &Run) -> Result<(), TaskError> {
    run.heading("构建服务器 building the server");
    execute(&mut run.cargo(&[
        "build",
        "--quiet",
        "--package",
        "gridlog-sync-server",
        "--bin",
        "gridlog-server",
    ]))
}

fn python(run: &Run) -> Result<(), TaskError> {
    bindings::bindings(run, Language::Python)?;
    run.heading("Python 绑定测试 tests of the Python bindings");
    execute(
        run.program("python3")
            .args(["-m", "unittest", "discover", "-s", PYTHON_TESTS, "-v"])
            .env("GRIDLOG_SERVER", run.debug_binary("gridlog-server")),
    )
}

fn kotlin(run: &Run) -> Result<(), TaskError> {
    bindings::bindings(run, Language::Kotlin)?;
    run.heading("Kotlin 绑定测试 tests of the Kotlin bindings");
    execute(
        run.program("mvn")
            .args(["--batch-mode", "--quiet", "--file", KOTLIN_MODULE, "test"])
            .env("GRIDLOG_SERVER", run.debug_binary("gridlog-server")),
    )
}

/// Says no if there is no compiler.
fn swift(run: &Run) -> Result<bool, TaskError> {
    run.heading("Swift 绑定 the Swift bindings");
    let program = match swift::compiler() {
        Ok(program) => program,
        Err(why) => {
            run.heading(&format!(
                "略过 skipped: {why}; mobile-bindings/swift/README.md says how to get Swift 6"
            ));
            return Ok(false);
        }
    };
    bindings::bindings(run, Language::Swift)?;
    server(run)?;
    run.heading("Swift 绑定测试 tests of the Swift bindings");
    execute(
        run.program(&program)
            .args(["test", "--disable-xctest", "--package-path", SWIFT_PACKAGE])
            .env("GRIDLOG_SERVER", run.debug_binary("gridlog-server")),
    )?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_skipped_is_counted_and_named() {
        assert_eq!(in_brackets(&[]), "");
        let words = in_brackets(&["swift", "tus-js"]);
        assert!(words.contains("skipped 2: swift, tus-js"), "{words}");
    }

    #[test]
    fn only_a_missing_network_excuses_an_install_that_fails() {
        for output in [
            "npm error code ENOTFOUND\nnpm error syscall getaddrinfo",
            "npm error code EAI_AGAIN",
            "npm ERR! code ECONNREFUSED",
        ] {
            assert!(has_no_network(output), "{output}");
        }
        for output in [
            "",
            "npm error code EINTEGRITY",
            "npm error code E404",
            "npm error code EUSAGE\nnpm error The `npm ci` command can only install with an existing package-lock.json",
            "npm error code ENOSPC",
        ] {
            assert!(!has_no_network(output), "{output}");
        }
    }
}
