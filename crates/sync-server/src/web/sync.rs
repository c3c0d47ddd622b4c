//! `POST /v1/sync`: push, ask and pull in one request (DESIGN section 7).

use std::time::Duration;

use automerge::ActorId;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use gridlog_protocol::limits::{MAX_ACTORS_PER_DEVICE, MAX_WIRE_BYTES};
use gridlog_protocol::{
    Blob, ChangeVerdict, Digest, Page, PartUpdate, Profile, ProtocolError, SyncRequest, VERSION,
    Verdict, codec, sign_page,
};

use super::app::App;
use super::authentication::OfDevice;
use super::error::ApiError;
use crate::directory::Directory;
use crate::feed::Feed;
use crate::identity::certify;
use crate::ingest::{Pushed, examine};
use crate::store::{Device, ItemStatus, NewItem, StoreError};

/// A device's last sync is noted at most this often; it is for people to look at.
const NOTE_SYNC_EVERY_MS: i64 = 60_000;

/// The handler.
pub(super) async fn sync(
    State(app): State<App>,
    of: OfDevice,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = body.map_err(|_| ProtocolError::TooLarge {
        limit: MAX_WIRE_BYTES,
    })?;
    let answer = app.work(move |app| answer(app, &of, &body)).await?;
    let cbor = HeaderValue::from_static("application/cbor");
    Ok(([(header::CONTENT_TYPE, cbor)], answer).into_response())
}

fn answer(app: &App, of: &OfDevice, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let request: SyncRequest = codec::decode("sync request", body)?;
    request.check()?;
    let device = app
        .store
        .device(of.device)?
        .filter(|device| device.person == of.person);
    let device = device.ok_or(ApiError::UnknownDevice)?;
    let received_ms = app.now_ms();
    let (actors, certificate) = register_actor(app, &device, request.actor.0, received_ms)?;

    let by = Pushed {
        device: device.id,
        person: &device.person,
        actors: &actors,
        received_ms,
    };
    let pushed = request
        .push
        .into_iter()
        .map(|item| examine(item, &by, &app.limits))
        .collect();
    let verdicts = push(app, pushed, request.asks)?;

    let directory = app.directory.now();
    let now_ms = app.now_ms();
    let may_pull = device.revoked_ms.is_none()
        && directory
            .person(&device.person)
            .is_some_and(|person| person.enabled);
    let current = directory.profile_version(&device.person, now_ms);
    let profile_is_new = may_pull && request.profile_version != current;
    let feed = if !may_pull {
        Feed::nothing(request.cursor)
    } else if profile_is_new {
        // What the device may see has changed: it begins again, knowing who it is.
        Feed {
            more: true,
            ..Feed::nothing(request.cursor)
        }
    } else {
        Feed::read(
            &*app.store,
            directory.audiences(&device.person, now_ms),
            request.cursor,
        )?
    };
    note_sync(app, &device, now_ms)?;
    let page = Page {
        version: VERSION,
        nonce: request.nonce,
        server_ms: now_ms,
        verdicts,
        entries: feed.entries,
        records: feed.records,
        gone: feed.gone,
        cursor: feed.cursor,
        more: feed.more,
        parts: if may_pull {
            newer_parts(&directory, &request.parts)
        } else {
            Vec::new()
        },
        profile: profile_is_new
            .then(|| profile(&directory, &device, current))
            .transpose()?,
        certificate: certificate.map(Blob),
        retry_after_ms: None,
    };
    Ok(sign_page(&page, &app.key))
}

/// The device's actors, with a certificate for the request's if it is new.
fn register_actor(
    app: &App,
    device: &Device,
    actor: [u8; 16],
    now_ms: i64,
) -> Result<(Vec<ActorId>, Option<Vec<u8>>), ApiError> {
    let mut actors = app.store.actors_of(device.id)?;
    let mut certificate = None;
    if !actors.contains(&actor) {
        if actors.len() >= MAX_ACTORS_PER_DEVICE {
            return Err(ApiError::TooManyActors);
        }
        match app.store.add_actor(actor, device.id, now_ms) {
            Err(StoreError::ActorTaken) => return Err(ApiError::ActorTaken),
            added => added?,
        }
        actors.push(actor);
        certificate = Some(certify(&app.key, &device.person, device.id, actor, now_ms));
    }
    Ok((actors.into_iter().map(ActorId::from).collect(), certificate))
}

/// Makes the items durable, waits a moment for their rulings, and says where everything stands.
fn push(
    app: &App,
    pushed: Vec<NewItem>,
    asks: Vec<Digest>,
) -> Result<Vec<ChangeVerdict>, ApiError> {
    let mut items: Vec<Digest> = pushed.iter().map(|item| item.item).collect();
    let statuses = app.receiver.receive(pushed)?;
    if statuses.contains(&ItemStatus::Received) {
        app.sequencer.wake();
        let limit = Duration::from_millis(app.config.ruling_wait_ms);
        app.sequencer.wait_until(limit, || {
            let statuses = app.store.item_statuses(&items)?;
            Ok::<_, StoreError>(!statuses.contains(&Some(ItemStatus::Received)))
        })?;
    }
    items.extend(asks);
    items.sort_unstable();
    items.dedup();
    let statuses = app.store.item_statuses(&items)?;
    let verdicts = items.into_iter().zip(statuses);
    Ok(verdicts
        .map(|(item, status)| ChangeVerdict {
            item,
            verdict: verdict(status),
        })
        .collect())
}

fn verdict(status: Option<ItemStatus>) -> Verdict {
    match status {
        None => Verdict::Unknown,
        Some(ItemStatus::Received) => Verdict::Received,
        Some(ItemStatus::Admitted(seq)) => Verdict::Admitted { seq },
        Some(ItemStatus::Waiting(missing)) => Verdict::Waiting { missing },
        Some(ItemStatus::BlockedBy(refused)) => Verdict::BlockedBy { refused },
        Some(ItemStatus::Review(reason)) => Verdict::Review { reason },
        Some(ItemStatus::Refused(code)) => Verdict::Refused { code },
    }
}

fn newer_parts(directory: &Directory, held: &[gridlog_protocol::PartVersion]) -> Vec<PartUpdate> {
    let has = |name: &str, version: u32| {
        held.iter()
            .any(|part| part.part == name && part.version == version)
    };
    directory
        .parts
        .values()
        .filter(|part| !has(&part.name, part.version))
        .map(|part| PartUpdate {
            part: part.name.clone(),
            version: part.version,
            json: Blob(part.json.clone().into_bytes()),
        })
        .collect()
}

fn profile(directory: &Directory, device: &Device, version: u64) -> Result<Profile, ApiError> {
    let person = directory
        .person(&device.person)
        .ok_or(ApiError::UnknownDevice)?;
    let json = serde_json::to_vec(person).map_err(|_| ApiError::Internal)?;
    Ok(Profile {
        version,
        person: Blob(json),
    })
}

fn note_sync(app: &App, device: &Device, now_ms: i64) -> Result<(), ApiError> {
    let last = device.last_sync_ms.unwrap_or(i64::MIN);
    if now_ms.saturating_sub(last) >= NOTE_SYNC_EVERY_MS {
        app.store.note_sync(device.id, now_ms)?;
    }
    Ok(())
}
