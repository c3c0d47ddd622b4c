//! Uploads: the handlers of tus 1.0.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;

use super::headers;
use super::person::{OfPerson, audiences, let_ask, require_writer};
use crate::exchange::Work;
use crate::files::{ALGORITHMS, FileError, Piece, UploadTurn, receive};
use crate::store::{Begun, FileOfRecord, NewUpload, Upload, UploadId, UploadLimits, Uploader};
use crate::web::app::App;
use crate::web::error::ApiError;

/// How many bytes of a piece that is not needed are let come.
const MOST_PASSED_OVER: usize = 1024 * 1024;

/// `OPTIONS /v1/files`: what the server can do.
pub(super) async fn options(State(app): State<App>) -> Response {
    let said = [
        ("tus-version", headers::VERSION),
        (
            "tus-extension",
            HeaderValue::from_static(headers::EXTENSIONS),
        ),
        (
            "tus-checksum-algorithm",
            HeaderValue::from_static(ALGORITHMS),
        ),
        (
            "tus-max-size",
            HeaderValue::from(app.config.files.max_bytes),
        ),
    ];
    (StatusCode::NO_CONTENT, said).into_response()
}

/// What there is of a file that somebody wants to upload.
enum Wanted {
    Begun(Upload),
    /// The record holds it, with so many bytes.
    Held(u64),
}

/// `POST /v1/files`: begins an upload, or finds the one that was begun. The first piece may come along.
pub(super) async fn create(
    State(app): State<App>,
    of: OfPerson,
    said: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    headers::require_version(&said)?;
    // As with pieces that come later: what was begun is finished.
    let task = tokio::spawn(async move { begin(&app, &of, &said, body).await });
    task.await.unwrap_or(Err(ApiError::Internal))
}

async fn begin(
    app: &App,
    of: &OfPerson,
    said: &HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let length = headers::length(said)?;
    let file = headers::file(said)?;
    let limit = app.config.files.max_bytes;
    if length > limit {
        return Err(FileError::TooLarge(limit).into());
    }
    let first = first_piece(app, said, length)?;
    let place = app.file_door.uploads.try_acquire();
    let _place = place.map_err(|_| app.busy())?;
    let mut id: UploadId = [0; 16];
    app.entropy().fill(&mut id);
    let by = of.by.clone();
    let work = Work::of_file(first.as_ref().map_or(0, |(_, bytes)| *bytes));
    let wanted = app.work_on_a_core(move |app| {
        let_ask(app, &by, work)?;
        require_writer(app, &by, file)?;
        match app.store.held_file(file)? {
            Some(held) => Ok(Wanted::Held(held.bytes)),
            None => Ok(Wanted::Begun(put(app, id, by, (file, length), false)?)),
        }
    });
    let upload = match wanted.await? {
        Wanted::Begun(upload) => upload,
        Wanted::Held(bytes) => {
            let finished = app.file_door.files.is_there(file.sha256, bytes).await?;
            let by = of.by.clone();
            app.work_on_a_core(move |app| put(app, id, by, (file, length), finished))
                .await?
        }
    };
    let files = &app.file_door.files;
    files.remember_owner(&upload);
    let mut turn = files.take(upload.id).await;
    let begins_now = upload.id == id && turn.is_first() && !upload.finished;
    let mut at = match begins_now {
        true => 0,
        false => promised(app, &upload, &mut turn).await?,
    };
    if let Some((first, _)) = first {
        match at {
            0 => at = take_in(app, &upload, &mut turn, first, body).await?,
            _ => pass_over(body, first.idle).await,
        }
    }
    let location = format!("/v1/files/uploads/{}", hex::encode(upload.id));
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::Internal)?;
    let said = [
        ("location", location),
        ("upload-offset", HeaderValue::from(at)),
        ("upload-expires", headers::moment(upload.expires_ms)),
    ];
    Ok((StatusCode::CREATED, said).into_response())
}

/// The piece that comes with the request that begins, if one does, and how many bytes it says to have.
fn first_piece(
    app: &App,
    said: &HeaderMap,
    length: u64,
) -> Result<Option<(Piece, u64)>, FileError> {
    if headers::require_piece(said).is_err() {
        return Ok(None);
    }
    let bytes = headers::content_length(said).unwrap_or(0);
    if bytes > length {
        return Err(FileError::BeyondEnd(length));
    }
    let piece = Piece {
        offset: 0,
        checksum: headers::checksum(said)?,
        idle: idle(app),
    };
    Ok(Some((piece, bytes)))
}

/// How long a connection may say nothing in the middle of a piece.
fn idle(app: &App) -> Duration {
    Duration::from_secs(u64::from(app.config.files.idle_seconds))
}

/// Takes a piece into an upload, and finishes that if it is whole then. Returns where it stands.
async fn take_in(
    app: &App,
    upload: &Upload,
    turn: &mut UploadTurn,
    piece: Piece,
    body: Body,
) -> Result<u64, ApiError> {
    let files = &app.file_door.files;
    let to = (files.part(upload.id), upload.length);
    let at = receive(to, turn, piece, body.into_data_stream(), &app.cores).await?;
    if at == upload.length {
        files.finish(upload, turn).await?;
    }
    Ok(at)
}

/// Lets a piece come that is not needed, so that who sends it gets to read the answer.
async fn pass_over(body: Body, idle: Duration) {
    let passing = async {
        let mut body = body.into_data_stream();
        let mut passed = 0;
        while passed < MOST_PASSED_OVER
            && let Some(Ok(bytes)) = body.next().await
        {
            passed += bytes.len();
        }
    };
    // Who is slower than that gets to send it in vain.
    let _ = tokio::time::timeout(idle, passing).await;
}

fn put(
    app: &App,
    id: UploadId,
    by: Uploader,
    (of, length): (FileOfRecord, u64),
    finished: bool,
) -> Result<Upload, ApiError> {
    let now_ms = app.now_ms();
    let settings = &app.config.files;
    let new = NewUpload {
        id,
        by,
        of,
        length,
        now_ms,
        expires_ms: now_ms.saturating_add(settings.upload_ms()),
        finished,
    };
    let limits = UploadLimits {
        uploads: settings.max_uploads,
        bytes: settings.max_unfinished_bytes,
    };
    match app.store.begin_upload(&new, limits)? {
        Begun::Upload(upload) => Ok(upload),
        Begun::LengthChanged(known) => Err(FileError::LengthChanged(known).into()),
        Begun::TooMuch => Err(FileError::TooMany.into()),
    }
}

/// Where an upload stands, with everything up to there on the disk.
async fn promised(app: &App, upload: &Upload, turn: &mut UploadTurn) -> Result<u64, ApiError> {
    let of = upload.clone();
    let synced = app.work(move |app| Ok(app.file_door.files.synced(&of)?));
    let lying_there = synced.await?;
    turn.remembered.unsynced = 0;
    let files = &app.file_door.files;
    Ok(files.stands_at(upload, turn, lying_there).await?)
}

fn upload_id(id: &str) -> Result<UploadId, ApiError> {
    let mut bytes: UploadId = [0; 16];
    hex::decode_to_slice(id, &mut bytes).map_err(|_| FileError::Unknown)?;
    Ok(bytes)
}

/// The upload of that id, if it is theirs.
fn own_upload(app: &App, by: &Uploader, id: UploadId) -> Result<Upload, ApiError> {
    // Whose account is disabled, or whose phone was handed over, goes on with nothing.
    audiences(app, by)?;
    let upload = app.store.upload(id)?.ok_or(FileError::Unknown)?;
    if upload.by != *by {
        return Err(FileError::Foreign.into());
    }
    if upload.expires_ms <= app.now_ms() {
        return Err(FileError::Expired.into());
    }
    Ok(upload)
}

/// Takes an upload of theirs over from whoever works on it. It may have been finished or thrown away meanwhile.
async fn take(app: &App, by: &Uploader, id: UploadId) -> Result<UploadTurn, ApiError> {
    let files = &app.file_door.files;
    if !files.is_of(id, by) {
        let by = by.clone();
        let own = app.work_on_a_core(move |app| own_upload(app, &by, id));
        files.remember_owner(&own.await?);
    }
    let turn = files.take(id).await;
    match turn.is_over() {
        true => Err(FileError::TakenOver.into()),
        false => Ok(turn),
    }
}

/// `HEAD /v1/files/uploads/{id}`: where an upload stands.
pub(super) async fn progress(
    State(app): State<App>,
    of: OfPerson,
    Path(id): Path<String>,
    said: HeaderMap,
) -> Result<Response, ApiError> {
    headers::require_version(&said)?;
    let id = upload_id(&id)?;
    let mut turn = take(&app, &of.by, id).await?;
    let by = of.by.clone();
    let own = app.work_on_a_core(move |app| own_upload(app, &by, id));
    let upload = own.await?;
    let at = promised(&app, &upload, &mut turn).await?;
    let said = [
        ("upload-offset", HeaderValue::from(at)),
        ("upload-length", HeaderValue::from(upload.length)),
        ("upload-expires", headers::moment(upload.expires_ms)),
        ("cache-control", HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::OK, said).into_response())
}

/// `DELETE /v1/files/uploads/{id}`: throws an unfinished upload away.
pub(super) async fn end(
    State(app): State<App>,
    of: OfPerson,
    Path(id): Path<String>,
    said: HeaderMap,
) -> Result<Response, ApiError> {
    headers::require_version(&said)?;
    let id = upload_id(&id)?;
    let _turn = take(&app, &of.by, id).await?;
    let by = of.by.clone();
    app.work_on_a_core(move |app| own_upload(app, &by, id))
        .await?;
    app.file_door.files.end(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /v1/files/uploads/{id}` by clients that can send nothing else: what they mean stands in a header.
pub(super) async fn in_other_words(
    state: State<App>,
    of: OfPerson,
    id: Path<String>,
    said: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    match said
        .get("x-http-method-override")
        .map(HeaderValue::as_bytes)
    {
        Some(b"PATCH") => append(state, of, id, said, body).await,
        Some(b"DELETE") => end(state, of, id, said).await,
        _ => {
            let allowed = [(header::ALLOW, "HEAD, PATCH, DELETE")];
            Ok((StatusCode::METHOD_NOT_ALLOWED, allowed).into_response())
        }
    }
}

/// `PATCH /v1/files/uploads/{id}`: takes a piece.
pub(super) async fn append(
    State(app): State<App>,
    of: OfPerson,
    Path(id): Path<String>,
    said: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    headers::require_version(&said)?;
    // What was begun is finished, also if the client hangs up: what came of a piece counts.
    let task = tokio::spawn(async move { take_piece(&app, &of, &id, &said, body).await });
    task.await.unwrap_or(Err(ApiError::Internal))
}

async fn take_piece(
    app: &App,
    of: &OfPerson,
    id: &str,
    said: &HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    headers::require_piece(said)?;
    let piece = Piece {
        offset: headers::offset(said)?,
        checksum: headers::checksum(said)?,
        idle: idle(app),
    };
    let id = upload_id(id)?;
    let place = app.file_door.uploads.try_acquire();
    let _place = place.map_err(|_| app.busy())?;
    let mut turn = take(app, &of.by, id).await?;
    let announced = Announced {
        from: piece.offset,
        bytes: headers::content_length(said).unwrap_or(0),
        length: headers::length_again(said),
    };
    let by = of.by.clone();
    let found = app.work_on_a_core(move |app| let_send(app, &by, id, announced));
    let (upload, lying_there) = found.await?;
    let files = &app.file_door.files;
    let mut at = files.stands_at(&upload, &mut turn, lying_there).await?;
    if piece.offset != at {
        return Err(FileError::Offset(at).into());
    }
    if at < upload.length {
        at = take_in(app, &upload, &mut turn, piece, body).await?;
    }
    let expires_ms = put_off(app, &upload).await?;
    let said = [
        ("upload-offset", HeaderValue::from(at)),
        ("upload-expires", headers::moment(expires_ms)),
    ];
    Ok((StatusCode::NO_CONTENT, said).into_response())
}

/// What the head of a request says of the piece behind it.
#[derive(Debug, Clone, Copy)]
struct Announced {
    from: u64,
    bytes: u64,
    /// How long the whole upload is to be, if that is said again.
    length: Option<u64>,
}

/// Lets them send a piece of an upload of theirs, and says how many bytes lie there. The turn is theirs.
fn let_send(
    app: &App,
    by: &Uploader,
    id: UploadId,
    piece: Announced,
) -> Result<(Upload, u64), ApiError> {
    let upload = own_upload(app, by, id)?;
    if piece.length.is_some_and(|length| length != upload.length) {
        return Err(FileError::LengthChanged(upload.length).into());
    }
    if piece.from.saturating_add(piece.bytes) > upload.length {
        return Err(FileError::BeyondEnd(upload.length).into());
    }
    let lying_there = app.file_door.files.lying_there(&upload)?;
    let stands_elsewhere = !upload.finished && lying_there != piece.from;
    if stands_elsewhere && lying_there < upload.length {
        return Err(FileError::Offset(lying_there).into());
    }
    let_ask(app, by, Work::of_file(piece.bytes))?;
    require_writer(app, by, upload.of)?;
    Ok((upload, lying_there))
}

/// Lets an upload wait longer for its next piece. Only now and then: each time is a commit.
async fn put_off(app: &App, upload: &Upload) -> Result<i64, ApiError> {
    let waits_ms = app.config.files.upload_ms();
    let until_ms = app.now_ms().saturating_add(waits_ms);
    if until_ms.saturating_sub(upload.expires_ms) < waits_ms / 8 {
        return Ok(upload.expires_ms);
    }
    let id = upload.id;
    app.work(move |app| Ok(app.store.extend_upload(id, until_ms)?))
        .await?;
    Ok(until_ms)
}
