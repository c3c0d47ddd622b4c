//! The phone's folder.
//!
//! ```text
//! phone.db    the encrypted store
//! key         its key, 64 hex digits, readable by the owner alone
//! generation  the generation marker
//! server      the server's address
//! ```
//!
//! A real app keeps the key and the marker in the key store of its system, where neither backups
//! nor other apps reach. A terminal has no such place, so this is a phone for trying things out,
//! for tests and for the demo: whoever can read the folder can read the records.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridlog_cli::environment::{SystemClock, SystemEntropy};
use gridlog_client_core::{FileMarker, Phone, StoreKey};
use gridlog_domain::environment::Entropy as _;

use crate::error::CliError;

/// A phone's folder.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    folder: PathBuf,
}

impl Home {
    /// The folder that was named, or the default one.
    pub(crate) fn find(named: Option<PathBuf>) -> Result<Self, CliError> {
        let default = || std::env::home_dir().map(|home| home.join(".gridlog"));
        named
            .or_else(default)
            .map(|folder| Self { folder })
            .ok_or(CliError::NoHome)
    }

    /// That folder.
    pub(crate) const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Opens the phone's store; makes it at first use.
    pub(crate) fn open(&self) -> Result<Phone, CliError> {
        self.create_folder()?;
        let key = self.key()?;
        let marker = Arc::new(FileMarker::new(self.folder.join("generation")));
        Ok(Phone::open(gridlog_client_core::OpenOptions {
            path: self.folder.join("phone.db"),
            key,
            clock: Arc::new(SystemClock),
            entropy: Box::new(SystemEntropy),
            marker,
        })?)
    }

    /// The server's address, from the last enrolment.
    pub(crate) fn server(&self) -> Result<String, CliError> {
        let path = self.folder.join("server");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(CliError::NoServer),
            Err(source) => Err(failed(path, "read", source)),
        }
    }

    /// Keeps the server's address.
    pub(crate) fn set_server(&self, address: &str) -> Result<(), CliError> {
        let path = self.folder.join("server");
        fs::write(&path, format!("{address}\n")).map_err(|source| failed(path, "written", source))
    }

    fn create_folder(&self) -> Result<(), CliError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&self.folder)
            .map_err(|source| failed(self.folder.clone(), "created", source))
    }

    fn key(&self) -> Result<StoreKey, CliError> {
        let path = self.folder.join("key");
        match fs::read_to_string(&path) {
            Ok(text) => read_key(&text).ok_or(CliError::BadKeyFile { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut bytes = [0_u8; 32];
                SystemEntropy.fill(&mut bytes);
                write_key(&path, &bytes).map_err(|source| failed(path, "created", source))?;
                Ok(StoreKey::new(bytes))
            }
            Err(source) => Err(failed(path, "read", source)),
        }
    }
}

fn read_key(text: &str) -> Option<StoreKey> {
    let mut bytes = [0_u8; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
    Some(StoreKey::new(bytes))
}

/// A store without its key is lost, so the key is durable before the store is made.
fn write_key(path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    file.write_all(hex::encode(key).as_bytes())?;
    file.sync_all()
}

fn failed(path: PathBuf, what: &'static str, source: io::Error) -> CliError {
    CliError::File { path, what, source }
}
