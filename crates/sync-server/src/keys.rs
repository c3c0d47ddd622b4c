//! The server's signing key: in neither the database nor its backups (DESIGN section 7). A new one
//! follows it by a note that both sign; the notes lie beside the key, one a line, the first one first.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gridlog_domain::environment::Entropy;
use gridlog_protocol::{Blob, MAX_SUCCESSIONS, SigningKey, Succession, VerifyingKey};

use crate::outside::sync_folder_of;

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
    /// The notes do not lead to the key.
    #[error(
        "{path} does not say how the signing key came to be; restore both from where you keep them"
    )]
    NotASuccession {
        /// The file of notes.
        path: PathBuf,
    },
    /// There is no key to follow.
    #[error("there is no signing key at {path}; start the server once, which makes one")]
    NoKey {
        /// Where it would be.
        path: PathBuf,
    },
    /// A phone follows no more notes.
    #[error("the key has changed {MAX_SUCCESSIONS} times, and phones follow no more changes")]
    TooManySuccessions,
}

/// The keys that signed before the current one.
#[derive(Debug, Clone, Default)]
pub struct FormerKeys {
    /// The notes by which each key followed the one before, the first one first.
    pub notes: Vec<Blob>,
    /// The keys, the first one first.
    pub keys: Vec<VerifyingKey>,
}

/// The key that signs, and those before it.
#[derive(Clone)]
pub struct ServerKeys {
    /// Signs.
    pub current: SigningKey,
    /// Signed.
    pub former: FormerKeys,
}

impl std::fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerKeys")
            .field("former", &self.former)
            .finish_non_exhaustive()
    }
}

/// Where the notes lie that belong to a key file.
pub fn successions_of(key_file: &Path) -> PathBuf {
    beside(key_file, ".successions")
}

/// The next key, while it is not in its place yet.
fn next_of(key_file: &Path) -> PathBuf {
    beside(key_file, ".next")
}

fn beside(key_file: &Path, suffix: &str) -> PathBuf {
    let mut name = key_file.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    key_file.with_file_name(name)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::File { path, source }
}

fn read_key(path: &Path) -> Result<Option<SigningKey>, KeyError> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let mut seed = [0; 32];
            hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| KeyError::NotAKey {
                path: path.to_owned(),
            })?;
            Ok(Some(SigningKey::from_bytes(&seed)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

fn read_notes(path: &Path) -> Result<Vec<Blob>, KeyError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(path)(error)),
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let notes = lines.map(|line| hex::decode(line.trim()).map(Blob));
    notes
        .collect::<Result<_, _>>()
        .map_err(|_| KeyError::NotASuccession {
            path: path.to_owned(),
        })
}

/// The keys that the notes name, each following the one before.
fn former_keys(notes: Vec<Blob>, current: &SigningKey) -> Option<FormerKeys> {
    let Some(first) = notes.first() else {
        return Some(FormerKeys::default());
    };
    let first = VerifyingKey::from_bytes(&Succession::open(first).ok()?.former.0).ok()?;
    let mut keys = vec![first];
    keys.extend(Succession::follow(&first, &notes));
    let leads_to = keys.pop()?;
    let is_whole = keys.len() == notes.len() && leads_to == current.verifying_key();
    is_whole.then_some(FormerKeys { notes, keys })
}

impl ServerKeys {
    /// Reads the keys, or makes one if the file does not exist. Phones trust the key they enrolled
    /// with, so losing the file means enrolling every phone again. A change of keys that a crash cut short
    /// is ended.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load_or_create(path: &Path, entropy: &mut dyn Entropy) -> Result<Self, KeyError> {
        let Some(current) = read_key(path)? else {
            let current = fresh(entropy);
            write_key(path, &current).map_err(failed(path))?;
            return Ok(Self {
                current,
                former: FormerKeys::default(),
            });
        };
        let notes_file = successions_of(path);
        let notes = read_notes(&notes_file)?;
        if let Some(former) = former_keys(notes.clone(), &current) {
            return Ok(Self { current, former });
        }
        let not_a_succession = || KeyError::NotASuccession {
            path: notes_file.clone(),
        };
        let next = read_key(&next_of(path))?.ok_or_else(not_a_succession)?;
        let former = former_keys(notes, &next).ok_or_else(not_a_succession)?;
        put_in_place(path)?;
        Ok(Self {
            current: next,
            former,
        })
    }

    /// Makes a new key that follows the one in the file, which is gone then. No server may run with it.
    ///
    /// # Errors
    /// [`KeyError`]; then the key is as it was, or a next start ends the change.
    pub fn rotate(path: &Path, entropy: &mut dyn Entropy, at_ms: i64) -> Result<Self, KeyError> {
        if !path.exists() {
            return Err(KeyError::NoKey {
                path: path.to_owned(),
            });
        }
        let keys = Self::load_or_create(path, entropy)?;
        if keys.former.notes.len() >= MAX_SUCCESSIONS {
            return Err(KeyError::TooManySuccessions);
        }
        let next = fresh(entropy);
        let next_file = next_of(path);
        // One that was left there follows nothing: no note names it.
        match std::fs::remove_file(&next_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&next_file)(error));
            }
            _ => {}
        }
        write_key(&next_file, &next).map_err(failed(&next_file))?;
        let note = Succession::sign(&keys.current, &next, at_ms);
        let notes_file = successions_of(path);
        append_line(&notes_file, &hex::encode(&note.0)).map_err(failed(&notes_file))?;
        put_in_place(path)?;
        let mut former = keys.former;
        former.keys.push(keys.current.verifying_key());
        former.notes.push(note);
        Ok(Self {
            current: next,
            former,
        })
    }
}

fn put_in_place(path: &Path) -> Result<(), KeyError> {
    std::fs::rename(next_of(path), path)
        .and_then(|()| sync_folder_of(path))
        .map_err(failed(path))
}

fn fresh(entropy: &mut dyn Entropy) -> SigningKey {
    let mut seed = [0; 32];
    entropy.fill(&mut seed);
    SigningKey::from_bytes(&seed)
}

fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()?;
    sync_folder_of(path)
}

fn write_key(path: &Path, key: &SigningKey) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(hex::encode(key.to_bytes()).as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridlog_domain::environment::SeededEntropy;

    fn load(path: &Path, seed: u64) -> Result<ServerKeys, KeyError> {
        ServerKeys::load_or_create(path, &mut SeededEntropy::new(seed))
    }

    fn rotate(path: &Path, seed: u64) -> ServerKeys {
        ServerKeys::rotate(path, &mut SeededEntropy::new(seed), 7).unwrap()
    }

    #[test]
    fn a_key_is_made_once_and_then_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/server.key");
        let first = load(&path, 1).unwrap();
        let again = load(&path, 2).unwrap();
        assert_eq!(first.current.to_bytes(), again.current.to_bytes());
        assert!(again.former.notes.is_empty());
    }

    #[test]
    fn a_damaged_key_file_is_named_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        std::fs::write(&path, "not a key").unwrap();
        let error = load(&path, 1).unwrap_err();
        assert!(matches!(error, KeyError::NotAKey { .. }));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a key");
    }

    #[test]
    fn a_new_key_follows_the_old_one_and_whoever_knows_that_reaches_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        let none = ServerKeys::rotate(&path, &mut SeededEntropy::new(1), 7);
        assert!(matches!(none, Err(KeyError::NoKey { .. })));
        let first = load(&path, 1).unwrap().current.verifying_key();
        let second = rotate(&path, 2).current.verifying_key();
        let third = rotate(&path, 3).current.verifying_key();
        let keys = load(&path, 4).unwrap();
        assert_eq!(keys.current.verifying_key(), third);
        assert_eq!(keys.former.keys, [first, second]);
        let reached = Succession::follow(&first, &keys.former.notes);
        assert_eq!(reached, [second, third]);
    }

    #[test]
    fn a_change_that_was_cut_short_is_ended_or_had_not_begun() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        let first = load(&path, 1).unwrap();
        let old = std::fs::read(&path).unwrap();
        let second = rotate(&path, 2);
        // Before the key was in its place.
        std::fs::rename(&path, next_of(&path)).unwrap();
        std::fs::write(&path, &old).unwrap();
        let ended = load(&path, 3).unwrap();
        assert_eq!(ended.current.to_bytes(), second.current.to_bytes());
        // Before the note was written.
        std::fs::write(next_of(&path), hex::encode([9; 32])).unwrap();
        let same = load(&path, 3).unwrap();
        assert_eq!(same.current.to_bytes(), second.current.to_bytes());
        let third = rotate(&path, 4);
        let known = first.current.verifying_key();
        let newest = Succession::follow(&known, &third.former.notes).pop();
        assert_eq!(newest, Some(third.current.verifying_key()));
        // The old key alone, without what follows.
        std::fs::write(&path, &old).unwrap();
        let error = load(&path, 5).unwrap_err();
        assert!(matches!(error, KeyError::NotASuccession { .. }));
    }
}
