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

fn bearer(parts: &Parts, app: &App) -> Result<Bearer, ApiError> {
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = header
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(TokenError::Invalid)?;
    Ok(app.tokens.read(token, app.now_ms())?)
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
