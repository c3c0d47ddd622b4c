//! `GET /v1/keys`: what seals are checked with. Anybody may ask.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::app::App;

/// The public keys.
#[derive(Debug, Serialize)]
pub(super) struct Keys {
    /// The key that signs now, as `gridlog-verify` reads it. Whoever wants to trust it compares it with what
    /// the district has published elsewhere.
    key: String,
    /// The notes by which it follows earlier keys, hexadecimal, the first one first.
    successions: Vec<String>,
}

/// The handler.
pub(super) async fn keys(State(app): State<App>) -> Json<Keys> {
    Json(Keys {
        key: app.seals.public().to_string(),
        successions: app.seals.successions().to_vec(),
    })
}
