//! What is known of files: uploads that are under way, files that are stored, which records hold them,
//! and which records refer to them. The bytes lie elsewhere; see [`crate::files`].
//!
//! A record *refers* to a file by an entry among its photos, and *holds* it once verified bytes came for that
//! very record. Only both together let somebody read it.

use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_protocol::Digest;
use serde::Deserialize;

use super::error::StoreError;
use super::model::RecordRow;

/// Names an upload: random, so that nobody guesses another's.
pub type UploadId = [u8; 16];

/// Whose an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploader {
    /// Who sends it.
    pub person: PersonId,
    /// From which phone; `None` from an office.
    pub device: Option<DeviceId>,
}

/// What an upload is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOfRecord {
    /// The record that it is for.
    pub record: RecordId,
    /// SHA-256 of the whole file.
    pub sha256: Digest,
}

/// An upload that somebody wants to begin, or to go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// Its id if it begins now.
    pub id: UploadId,
    /// Whose it is.
    pub by: Uploader,
    /// What it is of.
    pub of: FileOfRecord,
    /// Size of the file in bytes.
    pub length: u64,
    /// Now, milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Until when it waits for its next piece.
    pub expires_ms: i64,
    /// Whether the record holds the file already, so that nothing has to be sent.
    pub finished: bool,
}

/// An upload as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// Whose it is.
    pub by: Uploader,
    /// What it is of.
    pub of: FileOfRecord,
    /// Size of the file in bytes.
    pub length: u64,
    /// Until when it waits for its next piece, milliseconds since the Unix epoch.
    pub expires_ms: i64,
    /// Whether the record holds the file.
    pub finished: bool,
}

/// How much one uploader may have under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLimits {
    /// Unfinished uploads.
    pub uploads: u64,
    /// Bytes of them when they are whole, together with those of finished files that no record refers to.
    pub bytes: u64,
}

/// What became of the wish to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is under way.
    Upload(Upload),
    /// The same file was begun with that many bytes, or the record holds it with that many.
    LengthChanged(u64),
    /// The uploader has too much under way.
    TooMuch,
}

/// A file that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is, by its first bytes; empty if that is not on the list of what a browser may show.
    pub media_type: String,
    /// Whether the server made a preview of it; `None` if nobody has tried.
    pub has_preview: Option<bool>,
}

/// What a record says of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Referred {
    /// The previews that its references name.
    pub previews: Vec<Digest>,
    /// Who wrote the references.
    pub people: Vec<PersonId>,
}

/// An upload whose file was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeUpload {
    /// The upload.
    pub id: UploadId,
    /// What the file is, by its first bytes.
    pub media_type: &'static str,
}

/// What is kept of files. Each method is atomic; see [`super::Store`] for what holds of all of them.
pub trait FileStore {
    /// Begins an upload, or finds the one that the same uploader began of the same file for the same record. One
    /// that has expired is begun anew under another id; one whose file went is to be sent again.
    fn begin_upload(&self, new: &NewUpload, limits: UploadLimits) -> Result<Begun, StoreError>;

    /// The upload of that id.
    fn upload(&self, id: UploadId) -> Result<Option<Upload>, StoreError>;

    /// Lets an upload wait longer.
    fn extend_upload(&self, id: UploadId, expires_ms: i64) -> Result<(), StoreError>;

    /// Whole files were verified and lie in their places: from here on the uploads' records hold them. Says for each,
    /// in the same order, whether it does: not if the upload is gone, as after its record was erased; nothing is
    /// written of it then. A file that was about to leave stays.
    fn finish_uploads(&self, whole: &[WholeUpload], now_ms: i64) -> Result<Vec<bool>, StoreError>;

    /// Forgets uploads.
    fn drop_uploads(&self, ids: &[UploadId]) -> Result<(), StoreError>;

    /// Uploads that expired before that moment, at most `limit`.
    fn expired_uploads(&self, before_ms: i64, limit: usize) -> Result<Vec<UploadId>, StoreError>;

    /// The file, if the record holds it.
    fn held_file(&self, of: FileOfRecord) -> Result<Option<StoredFile>, StoreError>;

    /// What the record says of the file; `None` if it does not refer to it.
    fn referred(&self, of: FileOfRecord) -> Result<Option<Referred>, StoreError>;

    /// Notes whether the server could make a preview of a file.
    fn note_preview(&self, sha256: Digest, made: bool) -> Result<(), StoreError>;

    /// Lets go of pairs that are older than that moment and to which no record refers, at most `limit`, unless
    /// something that was pushed for the record still waits. Files that nobody holds then are leaving. Returns
    /// how many pairs went.
    fn drop_unreferenced(&self, before_ms: i64, limit: usize) -> Result<usize, StoreError>;

    /// Files that are leaving, at most `limit`.
    fn leaving_files(&self, limit: usize) -> Result<Vec<Digest>, StoreError>;

    /// Whether a file is known, and if so, whether it is leaving.
    fn is_leaving(&self, sha256: Digest) -> Result<Option<bool>, StoreError>;

    /// Forgets a file that is leaving and whose bytes are gone.
    fn forget_file(&self, sha256: Digest) -> Result<(), StoreError>;

    /// How many files are stored, and how many bytes they have.
    fn stored_files(&self) -> Result<(u64, u64), StoreError>;
}

/// A reference to a file, as a record's view holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) sha256: Digest,
    pub(super) by: String,
    pub(super) preview: Option<Digest>,
}

/// The parts of a view that refer to files.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    photos: std::collections::BTreeMap<String, SaidPhoto>,
}

#[derive(Deserialize)]
struct SaidPhoto {
    sha256: String,
    by: String,
    preview: Option<SaidPreview>,
}

#[derive(Deserialize)]
struct SaidPreview {
    sha256: String,
}

/// The digest that a text names; `None` if it is not 64 lower-case hex digits.
pub fn digest_of(text: &str) -> Option<Digest> {
    let is_lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let mut bytes = [0; 32];
    if !text.bytes().all(is_lower) || hex::decode_to_slice(text, &mut bytes).is_err() {
        return None;
    }
    Some(Digest(bytes))
}

/// The files that a record refers to, the previews that it names among them. A reference that names no SHA-256
/// refers to nothing.
pub(super) fn references_of(row: &RecordRow) -> Result<Vec<Reference>, StoreError> {
    // Most records have none, and their views need not be read for that.
    if !row.view.contains("\"photos\":{\"") {
        return Ok(Vec::new());
    }
    let said: Said = serde_json::from_str(&row.view).map_err(|_| StoreError::Damaged {
        what: "record",
        id: row.id.to_string(),
    })?;
    let mut references = Vec::new();
    for photo in said.photos.into_values() {
        let named = photo.preview.and_then(|preview| digest_of(&preview.sha256));
        let Some(sha256) = digest_of(&photo.sha256) else {
            continue;
        };
        references.extend(named.map(|preview| Reference {
            sha256: preview,
            by: photo.by.clone(),
            preview: None,
        }));
        references.push(Reference {
            sha256,
            by: photo.by,
            preview: named,
        });
    }
    Ok(references)
}
