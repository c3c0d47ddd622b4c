//! `cargo xtask bench`.

use std::fs;

use crate::bindings::{self, Language};
use crate::error::TaskError;
use crate::phone;
use crate::setup;
use crate::step::{Run, execute};

/// The workload that measures the phone's library.
const FFI: &str = "ffi";

/// Builds the bench and the server in release and runs one workload.
///
/// A phone does not run the release profile, so for `ffi` the bench is built as the phone's library is.
pub(crate) fn bench(run: &Run, workload: &str, arguments: &[String]) -> Result<(), TaskError> {
    setup::ensure(run)?;
    let mut command = if workload == FFI {
        run.build_release(&["gridlog-server"])?;
        let mut command = run.program(phone::program(run, "gridlog-bench")?);
        // The size of what ships is one of its figures.
        command.arg(FFI).arg("--library").arg(phone::library(run)?);
        command.arg("--kotlin-classpath").arg(kotlin(run)?);
        command
    } else {
        run.build_release(&["gridlog-bench", "gridlog-server"])?;
        let mut command = run.program(run.release_binary("gridlog-bench"));
        command.arg(workload);
        command
    };
    run.heading(&format!("性能测试 bench {workload}"));
    command
        .arg("--server-bin")
        .arg(run.release_binary("gridlog-server"))
        .args(arguments.iter().filter(|argument| *argument != "--"));
    execute(&mut command)
}

const KOTLIN_MODULE: &str = "mobile-bindings/kotlin/pom.xml";
const KOTLIN_BUILT: &str = "mobile-bindings/kotlin/target/bench";

/// Compiles the app in Kotlin and says its classpath. That java or Maven is missing was said before anything else.
fn kotlin(run: &Run) -> Result<String, TaskError> {
    bindings::bindings(run, Language::Kotlin)?;
    run.heading("构建 Kotlin 测试程序 building the app in Kotlin");
    let built = run.root().join(KOTLIN_BUILT);
    let needed = built.join("classpath.txt");
    execute(
        run.program("mvn")
            .args([
                "--batch-mode",
                "--quiet",
                "--file",
                KOTLIN_MODULE,
                "-Pbench",
            ])
            .args(["compile", "dependency:build-classpath"])
            .arg(format!("-Dmdep.outputFile={}", needed.display())),
    )?;
    let libraries = fs::read_to_string(&needed).map_err(|source| TaskError::Unreadable {
        path: needed,
        source,
    })?;
    let classes = built.join("classes");
    let separator = if cfg!(windows) { ';' } else { ':' };
    Ok(format!(
        "{}{separator}{}",
        classes.display(),
        libraries.trim()
    ))
}
