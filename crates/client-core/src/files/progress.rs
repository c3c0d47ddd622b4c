//! Where each file stands.
//!
//! How far a file is, is noted in the store when its upload begins and after each of its turns (2 MiB). Between two
//! notes it is kept in memory: a commit for each piece would be a cost, and after a restart the server is asked anyhow.

use gridlog_domain::id::RecordId;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::hash::FileHash;
use crate::error::PhoneError;
use crate::phone::{Inner, Phone, lock};
use crate::reasons::explain;
use crate::store::attachments;

/// What became of a photo that was attached here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStanding {
    /// 已上传: the server has it for its record.
    OnServer,
    /// 上传中: the server has a part of it.
    OnTheWay,
    /// 在本机: the server has nothing of it.
    OnThisPhone,
    /// 需要您处理: the server does not take it, or what lies here is damaged.
    NeedsYou,
}

impl FileStanding {
    /// A stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OnServer => "on_server",
            Self::OnTheWay => "on_the_way",
            Self::OnThisPhone => "on_this_phone",
            Self::NeedsYou => "needs_you",
        }
    }

    /// What a worker reads, in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::OnServer => "已上传",
            Self::OnTheWay => "上传中",
            Self::OnThisPhone => "在本机",
            Self::NeedsYou => "需要您处理",
        }
    }

    /// The same in English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::OnServer => "on the server",
            Self::OnTheWay => "on the way",
            Self::OnThisPhone => "only on this phone",
            Self::NeedsYou => "needs you",
        }
    }
}

/// How far a photo is. Its preview is not told apart: it goes before every photo, and is small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProgress {
    /// The record that refers to it.
    pub record: RecordId,
    /// The file.
    pub sha256: FileHash,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many of them the server has, as far as is known here.
    pub sent_bytes: u64,
    /// Where it stands.
    pub standing: FileStanding,
    /// When it was attached, device time in milliseconds since the Unix epoch.
    pub attached_ms: i64,
    /// Why it needs the worker, or why it did not go the last time; a stable code.
    pub code: Option<String>,
    /// The same in Chinese.
    pub zh: Option<String>,
    /// The same in English.
    pub en: Option<String>,
}

/// Where the photos stand that were attached here. They add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileCounts {
    /// Photos of which the server has nothing.
    pub on_this_phone: u64,
    /// Photos of which it has a part.
    pub on_the_way: u64,
    /// Photos that it has.
    pub on_server: u64,
    /// Photos that it does not take, or that are damaged here.
    pub needs_you: u64,
    /// Bytes of those on this phone and on the way.
    pub bytes_to_send: u64,
    /// How many of them the server has.
    pub bytes_sent: u64,
}

impl FileCounts {
    /// Photos that are nowhere but here, or not whole elsewhere.
    pub const fn only_here(&self) -> u64 {
        self.on_this_phone + self.on_the_way + self.needs_you
    }
}

/// How far a file is, beyond what was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Underway {
    pub(super) record: RecordId,
    pub(super) file: FileHash,
    /// How many of its bytes the server has.
    pub(super) sent_bytes: u64,
}

impl Underway {
    fn is(&self, own: &attachments::Own) -> bool {
        (self.record, self.file) == (own.record, own.file)
    }
}

impl Inner {
    /// How far the file is that was sent last, if that is not noted.
    pub(crate) fn underway(&self) -> Option<Underway> {
        *lock(&self.underway)
    }

    /// The server has so much of a file, which is not noted, or is now.
    pub(super) fn set_underway(&self, now: Option<Underway>) {
        *lock(&self.underway) = now;
    }
}

/// Adds up where the photos of all records stand.
pub(crate) fn counts(
    connection: &Connection,
    underway: Option<Underway>,
) -> Result<FileCounts, PhoneError> {
    let mut counts = FileCounts::default();
    for group in attachments::groups(connection)? {
        let standing = standing(&group.standing, group.has_part);
        let place = match standing {
            FileStanding::OnServer => &mut counts.on_server,
            FileStanding::OnTheWay => &mut counts.on_the_way,
            FileStanding::OnThisPhone => &mut counts.on_this_phone,
            FileStanding::NeedsYou => &mut counts.needs_you,
        };
        *place += group.count;
        if matches!(standing, FileStanding::OnTheWay | FileStanding::OnThisPhone) {
            counts.bytes_to_send += group.bytes;
            counts.bytes_sent += group.sent_bytes;
        }
    }
    if let Some(now) = underway {
        let noted = attachments::noted(connection, now.record, now.file)?;
        if let Some(noted) = noted.filter(|noted| *noted < now.sent_bytes) {
            counts.bytes_sent += now.sent_bytes - noted;
            if noted == 0 {
                counts.on_this_phone -= 1;
                counts.on_the_way += 1;
            }
        }
    }
    Ok(counts)
}

/// What the store's word means; `has_part` says whether the server has a part of it.
fn standing(stored: &str, has_part: bool) -> FileStanding {
    match stored {
        "sent" => FileStanding::OnServer,
        "refused" => FileStanding::NeedsYou,
        _ if has_part => FileStanding::OnTheWay,
        _ => FileStanding::OnThisPhone,
    }
}

impl From<attachments::Own> for FileProgress {
    fn from(own: attachments::Own) -> Self {
        let standing = standing(&own.standing, own.sent_bytes > 0);
        let told = own.code.as_deref().map(explain);
        Self {
            record: own.record,
            sha256: own.file,
            bytes: own.bytes,
            sent_bytes: match standing {
                FileStanding::OnServer => own.bytes,
                _ => own.sent_bytes.min(own.bytes),
            },
            standing,
            attached_ms: own.attached_ms,
            zh: told.map(|(zh, _)| zh.to_owned()),
            en: told.map(|(_, en)| en.to_owned()),
            code: own.code,
        }
    }
}

impl Phone {
    /// The photos that were attached here, of one record or of all, and where each stands; the latest
    /// first.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn files(&self, record: Option<RecordId>) -> Result<Vec<FileProgress>, PhoneError> {
        let underway = self.inner.underway();
        let own = self
            .inner
            .store
            .read(|connection| attachments::own(connection, record))?;
        let known = own.into_iter().map(|mut own| {
            if let Some(now) = underway.filter(|now| now.is(&own)) {
                own.sent_bytes = own.sent_bytes.max(now.sent_bytes);
            }
            FileProgress::from(own)
        });
        Ok(known.collect())
    }

    /// Lets a photo that needs the worker be sent again with the next [`Phone::send_files`].
    ///
    /// # Errors
    /// [`PhoneError::UnknownFile`] if none of that record needs anybody; [`PhoneError::Store`].
    pub fn retry_file(&self, record: RecordId, file: FileHash) -> Result<(), PhoneError> {
        self.settle(file, |tx| attachments::retry(tx, record, file))
    }

    /// Gives up sending a photo that needs the worker. The record goes on naming it; here it goes with the record.
    ///
    /// # Errors
    /// As for [`Phone::retry_file`].
    pub fn give_up_file(&self, record: RecordId, file: FileHash) -> Result<(), PhoneError> {
        self.settle(file, |tx| attachments::give_up(tx, record, file))
    }

    fn settle(
        &self,
        file: FileHash,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<bool, PhoneError>,
    ) -> Result<(), PhoneError> {
        match self.inner.store.write(|tx| work(tx))? {
            false => Err(PhoneError::UnknownFile { file }),
            true => {
                self.inner.signal.committed();
                Ok(())
            }
        }
    }
}
