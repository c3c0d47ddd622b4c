//! Where everything stands, in numbers a worker understands.

use gridlog_domain::id::RecordId;
use serde::{Deserialize, Serialize};

use crate::error::PhoneError;
use crate::files::{self, FileCounts};
use crate::phone::Phone;
use crate::reasons::explain;
use crate::standing::Standing;
use crate::store::{meta, outbox, records, refused, wants};
use crate::sync::{Confirmed, confirmed};

/// What became of everything recorded here. The counts are of changes, and add up:
/// `recorded` = `on_this_phone` + `received` + `waiting` + `blocked` + `review` + `admitted` +
/// `needs_you` + `lost`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Status {
    /// Changes recorded here. Of what was recorded before this phone became a new device, because its
    /// old one was handed over, only what is not in the log counts.
    pub recorded: u64,
    /// 在本机: not yet sent.
    pub on_this_phone: u64,
    /// 服务器已收到: durable there, not judged.
    pub received: u64,
    /// 等待前序内容.
    pub waiting: u64,
    /// 前面的修改被退回.
    pub blocked: u64,
    /// 待社区复核.
    pub review: u64,
    /// 已入卷: in the log.
    pub admitted: u64,
    /// 被退回，需要您处理.
    pub needs_you: u64,
    /// 已丢失: was in the log and left this phone, and then the server was put back to a backup that lacks
    /// it. No record shows it any more. It counts as in the log again if another phone gives it back.
    pub lost: u64,
    /// When the last sync came to its end, device time in milliseconds since the Unix epoch.
    pub last_sync_ms: Option<i64>,
    /// Server time minus device time at the last sync, milliseconds; `None` if unknown, or if the
    /// device's clock was set back since.
    pub clock_offset_ms: Option<i64>,
    /// The log's epoch that this phone follows; 0 before the first sync.
    pub epoch: u64,
    /// The last log entry that this phone was told of or passed over.
    pub seq: u64,
    /// The server's signed word on what of this phone is in the log, of the epoch that it follows.
    /// `None` before the first receipt, and after the server was restored from a backup.
    pub confirmed: Option<Confirmed>,
    /// Records that are about to leave this phone, because the person may no longer see them or they
    /// were archived; see [`Phone::leaving`].
    pub leaving: u64,
    /// Until when this phone leaves the server alone, because it asked for that; device time in milliseconds
    /// since the Unix epoch. `None` if it may sync now.
    #[serde(default)]
    pub waits_until_ms: Option<i64>,
    /// Records that could not be read as they came from the server, see [`Phone::set_aside`]. What this
    /// phone shows of them may be old, or nothing. They hold up nothing else.
    #[serde(default)]
    pub set_aside: u64,
    /// The photos that were attached here. They are apart from the counts above: a word may be in the log while its
    /// photo is still here.
    #[serde(default)]
    pub files: FileCounts,
}

/// A record that could not be read as it came from the server. What came is not shown; what this phone
/// had of the record before stays. It is asked for again with later syncs, and by [`Phone::verify`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// The record.
    pub record: RecordId,
    /// What was wrong with it, as a stable code.
    pub code: String,
    /// The same in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Since when, device time in milliseconds since the Unix epoch.
    pub since_ms: i64,
}

impl Status {
    /// Whether everything that was recorded here is in the log, by the server's signed word.
    pub fn all_in_log(&self) -> bool {
        self.confirmed.is_some() && self.admitted == self.recorded
    }

    fn count(&mut self, standing: Standing, count: u64) {
        let place = match standing {
            Standing::InLog => &mut self.admitted,
            Standing::Received if mutated!(ReceivedCountsAsInLog) => &mut self.admitted,
            Standing::Received => &mut self.received,
            Standing::Review => &mut self.review,
            Standing::Waiting => &mut self.waiting,
            Standing::OnThisPhone => &mut self.on_this_phone,
            Standing::Blocked => &mut self.blocked,
            Standing::NeedsYou => &mut self.needs_you,
            Standing::Lost => &mut self.lost,
        };
        *place += count;
        self.recorded += count;
    }
}

impl Phone {
    /// Where everything stands.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn status(&self) -> Result<Status, PhoneError> {
        self.inner.store.read(|connection| {
            let position = meta::position(connection)?;
            let mut status = Status {
                last_sync_ms: meta::LAST_SYNC_MS.get(connection)?,
                clock_offset_ms: meta::CLOCK_OFFSET.get(connection)?,
                epoch: position.epoch,
                seq: position.seq,
                confirmed: confirmed(connection)?,
                leaving: records::out_of_scope(connection)?.len() as u64,
                waits_until_ms: self.inner.held(connection)?.map(|(until_ms, _)| until_ms),
                set_aside: wants::aside(connection)?.len() as u64,
                files: files::counts(connection, self.inner.underway())?,
                ..Status::default()
            };
            for (standing, count) in outbox::counts(connection)? {
                status.count(standing, count);
            }
            status.count(Standing::NeedsYou, refused::count(connection)?);
            Ok(status)
        })
    }

    /// Records that could not be read as they came, the longest first.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn set_aside(&self) -> Result<Vec<SetAside>, PhoneError> {
        let aside = self.inner.store.read(wants::aside)?;
        let told = aside.into_iter().map(|aside| {
            let (zh, en) = explain(&aside.code);
            SetAside {
                record: aside.record,
                code: aside.code,
                zh: zh.to_owned(),
                en: en.to_owned(),
                since_ms: aside.since_ms,
            }
        });
        Ok(told.collect())
    }
}
