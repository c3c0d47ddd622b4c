//! Whose request it is.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use gridlog_domain::id::{DeviceId, PersonId};
use gridlog_domain::reference::Role;

use super::app::App;
use super::error::ApiError;
use crate::fairness::Turn;
use crate::identity::{Bearer, TokenError};

const DAY_MS: i64 = 24 * 60 * 60_000;

pub(super) fn bearer(parts: &Parts, app: &App) -> Result<Bearer, ApiError> {
    Ok(app.tokens.read(token(parts)?, app.now_ms())?)
}

fn token(parts: &Parts) -> Result<&str, ApiError> {
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer "));
    Ok(token.ok_or(TokenError::Invalid)?)
}

/// A request by an enrolled device.
#[derive(Debug, Clone)]
pub(super) struct OfDevice {
    pub(super) device: DeviceId,
    pub(super) person: PersonId,
}

impl FromRequestParts<App> for OfDevice {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let bearer = bearer(parts, app)?;
        let device = bearer.device.ok_or(ApiError::UnknownDevice)?;
        Ok(Self {
            device,
            person: bearer.person,
        })
    }
}

/// A request by an enrolled device that does not have too many under way. It counts as one until this
/// is dropped; it is taken before anything of the body is read.
#[derive(Debug)]
pub(super) struct OfDeviceInTurn {
    pub(super) of: OfDevice,
    pub(super) turn: Turn,
}

impl FromRequestParts<App> for OfDeviceInTurn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let of = OfDevice::from_request_parts(parts, app).await?;
        let turn = app.under_way.begin(of.device);
        let turn = turn.ok_or(ApiError::OneAtATime)?;
        Ok(Self { of, turn })
    }
}

/// A request to sync, by an enrolled device in its turn; see [`OfDeviceInTurn`].
#[derive(Debug)]
pub(super) struct OfSyncingDevice {
    pub(super) of: OfDevice,
    pub(super) turn: Turn,
    /// Whether its token has expired, not too long ago: only who cannot sign in again may go on with it,
    /// and only push; see [`App::require_late_push`].
    pub(super) is_late: bool,
}

impl FromRequestParts<App> for OfSyncingDevice {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = token(parts)?;
        let (bearer, is_late) = match app.tokens.read(token, app.now_ms()) {
            Err(TokenError::Expired) => {
                let late_ms = i64::from(app.config.late_push_days).saturating_mul(DAY_MS);
                let then = app.now_ms().saturating_sub(late_ms);
                (app.tokens.read(token, then)?, true)
            }
            read => (read?, false),
        };
        let of = OfDevice {
            device: bearer.device.ok_or(ApiError::UnknownDevice)?,
            person: bearer.person,
        };
        let turn = app.under_way.begin(of.device);
        Ok(Self {
            of,
            turn: turn.ok_or(ApiError::OneAtATime)?,
            is_late,
        })
    }
}

impl App {
    /// Lets a device whose token has expired push what it still holds, if its person cannot sign in again
    /// on it: the account is disabled, or the device was handed over. The exchange then takes what it
    /// pushes for an office to review, and tells it nothing else.
    pub(super) fn require_late_push(&self, of: &OfDevice) -> Result<(), ApiError> {
        let directory = self.directory.now();
        let person = directory.person(&of.person);
        let is_disabled = person.is_some_and(|person| !person.enabled);
        let device = self.store.device(of.device)?;
        let is_revoked = device.is_some_and(|device| device.revoked_ms.is_some());
        if person.is_some() && (is_disabled || is_revoked) {
            Ok(())
        } else {
            Err(TokenError::Expired.into())
        }
    }
}

impl App {
    /// What the person of an enrolled device may see now.
    ///
    /// # Errors
    /// [`ApiError::UnknownDevice`]; [`ApiError::Forbidden`] for a phone that was handed over, and for
    /// somebody whose account is disabled: they have no assignment that counts, and are told of nothing.
    pub(super) fn audiences_of_device(&self, of: &OfDevice) -> Result<Vec<String>, ApiError> {
        let device = self.store.device(of.device)?;
        let device = device
            .filter(|device| device.person == of.person)
            .ok_or(ApiError::UnknownDevice)?;
        let directory = self.directory.now();
        let is_enabled = directory.person(&of.person).is_some_and(|p| p.enabled);
        if device.revoked_ms.is_some() || !is_enabled {
            return Err(ApiError::Forbidden);
        }
        Ok(directory.audiences(&of.person, self.now_ms()))
    }
}

/// A request by a person in an office.
#[derive(Debug, Clone)]
pub(super) struct OfOffice {
    pub(super) person: PersonId,
}

impl FromRequestParts<App> for OfOffice {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let bearer = bearer(parts, app)?;
        let enabled = app
            .directory
            .now()
            .person(&bearer.person)
            .is_some_and(|p| p.enabled);
        // A device's token is for syncing only: a lost phone must not open the office.
        if bearer.device.is_some() || !enabled {
            return Err(ApiError::Forbidden);
        }
        Ok(Self {
            person: bearer.person,
        })
    }
}

impl OfOffice {
    /// Requires one of the roles, now.
    pub(super) fn require(&self, app: &App, roles: &[Role]) -> Result<(), ApiError> {
        let directory = app.directory.now();
        let now = app.now_ms();
        if roles
            .iter()
            .any(|role| directory.has_role(&self.person, *role, now))
        {
            Ok(())
        } else {
            Err(ApiError::Forbidden)
        }
    }

    /// What the person may see now.
    pub(super) fn audiences(&self, app: &App) -> Vec<String> {
        app.directory.now().audiences(&self.person, app.now_ms())
    }
}
