//! Photos: workers take them in the day, they travel in the evening, and the office opens each of them.

use std::fs;
use std::thread;
use std::time::Instant;

use gridlog_client_core::{FileHash, HttpTransport, PhoneError, SendOptions};
use gridlog_domain::id::RecordId;
use gridlog_domain::record::PhotoRole;
use gridlog_domain::reference::Role;
use gridlog_picture_guard::gallery;

use super::phone::{DemoPhone, PATIENCE, PAUSE};
use super::stage::{Stage, someone};
use crate::error::CliError;

/// About how large a photo is, in bytes.
const BYTES: usize = 60_000;

/// A photo that a phone was told to attach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    record: RecordId,
    file: FileHash,
    bytes: u64,
}

/// The photos of the day, on both sides.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Photos {
    /// How many were attached on phones.
    pub(super) on_phones: usize,
    /// How many of them the office opened, each byte as it was attached.
    pub(super) on_server: usize,
    /// Bytes of those that were attached.
    pub(super) bytes: u64,
    /// Photos of which a phone says that it is only there.
    pub(super) only_there: u64,
}

/// Takes a near and a far photo of what a case is about.
pub(super) fn take(phone: &mut DemoPhone, case: RecordId) -> Result<(), CliError> {
    let path = phone.folder().join("camera.jpg");
    let written = |source| CliError::File {
        path: path.clone(),
        what: "written",
        source,
    };
    for (seed, role) in (2 * phone.number as u64..).zip([PhotoRole::Near, PhotoRole::Far]) {
        let upright = 1;
        let taken = gallery::with_metadata(&gallery::photo(BYTES, seed), upright);
        fs::write(&path, taken).map_err(written)?;
        let attached = phone.phone.attach(case, &path, role)?;
        phone.ledger.photos.push(Taken {
            record: case,
            file: attached.sha256,
            bytes: attached.bytes,
        });
    }
    fs::remove_file(&path).map_err(written)
}

/// Sends the photos of a phone, however often it is cut off or asked to wait.
pub(super) fn send(phone: &DemoPhone) -> Result<(), CliError> {
    let begun = Instant::now();
    let line = HttpTransport::new(&phone.proxy.url()).map_err(PhoneError::from)?;
    loop {
        let sent = phone.phone.send_files(&line, SendOptions::default());
        let is_late = begun.elapsed() > PATIENCE;
        match sent {
            // What is left then, the promise counts.
            Ok(report) if report.left == 0 || is_late => return Ok(()),
            Err(error) if is_late => return Err(error.into()),
            Ok(_)
            | Err(
                PhoneError::Transport(_) | PhoneError::Busy { .. } | PhoneError::AskedToWait { .. },
            ) => thread::sleep(PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Opens every photo in the office.
pub(super) fn count(stage: &Stage) -> Result<Photos, CliError> {
    let office = stage.office();
    let officer = office.sign_in(&someone(&stage.street, Role::DutyOfficer)?, &stage.password)?;
    let mut photos = Photos::default();
    for phone in stage.everyone() {
        photos.only_there += phone.phone.status()?.files.only_here();
        for taken in &phone.ledger.photos {
            photos.on_phones += 1;
            photos.bytes += taken.bytes;
            let arrived = officer.file(taken.record, &taken.file.to_string())?;
            let is_whole = arrived.is_some_and(|bytes| FileHash::of(&bytes) == taken.file);
            photos.on_server += usize::from(is_whole);
        }
    }
    Ok(photos)
}

impl Photos {
    /// Whether every photo is on both sides.
    pub(super) fn finding(&self) -> Result<String, String> {
        let words = format!(
            "手机 on phones {}，社区已打开 opened by the office {}，{} 字节 bytes",
            self.on_phones, self.on_server, self.bytes
        );
        if self.on_phones > 0 && self.on_phones == self.on_server && self.only_there == 0 {
            Ok(words)
        } else {
            Err(words)
        }
    }
}
