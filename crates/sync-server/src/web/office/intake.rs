//! The door through which cases come in that no worker reported; see `docs/intake.md`.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use gridlog_domain::channel::Channel;
use gridlog_domain::id::AreaCode;
use gridlog_domain::record::{Crs, Fix, NUMBER, Place};
use gridlog_domain::reference::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ingest::{Caller, DESCRIPTION, DeliveredPhoto, Delivery, FreshIds, News};
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::enrolment::bad_json;
use crate::web::error::ApiError;

/// Who may bring cases in.
const RECEIVERS: &[Role] = &[Role::Acceptor, Role::Dispatcher, Role::DutyOfficer];
/// Longest part of an address, in characters, and most parts; see [`Place`].
const PART: usize = 100;
const PARTS: usize = 12;
/// Most photos of one delivery.
const PHOTOS: usize = 16;

/// Where it is: words, coordinates, or both.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceBody {
    /// In words, at most 1200 characters.
    text: Option<String>,
    /// Longitude, degrees.
    lon: Option<f64>,
    /// Latitude, degrees.
    lat: Option<f64>,
    /// Reference system of the coordinates: `wgs84`, `gcj02`, `bd09` or `cgcs2000`. They are never
    /// converted, so it must be said.
    #[schema(value_type = Option<String>)]
    crs: Option<Crs>,
}

/// A photo by its content.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PhotoBody {
    /// SHA-256 of the file, lower-case hex.
    sha256: String,
    /// The file's size in bytes.
    bytes: u64,
}

/// Who called. It becomes a record of its own, apart from the case.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CallerBody {
    /// Name.
    name: String,
    /// Phone number.
    phone: String,
    /// Anything else.
    notes: String,
}

/// What a channel brings.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IntakeBody {
    /// `worker`, `hotline`, `petition`, `referral`, `transfer`, `courier`, `open311` or `import`.
    channel: String,
    /// Its number there; all but `worker` and `courier` have one. The same number of the same channel is
    /// the same case.
    number: Option<String>,
    /// When it was reported there, milliseconds since the Unix epoch; now, by default.
    reported_at_ms: Option<i64>,
    /// Code of the area where it belongs; by default the one that you work in.
    area: Option<String>,
    /// Where it is.
    #[serde(default)]
    place: PlaceBody,
    /// Code of the minor class, if known.
    category: Option<String>,
    /// A headline; by default the description's first line.
    title: Option<String>,
    /// What was said, at most 4000 characters.
    #[serde(default)]
    description: String,
    /// Who called.
    contact: Option<CallerBody>,
    /// What it looks like.
    #[serde(default)]
    photos: Vec<PhotoBody>,
}

/// 随手拍: what a courier says in passing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QuickBody {
    /// What it looks like.
    photo: PhotoBody,
    /// Where it is.
    place: PlaceBody,
    /// Code of the minor class.
    category: String,
}

/// The case that a delivery became, or was already.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TakenBody {
    record: String,
    channel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// Whether it is a new case; status 201 then, else 200.
    created: bool,
    /// Whether something of it was new to a case that was there; it is a comment there now.
    added: bool,
}

fn bad(detail: &str) -> ApiError {
    ApiError::BadRequest {
        code: "bad_delivery",
        detail: detail.to_owned(),
    }
}

fn place(body: PlaceBody, reported_ms: i64) -> Result<Option<Place>, ApiError> {
    let letters: Vec<char> = body.text.unwrap_or_default().trim().chars().collect();
    if letters.len() > PART * PARTS {
        return Err(bad("the place has at most 1200 characters"));
    }
    let address: Vec<String> = letters
        .chunks(PART)
        .map(|part| part.iter().collect())
        .collect();
    let fix = match (body.lon, body.lat, body.crs) {
        (None, None, _) => None,
        (Some(lon), Some(lat), Some(crs)) => Some(Fix {
            crs,
            lon,
            lat,
            accuracy_m: None,
            fixed_at_ms: reported_ms,
        }),
        _ => return Err(bad("coordinates are lon, lat and crs together")),
    };
    let is_nowhere = address.is_empty() && fix.is_none();
    Ok((!is_nowhere).then_some(Place { address, fix }))
}

fn photo(body: PhotoBody) -> Result<DeliveredPhoto, ApiError> {
    let hash = body.sha256;
    let is_hex = |letter: u8| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
    if hash.len() != 64 || !hash.bytes().all(is_hex) {
        return Err(bad("sha256 has 64 lower-case hex digits"));
    }
    Ok(DeliveredPhoto {
        sha256: hash,
        bytes: body.bytes,
    })
}

fn channel_and_number(body: &IntakeBody) -> Result<(Channel, Option<String>), ApiError> {
    let channel = Channel::from_code(&body.channel).ok_or_else(|| ApiError::BadRequest {
        code: "unknown_channel",
        detail: "there is no such channel; see docs/intake.md".to_owned(),
    })?;
    let number = body.number.as_deref().map(str::trim);
    let number = number.filter(|number| !number.is_empty());
    match number {
        None if channel.has_numbers() => Err(bad("what comes by this channel has a number")),
        Some(number) if number.chars().count() > NUMBER || number.chars().any(char::is_control) => {
            Err(bad("a number is one line of at most 64 characters"))
        }
        number => Ok((channel, number.map(str::to_owned))),
    }
}

fn delivery(of: &OfOffice, body: IntakeBody, now_ms: i64) -> Result<Delivery, ApiError> {
    let (channel, number) = channel_and_number(&body)?;
    if body.description.chars().count() > DESCRIPTION {
        return Err(bad("a description has at most 4000 characters"));
    }
    if body.photos.len() > PHOTOS {
        return Err(bad("there are at most 16 photos"));
    }
    let reported_ms = body.reported_at_ms.unwrap_or(now_ms);
    Ok(Delivery {
        by: of.person.clone(),
        channel,
        number,
        reported_ms,
        area: body.area.map(AreaCode::new),
        place: place(body.place, reported_ms)?,
        category: body.category.filter(|code| !code.is_empty()),
        title: body.title,
        description: body.description.trim().to_owned(),
        caller: body.contact.map(|said| Caller {
            name: said.name.trim().to_owned(),
            phone: said.phone.trim().to_owned(),
            notes: said.notes.trim().to_owned(),
        }),
        photos: body
            .photos
            .into_iter()
            .map(photo)
            .collect::<Result<_, _>>()?,
    })
}

async fn take(
    app: App,
    of: OfOffice,
    body: IntakeBody,
) -> Result<(StatusCode, Json<TakenBody>), ApiError> {
    of.require(&app, RECEIVERS)?;
    let taken = app.work(move |app| {
        let now_ms = app.now_ms();
        let delivery = delivery(&of, body, now_ms)?;
        let directory = app.directory.now();
        let may_write_there = |area| {
            let held = directory.held_roles(&of.person, area, now_ms);
            held.iter().any(|held| RECEIVERS.contains(&held.role))
        };
        let known = |area| directory.areas.get(area).is_some();
        if delivery
            .area
            .as_ref()
            .is_some_and(|area| known(area) && !may_write_there(area))
        {
            return Err(ApiError::Forbidden);
        }
        let ids = FreshIds::new(&delivery, now_ms, &mut *app.entropy());
        let (channel, number) = (delivery.channel, delivery.number.clone());
        let taken = app.sequencer.take_in(delivery, ids)?;
        // A number is no way to learn of another street's cases.
        if !app.store.is_visible(taken.record, &of.audiences(app))? {
            return Err(ApiError::Forbidden);
        }
        Ok(TakenBody {
            record: taken.record.to_string(),
            channel: channel.code().to_owned(),
            number,
            created: taken.news == News::Begun,
            added: taken.news == News::Added,
        })
    });
    let taken = taken.await?;
    let status = if taken.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(taken)))
}

/// Takes in what a channel brings. The same number of the same channel is the same case: what a later
/// delivery says otherwise is added to it as a comment, and nothing is overwritten. For acceptors,
/// dispatchers and duty officers.
#[utoipa::path(post, path = "/v1/office/intake", request_body = IntakeBody,
    responses((status = CREATED, body = TakenBody, description = "A new case"),
        (status = OK, body = TakenBody, description = "A case that was there already")))]
pub(super) async fn take_in(
    State(app): State<App>,
    of: OfOffice,
    body: Result<Json<IntakeBody>, JsonRejection>,
) -> Result<(StatusCode, Json<TakenBody>), ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    take(app, of, body).await
}

/// 随手拍: takes in a courier's quick report: a photo, a place, a category.
#[utoipa::path(post, path = "/v1/office/intake/quick", request_body = QuickBody,
    responses((status = CREATED, body = TakenBody, description = "A new case")))]
pub(super) async fn quick_report(
    State(app): State<App>,
    of: OfOffice,
    body: Result<Json<QuickBody>, JsonRejection>,
) -> Result<(StatusCode, Json<TakenBody>), ApiError> {
    let Json(body) = body.map_err(|rejection| bad_json(&rejection))?;
    let name = app.directory.now();
    let name = name.catalogue.minor(&body.category);
    let name = name.map(|minor| minor.name.clone());
    let name = name.ok_or_else(|| bad("there is no such category in the catalogue"))?;
    if body.place.text.is_none() && body.place.lon.is_none() {
        return Err(bad("say where it is"));
    }
    let whole = IntakeBody {
        channel: Channel::Courier.code().to_owned(),
        number: None,
        reported_at_ms: None,
        area: None,
        place: body.place,
        category: Some(body.category),
        title: Some(name),
        description: String::new(),
        contact: None,
        photos: vec![body.photo],
    };
    take(app, of, whole).await
}
