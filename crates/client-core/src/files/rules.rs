//! What the district has decided about files.

use gridlog_picture_guard::Keep;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::send::FilePolicy;
use crate::error::PhoneError;
use crate::phone::Phone;
use crate::store::meta;

/// What may be attached, and what is taken out of it before. The app sets it from the district's
/// configuration, and it holds until it is set again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileRules {
    /// Largest file, bytes. Files of others that are larger are not fetched either.
    pub max_file_bytes: u64,
    /// Most bytes of all files of one record, previews aside.
    pub max_record_bytes: u64,
    /// Keeps place, time and device in photos, where the district has decided that they are evidence and has told
    /// its people so.
    pub keeps_exif: bool,
}

impl Default for FileRules {
    fn default() -> Self {
        Self {
            max_file_bytes: 10 * 1024 * 1024,
            max_record_bytes: 50 * 1024 * 1024,
            keeps_exif: false,
        }
    }
}

impl FileRules {
    pub(super) const fn keep(&self) -> Keep {
        match self.keeps_exif {
            true => Keep::Exif,
            false => Keep::Nothing,
        }
    }
}

/// The rules that hold. What does not read back is as if nothing had been set.
pub(super) fn read(connection: &Connection) -> Result<FileRules, PhoneError> {
    let stored = meta::FILE_RULES.get(connection)?;
    let rules = stored.and_then(|json| serde_json::from_str(&json).ok());
    Ok(rules.unwrap_or_default())
}

/// Over what the worker lets files go. What does not read back is as if nothing had been chosen.
fn read_policy(connection: &Connection) -> Result<FilePolicy, PhoneError> {
    let stored = meta::FILE_POLICY.get(connection)?;
    let policy = stored.and_then(|json| serde_json::from_str(&json).ok());
    Ok(policy.unwrap_or_default())
}

impl Phone {
    /// Over what the worker lets files go, as it was chosen last; any network at first. It is for the app to heed when it
    /// sends: see [`SendOptions::may_send`](crate::SendOptions).
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn file_policy(&self) -> Result<FilePolicy, PhoneError> {
        self.inner.store.read(read_policy)
    }

    /// Keeps over what the worker lets files go.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn set_file_policy(&self, policy: FilePolicy) -> Result<(), PhoneError> {
        let json = serde_json::to_string(&policy).map_err(|_| PhoneError::StoreDamaged {
            what: "file policy",
        })?;
        self.inner.store.write(|tx| meta::FILE_POLICY.set(tx, json))
    }

    /// What may be attached here.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn file_rules(&self) -> Result<FileRules, PhoneError> {
        self.inner.store.read(read)
    }

    /// Sets what may be attached from here on. Files that are here already stay as they are.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn set_file_rules(&self, rules: FileRules) -> Result<(), PhoneError> {
        let json = serde_json::to_string(&rules)
            .map_err(|_| PhoneError::StoreDamaged { what: "file rule" })?;
        self.inner.store.write(|tx| meta::FILE_RULES.set(tx, json))
    }
}
