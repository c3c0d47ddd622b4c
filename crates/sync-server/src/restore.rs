//! Restoring a backup, which begins a new epoch of the log.
//!
//! What happened after the backup is lost here until phones give it back (DESIGN section 7, repair).
//! So that they notice, the log goes on in an epoch beyond every one that ever began here; and what was
//! erased after the backup is erased again before anybody is served.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridlog_domain::environment::{Clock, Entropy};
use gridlog_merge_guard::Limits;

use crate::backup::{create_private, part_of, put_in_place};
use crate::config::Config;
use crate::directory::{Directory, SharedDirectory};
use crate::folder::{FolderError, FolderLock};
use crate::ingest::{Sequencer, Why};
use crate::outside::{Outside, OutsideError, sync_folder_of};
use crate::store::{LogHead, SqliteStore, Store as _, StoreError};

/// Why a backup was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Somebody works on the data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// There is a database already.
    #[error("there is a database at {0}; with --replace it is moved aside")]
    Exists(PathBuf),
    /// The backup is not one.
    #[error("{path} is no sound backup: {source}")]
    BadBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StoreError,
    },
    /// A file or folder.
    #[error("cannot write {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is kept beside the database.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The restored database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The head of the log in the backup.
    pub backup: LogHead,
    /// The head of the log that goes on from it.
    pub head: LogHead,
    /// How many records were erased again.
    pub erased: usize,
    /// Where the database that was there is now.
    pub aside: Option<PathBuf>,
}

/// Whether a restore into `database` was begun and not finished.
pub(crate) fn is_unfinished(database: &Path) -> bool {
    !database.exists() && part_of(database).exists()
}

/// Puts a backup in the database's place while no server runs, and begins a new epoch. A database that
/// is there is moved aside if `replace` says so.
///
/// # Errors
/// [`RestoreError`]. Where it comes after the old database was moved aside, no server starts before
/// this was run again.
pub fn restore(
    config: &Config,
    from: &Path,
    replace: bool,
    (clock, entropy): (&dyn Clock, &mut dyn Entropy),
) -> Result<Restored, RestoreError> {
    let _folder = FolderLock::take(&config.data)?;
    let database = config.database();
    if database.exists() && !replace {
        return Err(RestoreError::Exists(database));
    }
    let backup = SqliteStore::inspect_file(from).map_err(|source| RestoreError::BadBackup {
        path: from.to_owned(),
        source,
    })?;
    let outside: Arc<dyn Outside> = Arc::new(config.outside());
    end_epochs(&*outside, &database, backup)?;
    let aside = put_copy_in_place(from, &database, clock.now_ms())?;
    let (head, erased) = go_on(&database, backup, outside, (clock, entropy))?;
    Ok(Restored {
        backup,
        head,
        erased,
        aside,
    })
}

/// Notes that the epoch of the backup is over, and that of the database that it is to replace: from
/// here on also if the restore ends half way.
///
/// # Errors
/// [`OutsideError`]; nothing has happened yet.
pub fn end_epochs(
    outside: &dyn Outside,
    replaced: &Path,
    backup: LogHead,
) -> Result<(), OutsideError> {
    // What is replaced may be damaged, so what it says of epochs is welcome and not needed.
    let replaced = SqliteStore::inspect_file(replaced).map_or(0, |head| head.epoch);
    let newest = outside.newest_epoch()?.max(replaced).max(backup.epoch);
    outside.note_epoch(newest.saturating_add(1))
}

/// Goes on from a backup that is in its place: begins the epoch that [`end_epochs`] noted, and erases again what was erased after
/// the backup. Returns the head of the log, and how many records were erased.
///
/// # Errors
/// [`StoreError`]; a server that starts does what is left of it.
pub fn go_on(
    database: &Path,
    backup: LogHead,
    outside: Arc<dyn Outside>,
    (clock, entropy): (&dyn Clock, &mut dyn Entropy),
) -> Result<(LogHead, usize), StoreError> {
    let store = Arc::new(SqliteStore::open(database)?);
    let directory = SharedDirectory::new(Directory::load(&*store)?);
    let mut actor = [0; 16];
    entropy.fill(&mut actor);
    let mut sequencer = Sequencer::new(store.clone(), directory, Limits::default(), actor)
        .beside(Arc::clone(&outside));
    let epochs = (backup.epoch, outside.newest_epoch()?);
    sequencer.begin_epoch(clock.now_ms(), epochs, Why::Restored)?;
    let erased = sequencer.erase_again(clock.now_ms())?;
    store.note_backup(backup.seq)?;
    Ok((store.head()?, erased))
}

/// Copies the backup, moves aside what is there, and gives the copy its name.
fn put_copy_in_place(
    from: &Path,
    database: &Path,
    now_ms: i64,
) -> Result<Option<PathBuf>, RestoreError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RestoreError::File { path, source }
    };
    let part = part_of(database);
    create_private(&part).map_err(failed(&part))?;
    copy_contents(from, &part).map_err(failed(&part))?;
    // Read from the disk again: what was copied is what will be served.
    SqliteStore::inspect_file(&part)?;
    let aside = move_aside(database, now_ms).map_err(failed(database))?;
    put_in_place(&part, database).map_err(failed(database))?;
    Ok(aside)
}

/// Copies what a file holds, and not who may read it: a backup may have lain anywhere.
fn copy_contents(from: &Path, to: &Path) -> io::Result<u64> {
    let mut to = std::fs::OpenOptions::new().write(true).open(to)?;
    io::copy(&mut std::fs::File::open(from)?, &mut to)
}

/// Moves a database aside with the files that belong to it; its new name, if there was any. Also what
/// an unfinished restore left of them: a foreign WAL would spoil the database that comes.
fn move_aside(database: &Path, now_ms: i64) -> io::Result<Option<PathBuf>> {
    let stem = database.file_stem().unwrap_or_default().to_string_lossy();
    let aside = database.with_file_name(format!("{stem}-replaced-{now_ms}.db"));
    let mut any = false;
    for suffix in ["", "-wal", "-shm"] {
        let with = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        match std::fs::rename(with(database), with(&aside)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => {
                moved?;
                any = true;
            }
        }
    }
    sync_folder_of(&aside)?;
    Ok(any.then_some(aside))
}

#[cfg(test)]
mod tests;
