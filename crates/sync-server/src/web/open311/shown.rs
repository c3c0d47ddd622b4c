//! Cases as anybody may see them: where, what kind, how far. Nothing of who called.

use gridlog_domain::record::{Crs, RecordView, Value};
use gridlog_domain::reference::Catalogue;
use gridlog_domain::workflow::Stage;
use jiff::Timestamp;

use super::answer::Request;
use crate::store::RecordRow;

/// A moment in the form that the specification wants.
pub(super) fn w3(ms: i64) -> String {
    Timestamp::from_second(ms.div_euclid(1_000))
        .unwrap_or_default()
        .to_string()
}

/// How far it is, in words.
pub(super) const fn notes(stage: Stage) -> &'static str {
    match stage {
        Stage::Unreported | Stage::Reported => "已收到，等待受理 Received; waits to be accepted.",
        Stage::Verifying => "正在现场核实 Somebody looks at the place.",
        Stage::Accepted => "已受理 Accepted.",
        Stage::Registered => "已立案，等待派遣 Registered; waits to be given to a department.",
        Stage::Rejected => "不予立案 Not taken up.",
        Stage::Dispatched => "责任部门处置中 A department deals with it.",
        Stage::Mediating => "调解中 It is being mediated.",
        Stage::Suspended => "暂缓办理，已列入问题清单 On the list of what cannot be solved yet.",
        Stage::Handled | Stage::Checked => "已处置，核查中 Dealt with; it is being checked.",
        Stage::Closed => "已办结 Done and checked.",
        Stage::SelfHandled => "已当场处置 Dealt with on the spot.",
        Stage::Withdrawn => "已撤回 Taken back.",
        Stage::Void => "已作废 Void.",
        Stage::Duplicate => "重复件 The same as another request.",
    }
}

/// A text without the characters that no XML may have.
fn plain(text: &str) -> String {
    let fits = |letter: &char| {
        matches!(letter, '\n' | '\t')
            || !(letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}'))
    };
    text.chars().filter(fits).collect()
}

/// A case as a request; `None` if it is not one that anybody may see.
pub(super) fn request(
    row: &RecordRow,
    catalogue: &Catalogue,
    show_descriptions: bool,
) -> Option<Request> {
    let view: RecordView = serde_json::from_str(&row.view).ok()?;
    let stage = Stage::from_code(&row.stage)?;
    let number = view.text("number");
    if view.deleted_at_ms.is_some() || number.is_empty() {
        return None;
    }
    let place = match view.fields.get("place") {
        Some(Value::Place(place)) => Some(place),
        _ => None,
    };
    // The specification has coordinates in WGS84 only, and none are converted.
    let fix = place.and_then(|place| place.fix.as_ref());
    let fix = fix.filter(|fix| fix.crs == Crs::Wgs84);
    let said = |text: &str| Some(plain(text)).filter(|text| !text.is_empty());
    let category = view.text("category");
    let reported = view.fields.get("reported_at").and_then(Value::as_millis);
    Some(Request {
        service_request_id: plain(number),
        status: if stage.is_over() { "closed" } else { "open" },
        status_notes: Some(notes(stage)),
        service_name: catalogue.minor(category).map(|minor| minor.name.clone()),
        service_code: plain(category),
        description: show_descriptions
            .then(|| said(view.text("description")))
            .flatten(),
        agency_responsible: said(&row.department),
        service_notice: None,
        requested_datetime: w3(reported.unwrap_or(row.created_ms)),
        updated_datetime: w3(row.updated_ms),
        expected_datetime: None,
        // An address is cut into parts by length only; see `post`.
        address: place.and_then(|place| said(&place.address.concat())),
        address_id: None,
        zipcode: None,
        lat: fix.map(|fix| fix.lat),
        long: fix.map(|fix| fix.lon),
        media_url: None,
    })
}
