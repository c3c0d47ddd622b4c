//! How the library that ships to phones is built: small before fast. This is the one place that knows; the scripts for
//! Android and iOS do the same with their own compilers.

use std::path::PathBuf;
use std::process::Command;

use crate::bindings::{DYNAMIC, PACKAGE, library_name};
use crate::error::TaskError;
use crate::step::{Run, execute};

/// The profile; `Cargo.toml` says why it is as it is.
const PROFILE: &str = "phone";
/// Leaves out of OpenSSL what it can spare. The crate that builds OpenSSL starts it in place of perl.
const CONFIGURE_OPENSSL: &str = "mobile-bindings/configure-openssl.sh";

/// Builds the library as it ships, stripped.
pub(crate) fn library(run: &Run) -> Result<PathBuf, TaskError> {
    run.heading("构建手机用的库 building the library for phones");
    execute(with_profile(run, "rustc").args(PACKAGE).args(DYNAMIC))?;
    Ok(run.target().join(PROFILE).join(library_name()))
}

/// Builds a program around the same code, so that what is measured is what a phone runs.
pub(crate) fn program(run: &Run, name: &str) -> Result<PathBuf, TaskError> {
    run.heading(&format!("按手机配置构建 building {name} as for phones"));
    execute(with_profile(run, "build").args(["--bin", name]))?;
    Ok(run.binary(PROFILE, name))
}

fn with_profile(run: &Run, subcommand: &str) -> Command {
    let mut command = run.cargo(&[subcommand, "--quiet", "--profile", PROFILE]);
    // A script: where the system does not run one, the library only has more of OpenSSL.
    if cfg!(unix) {
        command.env("OPENSSL_SRC_PERL", run.root().join(CONFIGURE_OPENSSL));
    }
    command
}
