//! Taking a photo.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::{PhotoRef, PhotoRole, PreviewRef, RecordView};
use gridlog_picture_guard::{Limits, Outcome, preview, sniff, strip};
use rusqlite::ErrorCode;
use serde::{Deserialize, Serialize};

use super::hash::FileHash;
use super::rules::FileRules;
use super::vault::Unsettled;
use crate::error::PhoneError;
use crate::identity;
use crate::phone::{Inner, Phone};
use crate::record::{NewPhoto, Scene};
use crate::store::attachments::{self, NewAttachment};
use crate::store::records;
use crate::sync::CancelFlag;

/// How much of a file is read or written between two looks at whether it is still wanted, bytes.
const PIECE: usize = 256 * 1024;

/// A photo that is on this phone and in its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The reference in the record.
    pub id: EntryId,
    /// The file's name by content, as it will be sent.
    pub sha256: FileHash,
    /// Its size as it will be sent, bytes.
    pub bytes: u64,
    /// Whether what says something of place, device and person was taken out of it, if there was any. False for what
    /// is no picture, which goes as it is, and for a HEIC where the district keeps what cameras say.
    pub is_clean: bool,
    /// Its preview, if there is one.
    pub preview: Option<FileHash>,
}

/// A photo that was looked at, and not stored yet.
struct Taken {
    hash: FileHash,
    contents: Vec<u8>,
    is_clean: bool,
    preview: Option<(FileHash, Vec<u8>)>,
}

fn count(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

/// Reads a file, but not one that is larger than it may be.
fn read_capped(path: &Path, limit: u64, cancel: &CancelFlag) -> Result<Vec<u8>, PhoneError> {
    let unreadable = |error: io::Error| PhoneError::FileUnreadable(error);
    let mut file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    let too_large = |bytes| PhoneError::FileTooLarge { bytes, limit };
    if bytes > limit {
        return Err(too_large(bytes));
    }
    let mut contents = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    loop {
        cancel.check()?;
        let mut piece = file.by_ref().take(PIECE as u64);
        let came = piece.read_to_end(&mut contents).map_err(unreadable)?;
        // It may have grown meanwhile.
        if count(&contents) > limit {
            return Err(too_large(count(&contents)));
        }
        if came == 0 {
            return Ok(contents);
        }
    }
}

fn take(contents: &[u8], rules: &FileRules, cancel: &CancelFlag) -> Result<Taken, PhoneError> {
    let stripped = strip(contents, rules.keep());
    let is_clean = stripped.what != Outcome::NotUnderstood;
    // A file that is no picture has no camera in it that told it the place.
    if let Some(kind) = sniff(contents).filter(|_| !is_clean && !rules.keeps_exif) {
        let kind = kind.media_type();
        return Err(PhoneError::FileNotCleanable { kind });
    }
    cancel.check()?;
    let hash = FileHash::of(&stripped.bytes);
    cancel.check()?;
    let small = preview(&stripped.bytes, &Limits::default());
    if let Err(why) = &small {
        tracing::info!(code = why.code(), "a file has no preview");
    }
    Ok(Taken {
        hash,
        is_clean,
        contents: stripped.bytes.into_owned(),
        preview: small
            .ok()
            .map(|small| (FileHash::of(&small), small))
            .filter(|(small, _)| *small != hash),
    })
}

impl Taken {
    /// Whether it may be attached to a record that says that.
    fn check(
        &self,
        record: RecordId,
        view: &RecordView,
        rules: &FileRules,
    ) -> Result<(), PhoneError> {
        let bytes = count(&self.contents);
        // What is put in instead of a camera's data is a few bytes.
        if bytes > rules.max_file_bytes {
            return Err(PhoneError::FileTooLarge {
                bytes,
                limit: rules.max_file_bytes,
            });
        }
        let name = self.hash.to_string();
        let photos = view.photos.values();
        let mut held: BTreeMap<&str, u64> = photos
            .map(|photo| (photo.sha256.as_str(), photo.bytes))
            .collect();
        held.insert(&name, bytes);
        let total = held
            .values()
            .fold(0, |sum: u64, one| sum.saturating_add(*one));
        if total > rules.max_record_bytes {
            return Err(PhoneError::RecordFull {
                record,
                bytes: total,
                limit: rules.max_record_bytes,
            });
        }
        Ok(())
    }

    fn attached(&self, id: EntryId) -> Attached {
        Attached {
            id,
            sha256: self.hash,
            bytes: count(&self.contents),
            is_clean: self.is_clean,
            preview: self.preview.as_ref().map(|(hash, _)| *hash),
        }
    }
}

/// The reference by which the record has the photo already.
fn known(view: &RecordView, hash: FileHash, role: PhotoRole) -> Option<EntryId> {
    let name = hash.to_string();
    let is_it = |photo: &PhotoRef| photo.sha256 == name && photo.role == role;
    let mut photos = view.photos.iter();
    photos.find(|(_, photo)| is_it(photo)).map(|(id, _)| *id)
}

impl Phone {
    /// Takes the photo at `path` into a record: cleans it, makes its preview, encrypts both beside the
    /// database, and commits. The file at `path` is the app's and stays as it is.
    ///
    /// A photo that the record has already in the same role is that one. However often a photo is attached,
    /// to whatever number of records, it is stored once. The file is read whole, so about three times its
    /// size in memory is needed for a moment, and what its preview takes.
    ///
    /// # Errors
    /// [`PhoneError::FileNotCleanable`] for a HEIC, AVIF or broken picture, unless the rules keep what cameras say;
    /// [`PhoneError::FileTooLarge`], [`PhoneError::RecordFull`], [`PhoneError::FileEmpty`] and
    /// [`PhoneError::FileUnreadable`], all before anything is stored; [`PhoneError::DiskFull`] and
    /// [`PhoneError::FileStore`]; else as for [`Phone::comment`]. Nothing is left behind then.
    pub fn attach(
        &self,
        record: RecordId,
        path: &Path,
        role: PhotoRole,
    ) -> Result<Attached, PhoneError> {
        self.attach_unless(record, path, role, &CancelFlag::new())
    }

    /// As [`Phone::attach`], unless `cancel` is set before the commit: it is looked at between any two pieces.
    ///
    /// # Errors
    /// As [`Phone::attach`]; [`PhoneError::Cancelled`], and nothing is left behind then.
    pub fn attach_unless(
        &self,
        record: RecordId,
        path: &Path,
        role: PhotoRole,
        cancel: &CancelFlag,
    ) -> Result<Attached, PhoneError> {
        cancel.check()?;
        let rules = self.file_rules()?;
        let contents = read_capped(path, rules.max_file_bytes, cancel)?;
        if contents.is_empty() {
            return Err(PhoneError::FileEmpty);
        }
        let taken = take(&contents, &rules, cancel)?;
        drop(contents);
        self.inner.store.read(|connection| {
            identity::require(connection)?;
            let facts = records::get(connection, record)?;
            let facts = facts.ok_or(PhoneError::UnknownRecord { record })?;
            taken.check(record, &facts.view, &rules)
        })?;
        let attached = self.inner.attach(record, &taken, role, &rules, cancel)?;
        self.inner.signal.committed();
        Ok(attached)
    }
}

impl Inner {
    fn attach(
        &self,
        record: RecordId,
        taken: &Taken,
        role: PhotoRole,
        rules: &FileRules,
        cancel: &CancelFlag,
    ) -> Result<Attached, PhoneError> {
        let photo = self.put_file(taken.hash, &taken.contents, cancel)?;
        let small = match &taken.preview {
            Some((hash, contents)) => Some(self.put_file(*hash, contents, cancel)?),
            None => None,
        };
        let done = self.store.write(|tx| {
            // The last look: whoever cancels later has the photo.
            cancel.check()?;
            let scene = Scene::new(self, tx, Some(record))?;
            let view = scene.view.as_ref();
            let view = view.ok_or(PhoneError::UnknownRecord { record })?;
            taken.check(record, view, rules)?;
            let id = match known(view, taken.hash, role) {
                Some(id) => id,
                None => {
                    let (id, command) = scene.photo(NewPhoto {
                        sha256: taken.hash.to_string(),
                        role,
                        bytes: count(&taken.contents),
                        preview: taken.preview.as_ref().map(|(hash, small)| PreviewRef {
                            sha256: hash.to_string(),
                            bytes: count(small),
                        }),
                    });
                    self.commit(tx, &scene, record, None, vec![command])?;
                    id
                }
            };
            let add = |unsettled: Unsettled, contents: &[u8], preview_of: Option<FileHash>| {
                let hash = unsettled.hash();
                self.vault.settle(unsettled)?;
                attachments::add_own(
                    tx,
                    &NewAttachment {
                        record,
                        file: hash,
                        bytes: count(contents),
                        preview_of,
                        at_ms: scene.moment.now_ms,
                    },
                )
            };
            add(photo, &taken.contents, None)?;
            if let (Some(small), Some((_, contents))) = (small, &taken.preview) {
                add(small, contents, Some(taken.hash))?;
            }
            Ok(taken.attached(id))
        });
        done.map_err(|error| {
            let preview = taken.preview.as_ref().map(|(hash, _)| *hash);
            self.forget_unknown(&[Some(taken.hash), preview]);
            full(error)
        })
    }

    fn put_file(
        &self,
        hash: FileHash,
        contents: &[u8],
        cancel: &CancelFlag,
    ) -> Result<Unsettled, PhoneError> {
        let mut filling = self.vault.fill(hash, self.random_seed())?;
        for piece in contents.chunks(PIECE) {
            cancel.check()?;
            filling.write(piece)?;
        }
        filling.finish()
    }

    /// After a transaction that failed: files that got their names in it, and are known to nobody.
    pub(super) fn forget_unknown(&self, files: &[Option<FileHash>]) {
        let removed = self.store.write(|tx| {
            for file in files.iter().flatten() {
                if attachments::size(tx, *file)?.is_none() {
                    self.vault.remove(*file)?;
                }
            }
            Ok(())
        });
        if let Err(error) = removed {
            // The next start removes them.
            tracing::warn!(code = error.code(), "a file that nobody knows was left");
        }
    }
}

/// A database that found no room says so as files do.
pub(super) fn full(error: PhoneError) -> PhoneError {
    match error {
        PhoneError::Store(cause) if cause.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            PhoneError::DiskFull
        }
        other => other,
    }
}
