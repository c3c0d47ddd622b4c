//! 事项入格: which department, and which communities, a class is given to.

use axum::Json;
use axum::extract::State;
use gridlog_domain::id::{AreaCode, Department};
use gridlog_domain::record::RecordView;
use gridlog_domain::workflow::CaseState;
use serde::Serialize;
use utoipa::ToSchema;

use crate::directory::Directory;
use crate::store::RecordRow;
use crate::web::app::App;
use crate::web::authentication::OfOffice;
use crate::web::error::ApiError;

/// Whose business a class is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Duty {
    /// Code of the minor class.
    category: String,
    /// Its name.
    category_zh: String,
    /// The department that usually handles it.
    department: String,
    /// 准入: communities whose list admits it, by their area codes. A case is given to no other community.
    communities: Vec<String>,
}

impl Duty {
    fn of(directory: &Directory, code: &str, around: Option<&AreaCode>) -> Option<Self> {
        let minor = directory.catalogue.minor(code)?;
        let is_around = |community: &Department| {
            around.is_none_or(|area| {
                let mut wider = directory.areas.upwards(area);
                wider.any(|area| area.code.as_str() == community.as_str())
            })
        };
        let admitted = directory.catalogue.admitted.keys();
        let admitted = admitted.filter(|community| {
            directory.catalogue.admits(community, code) && is_around(community)
        });
        Some(Self {
            category: minor.code.clone(),
            category_zh: minor.name.clone(),
            department: minor.department.as_str().to_owned(),
            communities: admitted
                .map(|community| community.as_str().to_owned())
                .collect(),
        })
    }

    /// Whom a case could be given to: by the class that it was registered as, or else the one that it
    /// was reported as; of communities, those that it lies in.
    pub(super) fn of_case(
        directory: &Directory,
        row: &RecordRow,
        view: &RecordView,
    ) -> Result<Option<Self>, ApiError> {
        let Some(state) = &row.state else {
            return Ok(None);
        };
        let state: CaseState = serde_json::from_str(state).map_err(|_| ApiError::Internal)?;
        let said = view.text("category");
        let code = state.category.as_deref().unwrap_or(said);
        let area = AreaCode::new(row.area.as_str());
        Ok(Self::of(directory, code, Some(&area)))
    }
}

/// The duty map: for every class the department that usually handles it, and the communities that take
/// it.
#[utoipa::path(get, path = "/v1/office/duty-map",
    responses((status = OK, body = Vec<Duty>)))]
pub(super) async fn duty_map(State(app): State<App>, _of: OfOffice) -> Json<Vec<Duty>> {
    let directory = app.directory.now();
    let codes = directory.catalogue.minors().map(|minor| &minor.code);
    Json(
        codes
            .filter_map(|code| Duty::of(&directory, code, None))
            .collect(),
    )
}
