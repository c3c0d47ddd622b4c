//! The server's signing key: in neither the database nor its backups (DESIGN section 7).

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gridlog_domain::environment::Entropy;
use gridlog_protocol::SigningKey;

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the key file {path} cannot be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not hold a key.
    #[error("the key file {path} does not hold 64 hex digits; restore it from where you keep it")]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the key, or makes one if the file does not exist. Phones trust the key they enrolled
/// with, so losing the file means enrolling every phone again.
///
/// # Errors
/// [`KeyError`].
pub fn load_or_create(path: &Path, entropy: &mut dyn Entropy) -> Result<SigningKey, KeyError> {
    let failed = |source| KeyError::File {
        path: path.to_owned(),
        source,
    };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let mut seed = [0; 32];
            hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| KeyError::NotAKey {
                path: path.to_owned(),
            })?;
            Ok(SigningKey::from_bytes(&seed))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut seed = [0; 32];
            entropy.fill(&mut seed);
            write_secret(path, &hex::encode(seed)).map_err(failed)?;
            Ok(SigningKey::from_bytes(&seed))
        }
        Err(error) => Err(failed(error)),
    }
}

fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridlog_domain::environment::SeededEntropy;

    #[test]
    fn a_key_is_made_once_and_then_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/server.key");
        let first = load_or_create(&path, &mut SeededEntropy::new(1)).unwrap();
        let again = load_or_create(&path, &mut SeededEntropy::new(2)).unwrap();
        assert_eq!(first.to_bytes(), again.to_bytes());
    }

    #[test]
    fn a_damaged_key_file_is_named_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        std::fs::write(&path, "not a key").unwrap();
        let error = load_or_create(&path, &mut SeededEntropy::new(1)).unwrap_err();
        assert!(matches!(error, KeyError::NotAKey { .. }));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a key");
    }
}
