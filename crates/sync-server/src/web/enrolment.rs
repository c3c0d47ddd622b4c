//! `POST /v1/enrol` and `POST /v1/sign-in`.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use gridlog_domain::id::PersonId;
use gridlog_domain::reference::Person;
use gridlog_protocol::{EnrolAnswer, EnrolRequest};
use serde::{Deserialize, Serialize};

use super::app::App;
use super::error::ApiError;
use crate::identity::{Bearer, EnrolWish, LONGEST_PASSWORD, enrol as enrol_device};

const MINUTE_MS: i64 = 60_000;

/// Largest body of these two requests, in bytes.
pub(super) const LARGEST_BODY: usize = 4 * 1024;

/// Longest id of a person that is looked up, in bytes.
const LONGEST_ID: usize = 128;

/// Who signs in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    person: String,
    password: String,
}

/// A session of the office.
#[derive(Serialize)]
pub(super) struct SignedIn {
    token: String,
    person: Person,
}

pub(super) fn bad_json(rejection: &JsonRejection) -> ApiError {
    // The rejection's text can quote the body, so only its kind is told.
    let detail = match rejection {
        JsonRejection::JsonDataError(_) => "the JSON lacks a field or has an unknown one",
        JsonRejection::JsonSyntaxError(_) => "the body is not JSON",
        JsonRejection::MissingJsonContentType(_) => "the content type must be application/json",
        _ => "the body cannot be read",
    };
    ApiError::BadRequest {
        code: "bad_json",
        detail: detail.to_owned(),
    }
}

fn check_password(app: &App, id: &PersonId, password: &str) -> Result<Person, ApiError> {
    if id.as_str().len() > LONGEST_ID || password.chars().count() > LONGEST_PASSWORD {
        return Err(ApiError::WrongPassword);
    }
    app.count_attempt(id)?;
    let directory = app.directory.now();
    let stored = directory
        .people
        .get(id)
        .filter(|stored| stored.person.enabled);
    let hash = stored.and_then(|stored| stored.password_hash.as_deref());
    if !app.verify_password(password, hash)? {
        return Err(ApiError::WrongPassword);
    }
    app.forget_attempts(id);
    stored
        .map(|stored| stored.person.clone())
        .ok_or(ApiError::WrongPassword)
}

/// Signs a person of an office in.
pub(super) async fn sign_in(
    State(app): State<App>,
    body: Result<Json<SignIn>, JsonRejection>,
) -> Result<Json<SignedIn>, ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    let signed_in = app.work(move |app| {
        let id = PersonId::new(body.person);
        let person = check_password(app, &id, &body.password)?;
        let lasts = i64::from(app.config.office_token_minutes) * MINUTE_MS;
        let bearer = Bearer {
            person: id,
            device: None,
        };
        let token = app.tokens.issue(&bearer, app.now_ms(), lasts)?;
        Ok(SignedIn { token, person })
    });
    Ok(Json(signed_in.await?))
}

/// Turns an installation into a device.
pub(super) async fn enrol(
    State(app): State<App>,
    body: Result<Json<EnrolRequest>, JsonRejection>,
) -> Result<Json<EnrolAnswer>, ApiError> {
    let Json(request) = body.map_err(|rejection| bad_json(&rejection))?;
    Ok(Json(app.work(move |app| enrol_now(app, request)).await?))
}

fn enrol_now(app: &App, request: EnrolRequest) -> Result<EnrolAnswer, ApiError> {
    let id = PersonId::new(request.person);
    let person = check_password(app, &id, &request.password)?;
    let mut actor = [0; 16];
    hex::decode_to_slice(&request.actor, &mut actor).map_err(|_| ApiError::BadRequest {
        code: "bad_actor",
        detail: "the actor has 32 hex digits".to_owned(),
    })?;
    let now_ms = app.now_ms();
    let wish = EnrolWish {
        person: id.clone(),
        actor,
        device_name: request.device_name.chars().take(64).collect(),
        now_ms,
    };
    let enrolled = enrol_device(
        (&*app.store, &*app.outside),
        &app.exchange.key,
        &mut *app.entropy(),
        &wish,
    )?;
    let lasts = i64::from(app.config.device_token_days) * 24 * 60 * MINUTE_MS;
    let bearer = Bearer {
        person: id.clone(),
        device: Some(enrolled.device),
    };
    Ok(EnrolAnswer {
        device: enrolled.device.to_string(),
        token: app.tokens.issue(&bearer, now_ms, lasts)?,
        server_key: hex::encode(app.exchange.key.verifying_key().as_bytes()),
        certificate: hex::encode(enrolled.certificate),
        district: app.config.district.clone(),
        profile: serde_json::to_value(&person).map_err(|_| ApiError::Internal)?,
        profile_version: app.directory.now().profile_version(&id, now_ms),
        successions: app.seals.successions().to_vec(),
    })
}
