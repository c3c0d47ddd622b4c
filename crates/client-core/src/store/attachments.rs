//! Which record holds which file, and what became of it. The files themselves lie beside the database.

use gridlog_domain::id::RecordId;
use rusqlite::{Connection, OptionalExtension};

use super::meta::number;
use crate::error::PhoneError;
use crate::files::FileHash;

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

/// Records that have left this phone for good hold no file any more, once the server has it.
pub(crate) fn release(connection: &Connection) -> Result<(), PhoneError> {
    connection
        .prepare_cached(
            "DELETE FROM attachments WHERE standing IN ('sent', 'fetched')
                 AND record NOT IN (SELECT id FROM records)
                 AND record NOT IN (SELECT record FROM sealed)",
        )?
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
