//! The directory: people, areas, reference data, devices.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use gridlog_domain::deadline::Timetable;
use gridlog_domain::id::{DeviceId, PersonId};
use gridlog_domain::reference::{
    Area, Calendar, Catalogue, Checklists, Part as PartKind, Person, Role,
};
use gridlog_domain::triage::Triage;
use serde::Serialize;
use utoipa::ToSchema;

use crate::directory::{ImportError, read_areas, read_people};
use crate::identity::{Passwords, revoke};
use crate::store::{Device, Part, StoredPerson};
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::error::ApiError;

const KEEPERS: &[Role] = &[Role::Administrator];

impl From<ImportError> for ApiError {
    fn from(error: ImportError) -> Self {
        let detail = match error {
            ImportError::BadLines(problems) => problems
                .iter()
                .map(|problem| format!("line {}: {}", problem.line, problem.problem))
                .collect::<Vec<_>>()
                .join("\n"),
            other => other.to_string(),
        };
        Self::BadFile { detail }
    }
}

/// Everybody, with their assignments; no passwords.
#[utoipa::path(get, path = "/v1/office/people",
    responses((status = OK, body = Vec<Object>, description = "People with assignments")))]
pub(super) async fn people(
    State(app): State<App>,
    of: OfOffice,
) -> Result<Json<Vec<Person>>, ApiError> {
    of.require(&app, &[Role::Administrator, Role::DutyOfficer])?;
    let directory = app.directory.now();
    Ok(Json(
        directory
            .people
            .values()
            .map(|stored| stored.person.clone())
            .collect(),
    ))
}

/// Every area.
#[utoipa::path(get, path = "/v1/office/areas",
    responses((status = OK, body = Vec<Object>, description = "Areas with parents and validity")))]
pub(super) async fn areas(
    State(app): State<App>,
    _of: OfOffice,
) -> Result<Json<Vec<Area>>, ApiError> {
    Ok(Json(app.directory.now().areas.clone().into()))
}

/// How much was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Imported {
    taken: usize,
}

/// Imports people from CSV: `id,name,password,role,area,department,valid_from,valid_to,enabled`,
/// a line for each assignment. All or nothing; an error names every bad line.
#[utoipa::path(post, path = "/v1/office/people.csv",
    request_body(content = String, content_type = "text/csv"),
    responses((status = OK, body = Imported), (status = BAD_REQUEST, description = "Bad lines")))]
pub(super) async fn import_people(
    State(app): State<App>,
    of: OfOffice,
    body: Bytes,
) -> Result<Json<Imported>, ApiError> {
    of.require(&app, KEEPERS)?;
    let taken = app.work(move |app| {
        let people = read_people(&body, &app.directory.now().areas)?;
        let stored = hash_passwords(people, |password| {
            Passwords::hash(password, &mut *app.entropy()).map_err(ApiError::from)
        })?;
        app.store.put_people(&stored)?;
        app.directory_changed()?;
        Ok(stored.len())
    });
    Ok(Json(Imported {
        taken: taken.await?,
    }))
}

/// People as they are stored.
pub(crate) fn hash_passwords<E>(
    people: Vec<(Person, Option<String>)>,
    mut hash: impl FnMut(&str) -> Result<String, E>,
) -> Result<Vec<StoredPerson>, E> {
    people
        .into_iter()
        .map(|(person, password)| {
            let password_hash = password.as_deref().map(&mut hash).transpose()?;
            Ok(StoredPerson {
                person,
                password_hash,
            })
        })
        .collect()
}

/// Replaces the areas from CSV: `code,name,level,parent,valid_from,valid_to`. All or nothing.
#[utoipa::path(post, path = "/v1/office/areas.csv",
    request_body(content = String, content_type = "text/csv"),
    responses((status = OK, body = Imported), (status = BAD_REQUEST, description = "Bad lines")))]
pub(super) async fn import_areas(
    State(app): State<App>,
    of: OfOffice,
    body: Bytes,
) -> Result<Json<Imported>, ApiError> {
    of.require(&app, KEEPERS)?;
    let taken = app.work(move |app| {
        let areas = read_areas(&body)?;
        app.store.put_areas(&areas)?;
        app.directory_changed()?;
        Ok(areas.len())
    });
    Ok(Json(Imported {
        taken: taken.await?,
    }))
}

/// Puts the catalogue, the checklists or the calendar, as JSON. Its `version` must grow.
#[utoipa::path(put, path = "/v1/office/reference/{part}",
    params(("part" = String, Path, description = "catalogue, checklists or calendar")),
    request_body(content = Object, description = "As in the files of data/"),
    responses((status = OK, body = Imported)))]
pub(super) async fn put_part(
    State(app): State<App>,
    of: OfOffice,
    Path(part): Path<String>,
    body: Bytes,
) -> Result<Json<Imported>, ApiError> {
    of.require(&app, KEEPERS)?;
    let taken = app.work(move |app| {
        let kind = PartKind::from_name(&part).ok_or(ApiError::NotFound {
            what: "part",
            id: part,
        })?;
        let read = read_part(kind, &body)?;
        let held = app
            .directory
            .now()
            .parts
            .get(kind.name())
            .map_or(0, |part| part.version);
        if read.version <= held {
            return Err(ApiError::BadRequest {
                code: "version_not_newer",
                detail: format!("version {} is not newer than {held}", read.version),
            });
        }
        app.store.put_part(&read)?;
        app.directory_changed()?;
        Ok(1)
    });
    Ok(Json(Imported {
        taken: taken.await?,
    }))
}

/// Reads a part and puts it into the form that is stored.
///
/// # Errors
/// [`ApiError::BadRequest`] if it is not one, or one that is not put as a document.
pub(crate) fn read_part(kind: PartKind, json: &[u8]) -> Result<Part, ApiError> {
    let bad = |error: serde_json::Error| ApiError::BadRequest {
        code: "bad_part",
        detail: format!("line {}: not a {}", error.line(), kind.name()),
    };
    let (version, json) = match kind {
        PartKind::Catalogue => {
            let part: Catalogue = serde_json::from_slice(json).map_err(bad)?;
            (part.version, serde_json::to_string(&part))
        }
        PartKind::Checklists => {
            let part: Checklists = serde_json::from_slice(json).map_err(bad)?;
            (part.version, serde_json::to_string(&part))
        }
        PartKind::Calendar => {
            let part: Calendar = serde_json::from_slice(json).map_err(bad)?;
            Timetable::new(&part).map_err(|error| ApiError::BadRequest {
                code: "bad_part",
                detail: error.to_string(),
            })?;
            (part.version, serde_json::to_string(&part))
        }
        PartKind::Triage => {
            let part: Triage = serde_json::from_slice(json).map_err(bad)?;
            part.check().map_err(|error| ApiError::BadRequest {
                code: "bad_part",
                detail: error.to_string(),
            })?;
            (part.version, serde_json::to_string(&part))
        }
        PartKind::Areas | PartKind::Staff => {
            return Err(ApiError::BadRequest {
                code: "import_csv",
                detail: "areas and people are imported as CSV".to_owned(),
            });
        }
    };
    let json = json.map_err(|_| ApiError::Internal)?;
    Ok(Part {
        name: kind.name().to_owned(),
        version,
        json,
    })
}

/// A device of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeviceRow {
    id: String,
    name: String,
    enrolled_ms: i64,
    /// Set once it was handed over or lost.
    revoked_ms: Option<i64>,
    last_sync_ms: Option<i64>,
}

impl From<Device> for DeviceRow {
    fn from(device: Device) -> Self {
        Self {
            id: device.id.to_string(),
            name: device.name,
            enrolled_ms: device.enrolled_ms,
            revoked_ms: device.revoked_ms,
            last_sync_ms: device.last_sync_ms,
        }
    }
}

/// The devices of a person.
#[utoipa::path(get, path = "/v1/office/people/{id}/devices",
    params(("id" = String, Path, description = "Staff number")),
    responses((status = OK, body = Vec<DeviceRow>)))]
pub(super) async fn devices(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
) -> Result<Json<Vec<DeviceRow>>, ApiError> {
    of.require(&app, &[Role::Administrator, Role::DutyOfficer])?;
    let found = app
        .work(move |app| Ok(app.store.devices_of(&PersonId::new(id))?))
        .await?;
    Ok(Json(found.into_iter().map(DeviceRow::from).collect()))
}

/// Marks a device as handed over or lost: what it still pushes waits in review, and it pulls
/// nothing.
#[utoipa::path(post, path = "/v1/office/devices/{id}/revoke",
    params(("id" = String, Path, description = "The device's id")),
    responses((status = OK, body = Imported)))]
pub(super) async fn revoke_device(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
) -> Result<Json<Imported>, ApiError> {
    of.require(&app, KEEPERS)?;
    let not_found = |id: &str| ApiError::NotFound {
        what: "device",
        id: id.chars().take(64).collect(),
    };
    let device: DeviceId = id.parse().map_err(|_| not_found(&id))?;
    let revoked = app
        .work(move |app| Ok(revoke(&*app.store, &*app.outside, device, app.now_ms())?))
        .await?;
    app.live.dismiss(device);
    if revoked {
        Ok(Json(Imported { taken: 1 }))
    } else {
        Err(not_found(&id))
    }
}
