//! Which record holds which file, and what became of it. The files themselves lie beside the database.

use gridlog_domain::id::RecordId;
use rusqlite::{Connection, OptionalExtension};

use super::meta::{self, number};
use crate::error::PhoneError;
use crate::files::{FileHash, Waiting};

/// A file that a record holds from now on.
pub(crate) struct NewAttachment {
    /// The record.
    pub(crate) record: RecordId,
    /// The file.
    pub(crate) file: FileHash,
    /// Its size.
    pub(crate) bytes: u64,
    /// The photo of which it is the preview.
    pub(crate) preview_of: Option<FileHash>,
    /// Since when, device time.
    pub(crate) at_ms: i64,
}

/// Somebody attached a file here: it is to be sent, unless the server has it for this record.
pub(crate) fn add_own(connection: &Connection, new: &NewAttachment) -> Result<(), PhoneError> {
    add(connection, new, "here")?;
    // One that is attached again is tried again; and a photo is more than another's preview.
    connection
        .prepare_cached(
            "UPDATE attachments SET preview_of = CASE WHEN ?3 IS NULL THEN NULL ELSE preview_of END,
                 standing = CASE standing WHEN 'refused' THEN 'here' WHEN 'fetched' THEN 'sent'
                     ELSE standing END
             WHERE record = ?1 AND sha256 = ?2",
        )?
        .execute((
            new.record.as_bytes(),
            new.file.as_bytes(),
            new.preview_of.as_ref().map(FileHash::as_bytes),
        ))?;
    Ok(())
}

/// A file came from the server.
pub(crate) fn add_fetched(connection: &Connection, new: &NewAttachment) -> Result<(), PhoneError> {
    add(connection, new, "fetched")
}

fn add(connection: &Connection, new: &NewAttachment, standing: &str) -> Result<(), PhoneError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO files (sha256, bytes) VALUES (?1, ?2)")?
        .execute((new.file.as_bytes(), number(new.bytes)?))?;
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO attachments (record, sha256, preview_of, standing, attached_ms)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            new.record.as_bytes(),
            new.file.as_bytes(),
            new.preview_of.as_ref().map(FileHash::as_bytes),
            standing,
            new.at_ms,
        ))?;
    Ok(())
}

/// How large a file is that lies beside the database.
pub(crate) fn size(connection: &Connection, file: FileHash) -> Result<Option<u64>, PhoneError> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM files WHERE sha256 = ?1")?;
    Ok(statement
        .query_row([file.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// The same, if a record that the worker may see holds it.
pub(crate) fn visible_size(
    connection: &Connection,
    file: FileHash,
) -> Result<Option<u64>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT bytes FROM files WHERE sha256 = ?1 AND EXISTS
             (SELECT 1 FROM attachments a JOIN records r ON r.id = a.record
              WHERE a.sha256 = ?1)",
    )?;
    Ok(statement
        .query_row([file.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// The preview of a photo, if one is here and a record that the worker may see holds it.
pub(crate) fn preview_of(
    connection: &Connection,
    photo: FileHash,
) -> Result<Option<(FileHash, u64)>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT f.sha256, f.bytes FROM attachments p JOIN records r ON r.id = p.record
             JOIN files f ON f.sha256 = p.sha256
         WHERE p.preview_of = ?1 LIMIT 1",
    )?;
    Ok(statement
        .query_row([photo.as_bytes()], |row| {
            Ok((FileHash::new(row.get(0)?), row.get(1)?))
        })
        .optional()?)
}

/// A record was erased, or nothing is left of it: it holds no file any more, sent or not.
pub(crate) fn forget(connection: &Connection, record: RecordId) -> Result<(), PhoneError> {
    connection
        .prepare_cached("DELETE FROM attachments WHERE record = ?1")?
        .execute([record.as_bytes()])?;
    Ok(())
}

/// A record left every screen: what was fetched to look at goes. What was attached here stays sealed as its
/// words do.
pub(crate) fn forget_fetched(connection: &Connection, record: RecordId) -> Result<(), PhoneError> {
    connection
        .prepare_cached("DELETE FROM attachments WHERE record = ?1 AND standing = 'fetched'")?
        .execute([record.as_bytes()])?;
    Ok(())
}

/// What belongs to records that have left this phone for good, and the server has.
const TO_RELEASE: &str = "FROM attachments WHERE standing IN ('sent', 'fetched')
     AND record NOT IN (SELECT id FROM records)
     AND record NOT IN (SELECT record FROM sealed)";

/// Whether there is anything to [`release`].
pub(crate) fn is_any_to_release(connection: &Connection) -> Result<bool, PhoneError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT EXISTS (SELECT 1 {TO_RELEASE})"))?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Records that have left this phone for good hold no file any more, once the server has it.
pub(crate) fn release(connection: &Connection) -> Result<(), PhoneError> {
    connection
        .prepare_cached(&format!("DELETE {TO_RELEASE}"))?
        .execute([])?;
    Ok(())
}

/// The server was put back to an earlier state: whether it still has a file is to be asked.
pub(crate) fn doubt_all(connection: &Connection) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE attachments SET standing = 'here', upload = NULL, sent_bytes = 0
         WHERE standing = 'sent'",
        [],
    )?;
    Ok(())
}

/// Files that no record holds.
pub(crate) fn held_by_none(connection: &Connection) -> Result<Vec<FileHash>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT sha256 FROM files f
         WHERE NOT EXISTS (SELECT 1 FROM attachments a WHERE a.sha256 = f.sha256)",
    )?;
    let rows = statement.query_map([], |row| Ok(FileHash::new(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All files.
pub(crate) fn all_files(connection: &Connection) -> Result<Vec<FileHash>, PhoneError> {
    let mut statement = connection.prepare_cached("SELECT sha256 FROM files")?;
    let rows = statement.query_map([], |row| Ok(FileHash::new(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A file is gone from the disk.
pub(crate) fn drop_file(connection: &Connection, file: FileHash) -> Result<(), PhoneError> {
    connection
        .prepare_cached("DELETE FROM files WHERE sha256 = ?1")?
        .execute([file.as_bytes()])?;
    Ok(())
}

/// A photo that was attached here, and what became of it.
pub(crate) struct Own {
    pub(crate) record: RecordId,
    pub(crate) file: FileHash,
    pub(crate) bytes: u64,
    /// As the store keeps it.
    pub(crate) standing: String,
    pub(crate) sent_bytes: u64,
    pub(crate) code: Option<String>,
    pub(crate) attached_ms: i64,
}

/// Photos that were attached here, the latest first.
pub(crate) fn own(
    connection: &Connection,
    record: Option<RecordId>,
) -> Result<Vec<Own>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT a.record, a.sha256, f.bytes, a.standing, a.sent_bytes, a.code, a.attached_ms
         FROM attachments a JOIN files f ON f.sha256 = a.sha256
         WHERE a.preview_of IS NULL AND a.standing <> 'fetched' AND (?1 IS NULL OR a.record = ?1)
         ORDER BY a.attached_ms DESC, a.record, a.sha256",
    )?;
    let rows = statement.query_map([record.as_ref().map(RecordId::as_bytes)], |row| {
        Ok(Own {
            record: RecordId::from_bytes(row.get(0)?),
            file: FileHash::new(row.get(1)?),
            bytes: row.get(2)?,
            standing: row.get(3)?,
            sent_bytes: row.get(4)?,
            code: row.get(5)?,
            attached_ms: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How much of a photo that is still to be sent the server has, as far as was noted.
pub(crate) fn noted(
    connection: &Connection,
    record: RecordId,
    file: FileHash,
) -> Result<Option<u64>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT sent_bytes FROM attachments
         WHERE record = ?1 AND sha256 = ?2 AND standing = 'here' AND preview_of IS NULL",
    )?;
    let keys = (record.as_bytes(), file.as_bytes());
    Ok(statement.query_row(keys, |row| row.get(0)).optional()?)
}

/// What needs the worker is to be sent again. Says whether it needed anybody.
pub(crate) fn retry(
    connection: &Connection,
    record: RecordId,
    file: FileHash,
) -> Result<bool, PhoneError> {
    let changed = connection
        .prepare_cached(
            "UPDATE attachments SET standing = 'here', code = NULL, upload = NULL, sent_bytes = 0
             WHERE record = ?1 AND sha256 = ?2 AND standing = 'refused'",
        )?
        .execute((record.as_bytes(), file.as_bytes()))?;
    Ok(changed > 0)
}

/// What needs the worker is not sent any more: it is as good as fetched. Says whether it needed anybody.
pub(crate) fn give_up(
    connection: &Connection,
    record: RecordId,
    file: FileHash,
) -> Result<bool, PhoneError> {
    let changed = connection
        .prepare_cached(
            "UPDATE attachments SET standing = 'fetched', code = NULL
             WHERE record = ?1 AND sha256 = ?2 AND standing = 'refused'",
        )?
        .execute((record.as_bytes(), file.as_bytes()))?;
    release(connection)?;
    Ok(changed > 0)
}

/// What is to be sent and may be: of records that the server has, or may have. Previews first; the rest
/// of the newest case first, in the order in which it was attached.
pub(crate) fn waiting(connection: &Connection) -> Result<Vec<Waiting>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT a.record, a.sha256, f.bytes, a.preview_of IS NOT NULL, a.upload, a.sent_bytes
         FROM attachments a JOIN files f ON f.sha256 = a.sha256
             LEFT JOIN records r ON r.id = a.record
         WHERE a.standing = 'here'
           AND (a.unknown_at IS NULL OR a.unknown_at IS NOT ?1)
           AND (r.as_of > 0
             OR EXISTS (SELECT 1 FROM sealed s WHERE s.record = a.record)
             OR EXISTS (SELECT 1 FROM outbox o WHERE o.record = a.record
                        AND o.standing NOT IN ('on_this_phone', 'needs_you', 'lost')))
         ORDER BY a.preview_of IS NULL, coalesce(r.created_ms, 0) DESC, a.record,
             a.attached_ms, a.sha256",
    )?;
    let rows = statement.query_map([meta::LAST_SYNC_MS.get(connection)?], |row| {
        Ok(Waiting {
            record: RecordId::from_bytes(row.get(0)?),
            file: FileHash::new(row.get(1)?),
            bytes: row.get(2)?,
            is_preview: row.get(3)?,
            upload: row.get(4)?,
            sent_bytes: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many files are to be sent, of how many bytes, whether they may go now or not.
pub(crate) fn unsent(connection: &Connection) -> Result<(u64, u64), PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*), coalesce(sum(f.bytes - a.sent_bytes), 0)
         FROM attachments a JOIN files f ON f.sha256 = a.sha256 WHERE a.standing = 'here'",
    )?;
    Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Under which id the server receives a file, and how much of it it has.
pub(crate) fn note_upload(
    connection: &Connection,
    record: RecordId,
    file: FileHash,
    upload: Option<&str>,
    sent_bytes: u64,
) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "UPDATE attachments SET upload = ?3, sent_bytes = ?4, code = NULL
             WHERE record = ?1 AND sha256 = ?2 AND standing = 'here'",
        )?
        .execute((
            record.as_bytes(),
            file.as_bytes(),
            upload,
            number(sent_bytes)?,
        ))?;
    Ok(())
}

/// The server has a file for that record.
pub(crate) fn set_sent(
    connection: &Connection,
    record: RecordId,
    file: FileHash,
) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "UPDATE attachments SET standing = 'sent', upload = NULL, sent_bytes = 0, code = NULL,
                 unknown_at = NULL
             WHERE record = ?1 AND sha256 = ?2 AND standing = 'here'",
        )?
        .execute((record.as_bytes(), file.as_bytes()))?;
    Ok(())
}

/// The server does not know the record: the file waits for the next sync.
pub(crate) fn wait_for_sync(
    connection: &Connection,
    record: RecordId,
    file: FileHash,
    code: &str,
) -> Result<(), PhoneError> {
    let last_sync_ms = meta::LAST_SYNC_MS.get(connection)?;
    connection
        .prepare_cached(
            "UPDATE attachments SET unknown_at = coalesce(?3, 0), code = ?4
             WHERE record = ?1 AND sha256 = ?2 AND standing = 'here'",
        )?
        .execute((record.as_bytes(), file.as_bytes(), last_sync_ms, code))?;
    Ok(())
}

/// Why a file did not go, though it may go another time.
pub(crate) fn note_trouble(
    connection: &Connection,
    record: RecordId,
    file: FileHash,
    code: &str,
) -> Result<(), PhoneError> {
    connection
        .prepare_cached("UPDATE attachments SET code = ?3 WHERE record = ?1 AND sha256 = ?2")?
        .execute((record.as_bytes(), file.as_bytes(), code))?;
    Ok(())
}

/// The server does not take a file: the worker decides. Says whether it was to be sent still.
pub(crate) fn refuse(
    connection: &Connection,
    record: RecordId,
    file: FileHash,
    code: &str,
) -> Result<bool, PhoneError> {
    let changed = connection
        .prepare_cached(
            "UPDATE attachments SET standing = 'refused', upload = NULL, code = ?3
             WHERE record = ?1 AND sha256 = ?2 AND standing = 'here'",
        )?
        .execute((record.as_bytes(), file.as_bytes(), code))?;
    Ok(changed > 0)
}

/// Photos that were attached here and stand alike.
pub(crate) struct Group {
    /// As the store keeps it.
    pub(crate) standing: String,
    /// Whether the server has a part of each.
    pub(crate) has_part: bool,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) sent_bytes: u64,
}

/// The photos that were attached here, by where they stand.
pub(crate) fn groups(connection: &Connection) -> Result<Vec<Group>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT a.standing, a.sent_bytes > 0, count(*), sum(f.bytes), sum(min(a.sent_bytes, f.bytes))
         FROM attachments a JOIN files f ON f.sha256 = a.sha256
         WHERE a.preview_of IS NULL AND a.standing <> 'fetched' GROUP BY 1, 2",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Group {
            standing: row.get(0)?,
            has_part: row.get(1)?,
            count: row.get(2)?,
            bytes: row.get(3)?,
            sent_bytes: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
