//! `GET /v1/proof/{record}`: what a phone hands on so that anybody can check that a record is in the log.

use axum::Json;
use axum::extract::{Path, State};
use gridlog_proof::RecordProof;

use super::app::App;
use super::authentication::OfDeviceInTurn;
use super::error::ApiError;
use super::office::{prove, visible_to};
use crate::exchange::Work;

/// Proves what the device's person may see: records in their scope, and those with words of theirs.
pub(super) async fn prove_record(
    State(app): State<App>,
    OfDeviceInTurn { of, turn }: OfDeviceInTurn,
    Path(id): Path<String>,
) -> Result<Json<RecordProof>, ApiError> {
    let proof = app.work(move |app| {
        // Also if the device hangs up, the request is under way until it is answered.
        let _turn = turn;
        app.let_ask(of.device, Work::PROOF)?;
        let audiences = app.audiences_of_device(&of)?;
        let row = visible_to(app, &audiences, &id)?;
        let proof = prove(app, row.id)?;
        let work = Work::of_proof(proof.entries.len());
        app.allowances.charge(of.device, work, app.now_ms());
        Ok(proof)
    });
    Ok(Json(proof.await?))
}
