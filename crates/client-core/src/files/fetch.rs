//! Getting somebody else's photo, when somebody looks at it, and never by itself.

use gridlog_domain::id::RecordId;
use gridlog_domain::record::{PhotoRef, PreviewRef};
use gridlog_picture_guard::{Limits, preview};
use sha2::{Digest, Sha256};

use super::attach::full;
use super::hash::FileHash;
use super::vault::Unsettled;
use super::wire::{self, FileAnswer, FileRequest, FileTransport};
use crate::error::PhoneError;
use crate::identity;
use crate::phone::{Inner, Phone};
use crate::store::attachments::{self, NewAttachment};
use crate::store::{meta, records};
use crate::sync::CancelFlag;

/// How much of a file is asked for at once, bytes.
const PART_BYTES: usize = 512 * 1024;
/// Largest preview that is taken, bytes; phones and servers make them of 24 KiB.
const MAX_PREVIEW_BYTES: usize = 256 * 1024;
/// How often one part is asked for, before the connection counts as too bad.
const MOST_TRIES: u32 = 3;

const BAD_FILE: PhoneError = PhoneError::BadAnswer { to: "file" };

/// What is known of a photo before it is fetched.
struct Wanted {
    bearer: String,
    bytes: u64,
    limit: u64,
    preview: Option<PreviewRef>,
}

impl Inner {
    /// What the record says of the photo.
    fn wanted(&self, record: RecordId, file: FileHash) -> Result<Wanted, PhoneError> {
        self.store.read(|connection| {
            identity::require(connection)?;
            self.mind_hold(connection)?;
            let facts = records::get(connection, record)?;
            let view = facts.ok_or(PhoneError::UnknownRecord { record })?.view;
            let name = file.to_string();
            let is_it = |photo: &&PhotoRef| photo.sha256 == name;
            let photo = view.photos.values().find(is_it);
            let photo = photo.ok_or(PhoneError::UnknownFile { file })?;
            Ok(Wanted {
                bearer: meta::TOKEN
                    .get(connection)?
                    .ok_or(PhoneError::NotEnrolled)?,
                bytes: photo.bytes,
                limit: super::rules::read(connection)?.max_file_bytes,
                preview: photo.preview.clone(),
            })
        })
    }

    fn fetched(
        &self,
        record: RecordId,
        file: FileHash,
        bytes: u64,
        preview_of: Option<FileHash>,
    ) -> NewAttachment {
        NewAttachment {
            record,
            file,
            bytes,
            preview_of,
            at_ms: self.clock.now_ms(),
        }
    }

    /// Makes a fetched file known.
    fn keep_fetched(
        &self,
        record: RecordId,
        unsettled: Unsettled,
        bytes: u64,
        preview_of: Option<FileHash>,
        cancel: &CancelFlag,
    ) -> Result<(), PhoneError> {
        let file = unsettled.hash();
        let kept = self.store.write(|tx| {
            cancel.check()?;
            // The record may have left meanwhile.
            records::get(tx, record)?.ok_or(PhoneError::UnknownRecord { record })?;
            self.vault.settle(unsettled)?;
            attachments::add_fetched(tx, &self.fetched(record, file, bytes, preview_of))
        });
        if kept.is_err() {
            self.forget_unknown(&[Some(file)]);
        }
        kept.map_err(full)?;
        self.signal.committed();
        Ok(())
    }
}

/// What a refusal of a fetch means.
fn refusal(answer: &FileAnswer) -> PhoneError {
    match answer.status {
        401 => PhoneError::SignInAgain,
        429 | 503 => PhoneError::Busy {
            retry_after_ms: answer.retry_after_ms.unwrap_or(5_000),
            said: None,
        },
        status => {
            let code = answer.code();
            let (zh, en) = crate::reasons::explain(&code);
            PhoneError::Refused {
                status,
                zh: zh.to_owned(),
                en: en.to_owned(),
                code,
            }
        }
    }
}

fn ask(
    transport: &dyn FileTransport,
    bearer: &str,
    request: &FileRequest,
    cancel: &CancelFlag,
) -> Result<FileAnswer, PhoneError> {
    let mut tries = 1;
    loop {
        cancel.check()?;
        match transport.exchange(bearer, request) {
            Ok(answer) if matches!(answer.status, 200 | 206) => return Ok(answer),
            Ok(answer) => return Err(refusal(&answer)),
            Err(error) if tries >= MOST_TRIES => return Err(error.into()),
            Err(_) => tries += 1,
        }
    }
}

impl Phone {
    /// Fetches a photo that a record on this phone refers to, and keeps it encrypted beside the others: what
    /// [`Phone::read_attachment`] reads then. One that is here already is not fetched again. It is taken only if its
    /// bytes are those that the record names.
    ///
    /// # Errors
    /// [`PhoneError::UnknownFile`] if the record refers to no such file; [`PhoneError::FileTooLarge`];
    /// [`PhoneError::Refused`], for example with `file_not_here` while its author has not sent it;
    /// [`PhoneError::BadAnswer`] if other bytes came; [`PhoneError::Busy`], [`PhoneError::AskedToWait`],
    /// [`PhoneError::Transport`], [`PhoneError::DiskFull`], [`PhoneError::FileStore`].
    pub fn fetch_file(
        &self,
        transport: &dyn FileTransport,
        record: RecordId,
        file: FileHash,
    ) -> Result<(), PhoneError> {
        self.fetch_file_unless(transport, record, file, &CancelFlag::new())
    }

    /// As [`Phone::fetch_file`], unless `cancel` is set before all of it is here: it is looked at before every part.
    ///
    /// # Errors
    /// As [`Phone::fetch_file`]; [`PhoneError::Cancelled`], and nothing is left behind then.
    pub fn fetch_file_unless(
        &self,
        transport: &dyn FileTransport,
        record: RecordId,
        file: FileHash,
        cancel: &CancelFlag,
    ) -> Result<(), PhoneError> {
        let inner = &self.inner;
        let wanted = inner.wanted(record, file)?;
        let here = |connection: &rusqlite::Connection| attachments::visible_size(connection, file);
        if let Some(bytes) = inner.store.read(here)?
            && inner.is_sound(file, bytes)
        {
            return inner.store.write(|tx| {
                let held = inner.fetched(record, file, bytes, None);
                attachments::add_fetched(tx, &held)
            });
        }
        if wanted.bytes > wanted.limit {
            return Err(PhoneError::FileTooLarge {
                bytes: wanted.bytes,
                limit: wanted.limit,
            });
        }
        let mut filling = inner.vault.fill(file, inner.random_seed())?;
        let mut digest = Sha256::new();
        let mut place = 0;
        while place < wanted.bytes {
            let left = usize::try_from(wanted.bytes - place).unwrap_or(PART_BYTES);
            let length = left.min(PART_BYTES);
            let request = wire::part(record, file, place, length);
            let answer = ask(transport, &wanted.bearer, &request, cancel)?;
            // Whoever answers with another part, or with the whole, does not know what was asked.
            let is_part = answer.status == 206 || (place == 0 && length == left);
            if !is_part || answer.body.len() != length {
                return Err(BAD_FILE);
            }
            digest.update(&answer.body);
            filling.write(&answer.body)?;
            place += length as u64;
        }
        if digest.finalize()[..] != file.as_bytes()[..] {
            return Err(BAD_FILE);
        }
        inner.keep_fetched(record, filling.finish()?, wanted.bytes, None, cancel)
    }

    /// Fetches the preview of a photo that a record on this phone refers to, keeps it, and gives it back: a small JPEG.
    /// One that is here already is not fetched again. One that is not what the record names, since the server made it, is
    /// decoded under limits and made anew.
    ///
    /// # Errors
    /// As for [`Phone::fetch_file`]; [`PhoneError::Refused`] with `no_preview` where there is none.
    pub fn fetch_preview(
        &self,
        transport: &dyn FileTransport,
        record: RecordId,
        photo: FileHash,
    ) -> Result<Vec<u8>, PhoneError> {
        self.fetch_preview_unless(transport, record, photo, &CancelFlag::new())
    }

    /// As [`Phone::fetch_preview`], unless `cancel` is set before it is here.
    ///
    /// # Errors
    /// As [`Phone::fetch_preview`]; [`PhoneError::Cancelled`], and nothing is left behind then.
    pub fn fetch_preview_unless(
        &self,
        transport: &dyn FileTransport,
        record: RecordId,
        photo: FileHash,
        cancel: &CancelFlag,
    ) -> Result<Vec<u8>, PhoneError> {
        if let Ok(Some(small)) = self.preview(photo) {
            return Ok(small);
        }
        let inner = &self.inner;
        let wanted = inner.wanted(record, photo)?;
        let request = wire::preview(record, photo, MAX_PREVIEW_BYTES);
        let answer = ask(transport, &wanted.bearer, &request, cancel)?;
        let came = FileHash::of(&answer.body);
        let is_named = wanted
            .preview
            .is_some_and(|named| named.sha256 == came.to_string());
        let (file, small) = match is_named {
            true => (came, answer.body),
            false => {
                let made = preview(&answer.body, &Limits::default());
                let made = made.map_err(|_| PhoneError::BadAnswer { to: "preview" })?;
                (FileHash::of(&made), made)
            }
        };
        let unsettled = inner.vault.put(file, &small, inner.random_seed())?;
        let bytes = small.len() as u64;
        inner.keep_fetched(record, unsettled, bytes, Some(photo), cancel)?;
        Ok(small)
    }
}
