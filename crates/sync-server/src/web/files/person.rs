//! Who asks for a file, or brings one.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use sha2::{Digest as _, Sha256};

use crate::exchange::Work;
use crate::fairness::Turn;
use crate::files::FileError;
use crate::ingest::may_write;
use crate::store::{FileOfRecord, Uploader};
use crate::web::app::App;
use crate::web::authentication::{OfDevice, bearer};
use crate::web::error::ApiError;

/// A request by an enrolled phone or by somebody of an office, who do not have too many under way. It counts as one
/// until this is dropped; it is taken before anything of the body is read.
#[derive(Debug)]
pub(super) struct OfPerson {
    pub(super) by: Uploader,
    _turn: Turn,
}

impl FromRequestParts<App> for OfPerson {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let bearer = bearer(parts, app)?;
        let by = Uploader {
            person: bearer.person,
            device: bearer.device,
        };
        let turn = app.file_door.under_way.begin(counted_as(&by));
        Ok(Self {
            by,
            _turn: turn.ok_or(ApiError::OneAtATime)?,
        })
    }
}

/// As whom requests are counted: all sessions of a person of an office are one.
fn counted_as(by: &Uploader) -> DeviceId {
    by.device.unwrap_or_else(|| {
        let hash: [u8; 32] = Sha256::digest(by.person.as_str()).into();
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        DeviceId::from_bytes(id)
    })
}

/// Lets them ask for something that costs this.
pub(super) fn let_ask(app: &App, by: &Uploader, work: Work) -> Result<(), ApiError> {
    app.let_ask(counted_as(by), work)
}

/// What they may see now.
pub(super) fn audiences(app: &App, by: &Uploader) -> Result<Vec<String>, ApiError> {
    if let Some(device) = by.device {
        let person = by.person.clone();
        return app.audiences_of_device(&OfDevice { device, person });
    }
    let directory = app.directory.now();
    if directory.person(&by.person).is_none_or(|p| !p.enabled) {
        return Err(ApiError::Forbidden);
    }
    Ok(directory.audiences(&by.person, app.now_ms()))
}

/// Requires that they may add this file to its record: they may write there now, or a reference of theirs to
/// that very file is in the log.
pub(super) fn require_writer(app: &App, by: &Uploader, of: FileOfRecord) -> Result<(), ApiError> {
    audiences(app, by)?;
    let FileOfRecord { record, .. } = of;
    require_not_erased(app, record)?;
    let row = app.store.record(record)?;
    let row = row.ok_or(FileError::RecordUnknown)?;
    if may_write(&app.directory.now(), &by.person, &row, app.now_ms())? {
        return Ok(());
    }
    let referred = app.store.referred(of)?;
    let wrote = |person: &PersonId| *person == by.person;
    if referred.is_some_and(|referred| referred.people.iter().any(wrote)) {
        return Ok(());
    }
    Err(FileError::OutOfScope.into())
}

/// Requires that the record was not erased.
pub(super) fn require_not_erased(app: &App, record: RecordId) -> Result<(), ApiError> {
    match app.store.is_erased(record)? {
        true => Err(FileError::Erased.into()),
        false => Ok(()),
    }
}
