//! What is known of files, in SQLite.

use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_protocol::Digest;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{SqliteStore, rows};
use crate::store::error::StoreError;
use crate::store::files::{
    Begun, FileOfRecord, FileStore, NewUpload, Referred, StoredFile, Upload, UploadId,
    UploadLimits, Uploader, WholeUpload, references_of,
};
use crate::store::model::RecordRow;

const UPLOAD: &str = "id, person, device, record, sha256, length, expires_ms, finished";

impl FileStore for SqliteStore {
    fn begin_upload(&self, new: &NewUpload, limits: UploadLimits) -> Result<Begun, StoreError> {
        self.note(|tx| begin(tx, new, limits))
    }

    fn upload(&self, id: UploadId) -> Result<Option<Upload>, StoreError> {
        self.read(|tx| upload(tx, id))
    }

    fn extend_upload(&self, id: UploadId, expires_ms: i64) -> Result<(), StoreError> {
        self.note(|tx| {
            let sql = "UPDATE uploads SET expires_ms = max(expires_ms, ?2) WHERE id = ?1";
            tx.prepare_cached(sql)?.execute(params![id, expires_ms])?;
            Ok(())
        })
    }

    fn finish_uploads(&self, whole: &[WholeUpload], now_ms: i64) -> Result<Vec<bool>, StoreError> {
        self.write(|tx| {
            let uploads = whole.iter();
            uploads.map(|upload| finish(tx, upload, now_ms)).collect()
        })
    }

    fn drop_uploads(&self, ids: &[UploadId]) -> Result<(), StoreError> {
        self.write(|tx| {
            let mut delete = tx.prepare_cached("DELETE FROM uploads WHERE id = ?1")?;
            for id in ids {
                delete.execute(params![id])?;
            }
            Ok(())
        })
    }

    fn expired_uploads(&self, before_ms: i64, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        self.read(|tx| {
            let sql = "SELECT id FROM uploads WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
            let mut query = tx.prepare_cached(sql)?;
            let found = query.query_map(params![before_ms, limit.cast_signed()], |row| row.get(0));
            Ok(found?.collect::<Result<_, _>>()?)
        })
    }

    fn held_file(&self, of: FileOfRecord) -> Result<Option<StoredFile>, StoreError> {
        self.read(|tx| held_file(tx, of))
    }

    fn referred(&self, of: FileOfRecord) -> Result<Option<Referred>, StoreError> {
        self.read(|tx| referred(tx, of))
    }

    fn note_preview(&self, sha256: Digest, made: bool) -> Result<(), StoreError> {
        self.write(|tx| {
            let sql = "UPDATE files SET preview = ?2 WHERE sha256 = ?1";
            tx.prepare_cached(sql)?.execute(params![sha256.0, made])?;
            Ok(())
        })
    }

    fn drop_unreferenced(&self, before_ms: i64, limit: usize) -> Result<usize, StoreError> {
        self.write(|tx| drop_unreferenced(tx, before_ms, limit))
    }

    fn leaving_files(&self, limit: usize) -> Result<Vec<Digest>, StoreError> {
        self.read(|tx| {
            let sql = "SELECT sha256 FROM files WHERE leaving = 1 ORDER BY sha256 LIMIT ?1";
            let mut query = tx.prepare_cached(sql)?;
            let found =
                query.query_map(params![limit.cast_signed()], |row| Ok(Digest(row.get(0)?)))?;
            Ok(found.collect::<Result<_, _>>()?)
        })
    }

    fn is_leaving(&self, sha256: Digest) -> Result<Option<bool>, StoreError> {
        self.read(|tx| {
            let mut query = tx.prepare_cached("SELECT leaving FROM files WHERE sha256 = ?1")?;
            Ok(query
                .query_row(params![sha256.0], |row| row.get(0))
                .optional()?)
        })
    }

    fn forget_file(&self, sha256: Digest) -> Result<(), StoreError> {
        self.write(|tx| {
            let sql = "DELETE FROM files WHERE sha256 = ?1 AND leaving = 1";
            tx.prepare_cached(sql)?.execute(params![sha256.0])?;
            Ok(())
        })
    }

    fn stored_files(&self) -> Result<(u64, u64), StoreError> {
        self.read(|tx| {
            let sql = "SELECT count(*), coalesce(sum(bytes), 0) FROM files WHERE leaving = 0";
            let counts = tx.prepare_cached(sql)?.query_row([], |row| {
                let of = |n| row.get::<_, i64>(n).map(i64::cast_unsigned);
                Ok((of(0)?, of(1)?))
            });
            Ok(counts?)
        })
    }
}

fn device_column(by: &Uploader) -> Vec<u8> {
    by.device
        .map_or_else(Vec::new, |device| device.as_bytes().to_vec())
}

fn read_upload(row: &Row<'_>) -> rusqlite::Result<Upload> {
    let device: Vec<u8> = row.get(2)?;
    let device = <[u8; 16]>::try_from(device.as_slice()).ok();
    Ok(Upload {
        id: row.get(0)?,
        by: Uploader {
            person: PersonId::new(row.get::<_, String>(1)?),
            device: device.map(DeviceId::from_bytes),
        },
        of: FileOfRecord {
            record: RecordId::from_bytes(row.get(3)?),
            sha256: Digest(row.get(4)?),
        },
        length: row.get::<_, i64>(5)?.cast_unsigned(),
        expires_ms: row.get(6)?,
        finished: row.get(7)?,
    })
}

fn upload(tx: &Transaction<'_>, id: UploadId) -> Result<Option<Upload>, StoreError> {
    let mut query = tx.prepare_cached(&format!("SELECT {UPLOAD} FROM uploads WHERE id = ?1"))?;
    Ok(query.query_row(params![id], read_upload).optional()?)
}

fn begin(tx: &Transaction<'_>, new: &NewUpload, limits: UploadLimits) -> Result<Begun, StoreError> {
    if let Some(held) = held_file(tx, new.of)?
        && held.bytes != new.length
    {
        return Ok(Begun::LengthChanged(held.bytes));
    }
    if let Some(known) = begun_before(tx, new)? {
        if known.expires_ms > new.now_ms && known.length != new.length {
            return Ok(Begun::LengthChanged(known.length));
        }
        if known.expires_ms > new.now_ms {
            return Ok(Begun::Upload(go_on(tx, known, new)?));
        }
        tx.prepare_cached("DELETE FROM uploads WHERE id = ?1")?
            .execute(params![known.id])?;
    }
    if !new.finished && !has_room(tx, new, limits)? {
        return Ok(Begun::TooMuch);
    }
    tx.prepare_cached(
        "INSERT INTO uploads (id, person, device, record, sha256, length, created_ms, expires_ms,
             finished)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        new.id,
        new.by.person.as_str(),
        device_column(&new.by),
        new.of.record.as_bytes(),
        new.of.sha256.0,
        new.length.cast_signed(),
        new.now_ms,
        new.expires_ms,
        new.finished,
    ])?;
    Ok(Begun::Upload(Upload {
        id: new.id,
        by: new.by.clone(),
        of: new.of,
        length: new.length,
        expires_ms: new.expires_ms,
        finished: new.finished,
    }))
}

/// The upload that the same uploader began of the same file for the same record.
fn begun_before(tx: &Transaction<'_>, new: &NewUpload) -> Result<Option<Upload>, StoreError> {
    let mut query = tx.prepare_cached(&format!(
        "SELECT {UPLOAD} FROM uploads
         WHERE person = ?1 AND device = ?2 AND record = ?3 AND sha256 = ?4"
    ))?;
    let which = params![
        new.by.person.as_str(),
        device_column(&new.by),
        new.of.record.as_bytes(),
        new.of.sha256.0
    ];
    Ok(query.query_row(which, read_upload).optional()?)
}

/// Goes on with an upload. Whether the file is there is what the caller has just seen.
fn go_on(tx: &Transaction<'_>, known: Upload, new: &NewUpload) -> Result<Upload, StoreError> {
    let expires_ms = known.expires_ms.max(new.expires_ms);
    tx.prepare_cached("UPDATE uploads SET expires_ms = ?2, finished = ?3 WHERE id = ?1")?
        .execute(params![known.id, expires_ms, new.finished])?;
    Ok(Upload {
        expires_ms,
        finished: new.finished,
        ..known
    })
}

/// Whether the uploader may have one more under way.
fn has_room(
    tx: &Transaction<'_>,
    new: &NewUpload,
    limits: UploadLimits,
) -> Result<bool, StoreError> {
    let (person, device) = (new.by.person.as_str(), device_column(&new.by));
    let (uploads, unfinished): (i64, i64) = tx
        .prepare_cached(
            "SELECT count(*), coalesce(sum(length), 0) FROM uploads
             WHERE person = ?1 AND device = ?2 AND finished = 0 AND expires_ms > ?3",
        )?
        .query_row(params![person, device, new.now_ms], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let unreferenced: i64 = tx
        .prepare_cached(
            "SELECT coalesce(sum(f.bytes), 0) FROM held h JOIN files f USING (sha256)
             WHERE h.person = ?1 AND h.device = ?2 AND h.referenced = 0",
        )?
        .query_row(params![person, device], |row| row.get(0))?;
    let bytes = unfinished
        .saturating_add(unreferenced)
        .cast_unsigned()
        .saturating_add(new.length);
    Ok(uploads.cast_unsigned() < limits.uploads && bytes <= limits.bytes)
}

fn finish(tx: &Transaction<'_>, whole: &WholeUpload, now_ms: i64) -> Result<bool, StoreError> {
    let Some(upload) = upload(tx, whole.id)? else {
        return Ok(false);
    };
    let (record, sha256) = (upload.of.record, upload.of.sha256);
    if rows::is_erased(tx, record)? {
        return Ok(false);
    }
    tx.prepare_cached(
        "INSERT INTO files (sha256, bytes, media_type, stored_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (sha256) DO UPDATE SET leaving = 0",
    )?
    .execute(params![
        sha256.0,
        upload.length.cast_signed(),
        whole.media_type,
        now_ms
    ])?;
    tx.prepare_cached(
        "INSERT INTO held (record, sha256, person, device, since_ms, referenced)
         VALUES (?1, ?2, ?3, ?4, ?5,
             EXISTS (SELECT 1 FROM file_references WHERE record = ?1 AND sha256 = ?2))
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        record.as_bytes(),
        sha256.0,
        upload.by.person.as_str(),
        device_column(&upload.by),
        now_ms
    ])?;
    tx.prepare_cached("UPDATE uploads SET finished = 1 WHERE id = ?1")?
        .execute(params![whole.id])?;
    Ok(true)
}

fn held_file(tx: &Transaction<'_>, of: FileOfRecord) -> Result<Option<StoredFile>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT f.bytes, f.media_type, f.preview FROM held h JOIN files f USING (sha256)
         WHERE h.record = ?1 AND h.sha256 = ?2 AND f.leaving = 0",
    )?;
    let which = params![of.record.as_bytes(), of.sha256.0];
    Ok(query
        .query_row(which, |row| {
            Ok(StoredFile {
                bytes: row.get::<_, i64>(0)?.cast_unsigned(),
                media_type: row.get(1)?,
                has_preview: row.get(2)?,
            })
        })
        .optional()?)
}

fn referred(tx: &Transaction<'_>, of: FileOfRecord) -> Result<Option<Referred>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT person, preview FROM file_references WHERE record = ?1 AND sha256 = ?2",
    )?;
    let mut found = query.query(params![of.record.as_bytes(), of.sha256.0])?;
    let mut referred: Option<Referred> = None;
    while let Some(row) = found.next()? {
        let referred = referred.get_or_insert_default();
        let person: String = row.get(0)?;
        referred.people.push(PersonId::new(person));
        let preview: Option<[u8; 32]> = row.get(1)?;
        referred.previews.extend(preview.map(Digest));
    }
    Ok(referred)
}

fn drop_unreferenced(
    tx: &Transaction<'_>,
    before_ms: i64,
    limit: usize,
) -> Result<usize, StoreError> {
    // What waits may refer to it once it is admitted.
    let mut query = tx.prepare_cached(
        "SELECT record, sha256 FROM held WHERE referenced = 0 AND since_ms < ?1
             AND NOT EXISTS (SELECT 1 FROM inbox i INDEXED BY inbox_one_change
                 WHERE i.record = held.record AND i.actor IS NOT NULL
                     AND i.status <> 'refused' AND i.status <> 'admitted')
         ORDER BY since_ms LIMIT ?2",
    )?;
    let found = query.query_map(params![before_ms, limit.cast_signed()], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let pairs: Vec<([u8; 16], [u8; 32])> = found.collect::<Result<_, _>>()?;
    for (record, sha256) in &pairs {
        tx.prepare_cached("DELETE FROM held WHERE record = ?1 AND sha256 = ?2")?
            .execute(params![record, sha256])?;
        // Who asks for it again has to send it again.
        tx.prepare_cached(
            "DELETE FROM uploads WHERE record = ?1 AND sha256 = ?2 AND finished = 1",
        )?
        .execute(params![record, sha256])?;
        tx.prepare_cached(
            "UPDATE files SET leaving = 1 WHERE sha256 = ?1
                 AND NOT EXISTS (SELECT 1 FROM held WHERE sha256 = ?1)",
        )?
        .execute(params![sha256])?;
    }
    Ok(pairs.len())
}

/// Notes what records that were written refer to. An entry of a record is written once, so references only
/// grow.
pub(super) fn put_references<'a>(
    tx: &Transaction<'_>,
    records: impl IntoIterator<Item = &'a RecordRow>,
) -> Result<(), StoreError> {
    for row in records {
        for reference in references_of(row)? {
            let (record, sha256) = (row.id.as_bytes(), reference.sha256.0);
            let preview = reference.preview.map(|preview| preview.0);
            let is_new = tx
                .prepare_cached(
                    "INSERT OR IGNORE INTO file_references (record, sha256, person, preview)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![record, sha256, reference.by, preview])?
                > 0;
            if is_new {
                tx.prepare_cached(
                    "UPDATE held SET referenced = 1 WHERE record = ?1 AND sha256 = ?2",
                )?
                .execute(params![record, sha256])?;
            }
        }
    }
    Ok(())
}

/// Notes what every record of a database refers to that was written before files were kept.
pub(super) fn fill(tx: &Transaction<'_>) -> Result<(), StoreError> {
    rows::each(tx, "TRUE", |row| put_references(tx, [&row]))
}

/// Lets a record go of its files; those that nobody else holds are leaving.
pub(super) fn erase(tx: &Transaction<'_>, id: RecordId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE files SET leaving = 1 WHERE sha256 IN (SELECT sha256 FROM held WHERE record = ?1)
             AND NOT EXISTS (SELECT 1 FROM held other
                 WHERE other.sha256 = files.sha256 AND other.record <> ?1)",
        params![id.as_bytes()],
    )?;
    for table in ["held", "uploads", "file_references"] {
        let sql = format!("DELETE FROM {table} WHERE record = ?1");
        tx.execute(&sql, params![id.as_bytes()])?;
    }
    Ok(())
}
