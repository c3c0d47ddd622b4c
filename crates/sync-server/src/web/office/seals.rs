//! Seals, and proofs against them.

use axum::Json;
use axum::extract::{Path, Query, State};
use gridlog_domain::id::RecordId;
use gridlog_domain::reference::Role;
use gridlog_proof::{Consistency, Inclusion, RecordProof, Seal, consistency_path, inclusion_path};
use gridlog_protocol::{Fact, LogEntry, MAX_PROVEN};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::records::visible_record;
use crate::ingest::{Tree, known};
use crate::store::StoredEntry;
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::error::ApiError;

/// A seal, as it can be kept and checked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sealed {
    /// The log entry that says that it was made.
    seq: u64,
    /// How many entries it covers, from the first.
    size: u64,
    /// Server time, milliseconds since the Unix epoch.
    at_ms: i64,
    /// Staff number of who asked for it.
    by: String,
    /// The signed note. Keep it where the district has no say.
    note: String,
    /// What it is checked with, as `gridlog-verify` reads it.
    key: String,
}

/// What a seal entry says.
struct SealEntry {
    seq: u64,
    at_ms: i64,
    by: String,
    seal: Seal,
}

/// The seal that this entry says was made; `None` if it says something else.
fn seal_of(app: &App, stored: &StoredEntry) -> Result<Option<SealEntry>, ApiError> {
    let entry = LogEntry::from_bytes(&stored.canonical)?;
    let Fact::Seal { size, root, by } = entry.fact else {
        return Ok(None);
    };
    let epochs = app.store.epochs()?;
    let epoch = epochs.iter().rfind(|epoch| epoch.base < entry.seq);
    let epoch = epoch.ok_or(ApiError::Internal)?.epoch;
    let seal = app.seals.sign(epoch, (size, root.0));
    let seal = seal.map_err(|_| ApiError::Internal)?;
    Ok(Some(SealEntry {
        seq: entry.seq,
        at_ms: entry.at_ms,
        by,
        seal,
    }))
}

/// How many entries about the log itself are read at once.
const READ_AT_ONCE: usize = 64;

/// Seals that were made, the newest first, at most `limit`.
fn newest_seals(app: &App, limit: usize) -> Result<Vec<SealEntry>, ApiError> {
    let (mut seals, mut before) = (Vec::new(), u64::MAX);
    while seals.len() < limit {
        let the_log = RecordId::from_bytes([0; 16]);
        let entries = app.store.newest_entries(the_log, before, READ_AT_ONCE)?;
        let Some(oldest) = entries.last() else {
            break;
        };
        before = oldest.seq;
        for stored in &entries {
            seals.extend(seal_of(app, stored)?);
        }
    }
    seals.truncate(limit);
    Ok(seals)
}

/// The seal that the entry of that number says was made, if it does.
pub(super) fn sealed_at(app: &App, seq: u64) -> Result<Option<Sealed>, ApiError> {
    let stored = app.store.entry(seq)?;
    let entry = stored.map(|stored| seal_of(app, &stored)).transpose()?;
    Ok(entry.flatten().map(|entry| sealed(app, entry)))
}

fn sealed(app: &App, entry: SealEntry) -> Sealed {
    Sealed {
        seq: entry.seq,
        size: entry.seal.size,
        at_ms: entry.at_ms,
        by: entry.by,
        note: entry.seal.note().to_owned(),
        key: app.seals.public().to_string(),
    }
}

/// Seals the log as it stands. For duty officers and administrators.
#[utoipa::path(post, path = "/v1/office/seals", responses((status = OK, body = Sealed)))]
pub(super) async fn make_seal(
    State(app): State<App>,
    of: OfOffice,
) -> Result<Json<Sealed>, ApiError> {
    of.require(&app, &[Role::DutyOfficer, Role::Administrator])?;
    let made = app.work(move |app| {
        let seq = app.sequencer.seal(of.person)?;
        let stored = app.store.entry(seq)?.ok_or(ApiError::Internal)?;
        let entry = seal_of(app, &stored)?.ok_or(ApiError::Internal)?;
        Ok(sealed(app, entry))
    });
    Ok(Json(made.await?))
}

/// How many seals to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct SealsQuery {
    /// Most seals; at most 500, by default 50.
    limit: Option<usize>,
}

/// Lists seals, the newest first.
#[utoipa::path(get, path = "/v1/office/seals", params(SealsQuery),
    responses((status = OK, body = Vec<Sealed>)))]
pub(super) async fn list_seals(
    State(app): State<App>,
    _of: OfOffice,
    Query(query): Query<SealsQuery>,
) -> Result<Json<Vec<Sealed>>, ApiError> {
    let limit = query.limit.unwrap_or(50).min(500);
    let listed = app.work(move |app| {
        let newest = newest_seals(app, limit)?.into_iter();
        Ok(newest.map(|entry| sealed(app, entry)).collect())
    });
    Ok(Json(listed.await?))
}

/// Which seals to compare, by their entries' numbers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct GrowthQuery {
    /// Number of the older seal's entry.
    older: u64,
    /// Number of the newer one's.
    newer: u64,
}

/// Proves that the log only grew between two seals of one epoch (RFC 6962, 2.1.2).
#[utoipa::path(get, path = "/v1/office/seals/growth", params(GrowthQuery),
    responses((status = OK, body = Object, description = "As `gridlog-verify growth` reads it")))]
pub(super) async fn prove_growth(
    State(app): State<App>,
    _of: OfOffice,
    Query(query): Query<GrowthQuery>,
) -> Result<Json<Consistency>, ApiError> {
    let proof = app.work(move |app| {
        let seal = |seq: u64| {
            let stored = app.store.entry(seq)?;
            let entry = stored.map(|stored| seal_of(app, &stored)).transpose()?;
            entry.flatten().ok_or_else(|| ApiError::NotFound {
                what: "seal",
                id: seq.to_string(),
            })
        };
        let (older, newer) = (seal(query.older)?.seal, seal(query.newer)?.seal);
        if older.size > newer.size || older.origin != newer.origin {
            return Err(ApiError::BadRequest {
                code: "seals_not_comparable",
                detail: "name two seals of one epoch, the older one first".to_owned(),
            });
        }
        let path = match older.size {
            0 => Vec::new(),
            from => known(consistency_path(&Tree(&*app.store), from, newer.size))?,
        };
        let mut proof = Consistency::new(&older, &newer, &path);
        proof.successions = app.seals.successions().to_vec();
        Ok(proof)
    });
    Ok(Json(proof.await?))
}

/// Proves that a record is in the log: each of its entries under the newest seal, if it has come so far.
///
/// # Errors
/// [`ApiError::BadRequest`] for a record of more entries than are proven at once.
pub(in crate::web) fn prove(app: &App, record: RecordId) -> Result<RecordProof, ApiError> {
    let entries = app.store.newest_entries(record, u64::MAX, MAX_PROVEN + 1)?;
    if entries.len() > MAX_PROVEN {
        return Err(ApiError::BadRequest {
            code: "too_many_entries",
            detail: format!("the record has more than {MAX_PROVEN} log entries"),
        });
    }
    let newest = newest_seals(app, 1)?.pop();
    let mut proof = RecordProof {
        record: hex::encode(record.as_bytes()),
        entries: Vec::new(),
        not_sealed: Vec::new(),
        successions: app.seals.successions().to_vec(),
    };
    for stored in entries.iter().rev() {
        let seq = stored.seq;
        let Some(SealEntry { seal, .. }) = newest.as_ref().filter(|newest| seq <= newest.seal.size)
        else {
            proof.not_sealed.push(seq);
            continue;
        };
        let path = known(inclusion_path(&Tree(&*app.store), seal.size, seq))?;
        let entry = (seq, &stored.canonical[..]);
        proof.entries.push(Inclusion::new(seal, entry, &path));
    }
    Ok(proof)
}

/// Proves that a record is in the log, as far as the newest seal goes (RFC 6962, 2.1.1).
#[utoipa::path(get, path = "/v1/office/records/{id}/proof",
    params(("id" = String, Path, description = "The record's id")),
    responses((status = OK, body = Object, description = "As `gridlog-verify record` reads it")))]
pub(super) async fn prove_record(
    State(app): State<App>,
    of: OfOffice,
    Path(id): Path<String>,
) -> Result<Json<RecordProof>, ApiError> {
    let proof = app.work(move |app| {
        let row = visible_record(app, &of, &id)?;
        prove(app, row.id)
    });
    Ok(Json(proof.await?))
}
