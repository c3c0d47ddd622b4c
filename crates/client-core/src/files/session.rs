//! One run of sending, request by request, without socket: time comes from the phone's clock.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::progress::Underway;
use super::turns::{Turns, Waiting};
use super::wire::{self, FileAnswer, FileRequest, PIECE_BYTES};
use crate::error::PhoneError;
use crate::identity;
use crate::pace::{Hold, Pacer};
use crate::phone::Phone;
use crate::store::{attachments, meta};

/// What a server that is busy and names no time is given, milliseconds.
const DEFAULT_WAIT_MS: u64 = 5_000;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileStep {
    /// Carry this to the server, and hand in its answer.
    Request(FileRequest),
    /// Nothing for so many milliseconds: the server asked for it, or requests failed.
    Wait(u64),
    /// There is nothing more to send now.
    Done,
}

/// What a run of sending did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileReport {
    /// Files that the server has since then, previews included.
    pub files_sent: u64,
    /// Bytes of files that went over the line and were taken.
    pub bytes_sent: u64,
    /// Bytes of pieces that were sent and not taken, as after a cut.
    pub bytes_again: u64,
    /// Requests that were answered.
    pub requests: u64,
    /// Requests that were not.
    pub cuts: u64,
    /// Files that the server refused for good; the worker decides.
    pub needs_you: u64,
    /// Files that are left for a later run, previews included.
    pub left: u64,
    /// Bytes of them.
    pub bytes_left: u64,
    /// How long the server wants to be left alone, milliseconds; the run ended for that.
    pub retry_after_ms: Option<u64>,
    /// Why the run ended before everything was sent, if the app's policy wanted it so.
    pub held_back: Option<super::send::HeldBack>,
}

/// What the last request was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// With so many bytes of the first piece.
    Create {
        bytes: u64,
    },
    Offset,
    Piece {
        from: u64,
        bytes: u64,
    },
}

impl Asked {
    /// How many bytes of the file went along.
    const fn bytes(self) -> u64 {
        match self {
            Self::Create { bytes } | Self::Piece { bytes, .. } => bytes,
            Self::Offset => 0,
        }
    }
}

/// One run of sending without I/O: ask for the next step, hand in what came of it, until there is none.
///
/// A phone has one at a time. Dropping it ends it at any point; what the server has of each file, it is asked
/// the next time.
#[derive(Debug)]
pub struct FileSession {
    phone: Phone,
    bearer: String,
    turns: Turns,
    pacer: Pacer,
    asked: Option<Asked>,
    /// Requests in a row that were not answered, or turned away for now.
    failures: u32,
    report: FileReport,
}

impl Drop for FileSession {
    fn drop(&mut self) {
        self.phone.inner.sending.store(false, Ordering::SeqCst);
    }
}

impl Phone {
    /// Begins to send files without I/O.
    ///
    /// # Errors
    /// [`PhoneError::AskedToWait`] while the server wants to be left alone; [`PhoneError::SendingFiles`]
    /// while another run of this phone is alive; [`PhoneError::NotEnrolled`].
    pub fn begin_sending(&self) -> Result<FileSession, PhoneError> {
        let bearer = self.inner.store.read(|connection| {
            identity::require(connection)?;
            self.inner.mind_hold(connection)?;
            meta::TOKEN.get(connection)
        })?;
        let bearer = bearer.ok_or(PhoneError::NotEnrolled)?;
        if self.inner.sending.swap(true, Ordering::SeqCst) {
            return Err(PhoneError::SendingFiles);
        }
        Ok(FileSession {
            phone: self.clone(),
            bearer,
            turns: Turns::default(),
            pacer: Pacer::default(),
            asked: None,
            failures: 0,
            report: FileReport::default(),
        })
    }
}

impl FileSession {
    /// The bearer token that requests go with.
    pub fn bearer(&self) -> &str {
        &self.bearer
    }

    /// What the run did so far.
    pub const fn report(&self) -> &FileReport {
        &self.report
    }

    /// How many requests in a row were not answered, or turned away for now.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// What to do next. A request that is never answered is told by [`FileSession::failed`].
    ///
    /// # Errors
    /// [`PhoneError::Store`], [`PhoneError::FileStore`].
    pub fn next_step(&mut self) -> Result<FileStep, PhoneError> {
        let wait_ms = self.pacer.wait_ms(self.phone.inner.clock.now_ms());
        if wait_ms > 0 {
            return Ok(FileStep::Wait(wait_ms));
        }
        loop {
            if self.turns.front().is_none() {
                self.refill()?;
            }
            let Some(turn) = self.turns.front() else {
                self.let_go();
                return Ok(FileStep::Done);
            };
            let what = turn.what.clone();
            let (asked, request) = match (&what.upload, turn.offset) {
                (None, _) => {
                    let Some(first) = self.first_piece(&what)? else {
                        continue;
                    };
                    let asked = Asked::Create {
                        bytes: first.len() as u64,
                    };
                    let request = wire::create(what.record, what.file, what.bytes, first);
                    (asked, request)
                }
                (Some(upload), None) => (Asked::Offset, wire::ask(upload)),
                (Some(upload), Some(from)) => {
                    let upload = upload.clone();
                    let Some(bytes) = self.piece(&what, from)? else {
                        continue;
                    };
                    let asked = Asked::Piece {
                        from,
                        bytes: bytes.len() as u64,
                    };
                    (asked, wire::piece(&upload, from, bytes))
                }
            };
            self.asked = Some(asked);
            return Ok(FileStep::Request(request));
        }
    }

    /// What goes along with the request that begins an upload. Nothing after a request that was not answered: the
    /// server may have begun it then, and have that piece.
    fn first_piece(&mut self, what: &Waiting) -> Result<Option<Vec<u8>>, PhoneError> {
        match self.failures {
            0 => self.piece(what, 0),
            _ => Ok(Some(Vec::new())),
        }
    }

    /// The next piece of a file; `None` if what lies here is damaged, which is noted.
    fn piece(&mut self, what: &Waiting, from: u64) -> Result<Option<Vec<u8>>, PhoneError> {
        let opened = self.phone.inner.open_file(what.file, what.bytes);
        match opened.and_then(|mut reader| reader.read_part(from, PIECE_BYTES)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(PhoneError::FileDamaged { .. }) => {
                self.refuse("file_damaged")?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Files of records that have left this phone go, now that the server has them.
    fn let_go(&self) {
        if let Err(error) = self.phone.inner.release_files() {
            tracing::warn!(
                code = error.code(),
                "files that nobody holds were not removed"
            );
        }
    }

    fn refill(&mut self) -> Result<(), PhoneError> {
        let waiting = self.phone.inner.store.read(attachments::waiting)?;
        self.turns.refill(waiting);
        Ok(())
    }

    /// The request was not answered. What of it arrived, the server is asked after a while that grows with
    /// every failure.
    pub fn failed(&mut self) {
        let inner = &self.phone.inner;
        self.report.cuts += 1;
        self.failures += 1;
        self.report.bytes_again += self.asked.take().map_or(0, Asked::bytes);
        if let Some(turn) = self.turns.front() {
            turn.offset = None;
        }
        self.pacer
            .failed(inner.clock.now_ms(), inner.random_number());
    }

    /// Takes the answer to the request.
    ///
    /// # Errors
    /// [`PhoneError::SignInAgain`]; [`PhoneError::Store`]; [`PhoneError::NothingAsked`].
    pub fn accept(&mut self, answer: &FileAnswer) -> Result<(), PhoneError> {
        let asked = self.asked.take().ok_or(PhoneError::NothingAsked)?;
        self.report.requests += 1;
        match answer.status {
            200..=299 => {
                self.failures = 0;
                self.pacer.succeeded();
                self.take(asked, answer)
            }
            401 => Err(PhoneError::SignInAgain),
            status => {
                self.report.bytes_again += asked.bytes();
                tracing::info!(status, code = answer.code(), "a file was not taken");
                if matches!(status, 408 | 429 | 500..) {
                    self.failures += 1;
                }
                self.take_refusal(answer)
            }
        }
    }

    fn take(&mut self, asked: Asked, answer: &FileAnswer) -> Result<(), PhoneError> {
        let Some(turn) = self.turns.front() else {
            return Ok(());
        };
        let bytes = turn.what.bytes;
        let offset = answer.upload_offset.filter(|offset| *offset <= bytes);
        match (asked, offset) {
            (Asked::Create { bytes: sent }, Some(offset)) => {
                // A server that does not take a piece here, has the upload already or holds the file stands
                // elsewhere than behind that piece.
                match offset == sent {
                    true => self.report.bytes_sent += sent,
                    false => self.report.bytes_again += sent,
                }
                // What is held already needs no upload.
                if let Some(upload) = answer.upload().filter(|_| offset < bytes) {
                    turn.what.upload = Some(upload);
                    turn.offset = Some(offset);
                    return self.note(offset);
                }
                match offset == bytes {
                    true => self.through(),
                    false => self.trouble("bad_answer"),
                }
            }
            (Asked::Offset, Some(offset)) if offset < bytes => {
                turn.offset = Some(offset);
                Ok(())
            }
            (Asked::Offset, Some(_)) => self.through(),
            // A server that takes another number of bytes than it was given is asked again.
            (Asked::Piece { from, bytes: sent }, Some(offset)) if offset == from + sent => {
                self.report.bytes_sent += sent;
                if offset == bytes {
                    return self.through();
                }
                let what = turn.what.clone();
                match self.turns.passed(offset) {
                    true => self.note_of(&what, offset)?,
                    false => self.phone.inner.set_underway(Some(Underway {
                        record: what.record,
                        file: what.file,
                        sent_bytes: offset,
                    })),
                }
                Ok(())
            }
            _ => self.trouble("bad_answer"),
        }
    }

    fn take_refusal(&mut self, answer: &FileAnswer) -> Result<(), PhoneError> {
        let code = answer.code();
        match (answer.status, code.as_str()) {
            (429 | 503 | 507, _) => {
                let retry_after_ms = answer.retry_after_ms.unwrap_or(DEFAULT_WAIT_MS);
                let inner = &self.phone.inner;
                if answer.status == 503 {
                    // A server without time has none for a sync either.
                    inner.keep_refusal(&PhoneError::Busy {
                        retry_after_ms,
                        said: None,
                    });
                }
                let hold = Hold::asked(
                    inner.clock.now_ms(),
                    retry_after_ms,
                    true,
                    inner.random_number(),
                );
                self.pacer.hold(Some(hold));
                // One that cannot begin does not keep others from going on.
                self.turns.give_way();
                Ok(())
            }
            (
                _,
                "upload_unknown"
                | "upload_expired"
                | "upload_foreign"
                | "upload_length_changed"
                | "upload_beyond_end",
            ) => {
                self.begin_anew()?;
                self.trouble(&code)
            }
            (_, "upload_offset" | "upload_taken_over" | "checksum_wrong") => self.trouble(&code),
            (_, "file_hash_wrong") => {
                let what = self.front();
                if what.is_some_and(|what| !self.phone.inner.is_sound(what.file, what.bytes)) {
                    return self.refuse("file_damaged");
                }
                self.begin_anew()?;
                self.trouble(&code)
            }
            (_, "record_unknown") => {
                let Some(what) = self.front() else {
                    return Ok(());
                };
                self.turns.leave();
                self.phone
                    .inner
                    .store
                    .write(|tx| attachments::wait_for_sync(tx, what.record, what.file, &code))
            }
            // A server that knows nothing of files yet.
            (404 | 405, _) => self.trouble(&code),
            (408 | 500.., _) => {
                let inner = &self.phone.inner;
                self.pacer
                    .failed(inner.clock.now_ms(), inner.random_number());
                self.trouble(&code)
            }
            (400..=499, _) => self.refuse(&code),
            _ => self.trouble(&code),
        }
    }

    fn front(&mut self) -> Option<Waiting> {
        self.turns.front().map(|turn| turn.what.clone())
    }

    /// The server has the file in front.
    fn through(&mut self) -> Result<(), PhoneError> {
        let Some(what) = self.front() else {
            return Ok(());
        };
        self.turns.done();
        self.report.files_sent += 1;
        let inner = &self.phone.inner;
        inner
            .store
            .note(|tx| attachments::set_sent(tx, what.record, what.file))?;
        inner.set_underway(None);
        inner.signal.committed();
        self.refill()
    }

    /// Notes how far the file in front is.
    fn note(&mut self, offset: u64) -> Result<(), PhoneError> {
        match self.front() {
            Some(what) => self.note_of(&what, offset),
            None => Ok(()),
        }
    }

    fn note_of(&self, what: &Waiting, offset: u64) -> Result<(), PhoneError> {
        let inner = &self.phone.inner;
        inner.store.note(|tx| {
            let upload = what.upload.as_deref();
            attachments::note_upload(tx, what.record, what.file, upload, offset)
        })?;
        inner.set_underway(None);
        inner.signal.committed();
        Ok(())
    }

    fn begin_anew(&mut self) -> Result<(), PhoneError> {
        if let Some(turn) = self.turns.front() {
            turn.what.upload = None;
            turn.offset = None;
        }
        self.note(0)
    }

    /// The file in front met trouble that may pass.
    fn trouble(&mut self, code: &str) -> Result<(), PhoneError> {
        let Some(what) = self.front() else {
            return Ok(());
        };
        if !self.turns.troubled() {
            return Ok(());
        }
        tracing::warn!(code, "a file is left for the next time");
        let inner = &self.phone.inner;
        inner
            .store
            .write(|tx| attachments::note_trouble(tx, what.record, what.file, code))?;
        inner.signal.committed();
        Ok(())
    }

    /// The file in front is not taken, and trying again does not help.
    fn refuse(&mut self, code: &str) -> Result<(), PhoneError> {
        let Some(what) = self.front() else {
            return Ok(());
        };
        self.turns.done();
        let inner = &self.phone.inner;
        let refused = inner
            .store
            .write(|tx| attachments::refuse(tx, what.record, what.file, code))?;
        // It may have been erased meanwhile.
        self.report.needs_you += u64::from(refused);
        inner.signal.committed();
        Ok(())
    }

    /// Ends the run: notes how far the file in front is, and what is left.
    pub(super) fn end(mut self) -> Result<FileReport, PhoneError> {
        if let Some((what, Some(offset))) = self
            .turns
            .front()
            .map(|turn| (turn.what.clone(), turn.offset))
        {
            self.note_of(&what, offset)?;
        }
        let waiting = self.phone.inner.store.read(attachments::unsent)?;
        (self.report.left, self.report.bytes_left) = waiting;
        Ok(self.report.clone())
    }

    /// What is still to go in this run: files and bytes.
    pub(super) fn to_go(&self) -> (u64, u64) {
        self.turns.to_go()
    }

    /// The run ended because the server wants to be left alone.
    pub(super) fn note_hold(&mut self, wait_ms: u64) {
        self.report.retry_after_ms = Some(wait_ms);
    }

    /// The run ended because the app wants it so.
    pub(super) fn note_held_back(&mut self, why: super::send::HeldBack) {
        self.report.held_back = Some(why);
    }
}
