//! What can go wrong in a bench.

use std::io;
use std::path::PathBuf;

use gridlog_cli::server::ServerError;
use gridlog_cli::street::StreetError;
use gridlog_client_core::{PhoneError, TransportError};
use gridlog_sync_server::store::StoreError;

use crate::baseline::BaselineError;

/// Why a run ended without figures, or with figures that break a promise.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// The phone's engine.
    #[error("a phone failed: {0}")]
    Phone(#[from] PhoneError),
    /// The surface that apps call.
    #[error("an app's call failed: {0}")]
    Surface(#[from] gridlog_ffi::GridlogError),
    /// The address of the server.
    #[error("a phone cannot reach the server: {0}")]
    Transport(#[from] TransportError),
    /// The server process.
    #[error("{0}")]
    Server(#[from] ServerError),
    /// The street's directory.
    #[error("{0}")]
    Street(#[from] StreetError),
    /// The matters that texts are made of.
    #[error("data/matters.json is not of the expected form: {source}")]
    Matters {
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The system that Gridlog is compared with.
    #[error("the JSON baseline failed: {0}")]
    Baseline(#[from] BaselineError),
    /// Figures or records could not be put into JSON.
    #[error("figures cannot be put into JSON: {0}")]
    Figures(serde_json::Error),
    /// The store that a workload fills itself.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// An office over HTTP.
    #[error("an office failed: {what}")]
    Office {
        /// In its own words.
        what: String,
    },
    /// A file or folder.
    #[error("{path} cannot be {what}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Read, written or created.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A device process could not be started or spoken to.
    #[error("a device process cannot be {what}: {source}")]
    Process {
        /// Started, told or heard.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A device process ended or said something else than was asked.
    #[error("a device process {what}; its error output is above")]
    Broken {
        /// What it did.
        what: &'static str,
    },
    /// A device process reported a failure.
    #[error("a device failed: {what}")]
    Device {
        /// In its own words.
        what: String,
    },
    /// The proxy found no port.
    #[error("the proxy cannot be started: {source}")]
    Proxy {
        /// What the system said.
        source: io::Error,
    },
    /// The shell does not let a process have as many files open as many phones need.
    #[error(
        "a process may have {most} files open here and {needed} are needed; \
         say `ulimit -n {needed}` first"
    )]
    TooFewFiles {
        /// How many it may have.
        most: u64,
        /// How many it needs.
        needed: u64,
    },
    /// More devices than the street has workers for.
    #[error("{asked} devices are more than the {most} that the street's grids have five each for")]
    TooManyDevices {
        /// How many were asked for.
        asked: u32,
        /// How many there can be.
        most: usize,
    },
    /// A proof could not be made, or is not believed.
    #[error("a proof failed: {0}")]
    Proof(String),
    /// The figures were taken, and they break promises.
    #[error("promises broken: {}", .promises.join("; "))]
    Promises {
        /// Which.
        promises: Vec<String>,
    },
}

impl BenchError {
    /// For `map_err` on what is done with a file.
    pub(crate) fn file(
        path: impl Into<PathBuf>,
        what: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, what, source }
    }
}
