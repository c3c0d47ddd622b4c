//! The JSON API of offices, under `/v1/office`. Its OpenAPI document is `/v1/openapi.json`.
//!
//! Sign in with `POST /v1/sign-in`, then send the token as `Authorization: Bearer …`. Everybody
//! sees what their assignments let them see, and the same function rules on an office's step that
//! rules on a phone's.

mod board;
mod covered;
mod custody;
mod days;
mod directory;
mod duty;
mod intake;
mod ledger;
mod log;
mod metrics;
mod records;
mod review;
mod seals;
mod similar;
mod steps;
mod triage;

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use directory::{hash_passwords, read_part};
pub(super) use records::visible_to;
pub(super) use seals::prove;

use super::app::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gridlog office API 格志社区接口",
        description = "Cases, records, the log, steps, the review list and the directory.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    security(("bearer" = [])),
    modifiers(&BearerSecurity)
)]
struct Description;

struct BearerSecurity;

impl utoipa::Modify for BearerSecurity {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The routes, and their description.
pub fn router() -> (axum::Router<App>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(records::list_records))
        .routes(routes!(records::show_record, custody::erase_record))
        .routes(routes!(records::record_log))
        .routes(routes!(custody::move_record))
        .routes(routes!(records::figures))
        .routes(routes!(metrics::show_metrics))
        .routes(routes!(board::show_board))
        .routes(routes!(board::board_list))
        .routes(routes!(ledger::ledger))
        .routes(routes!(steps::create_record))
        .routes(routes!(intake::take_in))
        .routes(routes!(intake::quick_report))
        .routes(routes!(steps::take_step))
        .routes(routes!(steps::add_comment))
        .routes(routes!(steps::set_field))
        .routes(routes!(steps::resolve_conflict))
        .routes(routes!(similar::similar_cases))
        .routes(routes!(duty::duty_map))
        .routes(routes!(log::log_entries))
        .routes(routes!(seals::make_seal, seals::list_seals))
        .routes(routes!(seals::prove_growth))
        .routes(routes!(seals::prove_record))
        .routes(routes!(days::show_day))
        .routes(routes!(days::close_day))
        .routes(routes!(days::reopen_day))
        .routes(routes!(review::review_list))
        .routes(routes!(review::review_item))
        .routes(routes!(review::admit_item))
        .routes(routes!(review::dismiss_item))
        .routes(routes!(directory::people))
        .routes(routes!(directory::areas))
        .routes(routes!(directory::import_people))
        .routes(routes!(directory::import_areas))
        .routes(routes!(directory::put_part))
        .routes(routes!(directory::devices))
        .routes(routes!(directory::revoke_device))
        .split_for_parts()
}

/// `GET /v1/openapi.json`.
pub(super) async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    let mut api = router().1;
    api.merge(crate::web::files::described());
    Json(api)
}
