//! `gridlog search --online`: what the server finds, also of what left this phone.

use gridlog_client_core::{FoundOnline, Phone};
use serde_json::json;

use super::sync::reach;
use crate::answer::{Answer, Table};
use crate::error::CliError;
use crate::home::Home;
use crate::{ids, values};

/// Asks the server.
pub(super) fn search(
    home: &Home,
    phone: &Phone,
    text: &str,
    limit: u32,
) -> Result<Answer, CliError> {
    let (_, transport) = reach(home, None)?;
    let found = phone.search_online(&transport, text, limit)?;
    let shown = if found.is_empty() {
        "没有记录 no records\n".to_owned()
    } else {
        table(&found)
    };
    Ok(Answer::new(json!({ "found": found }), shown))
}

fn table(found: &[FoundOnline]) -> String {
    let headings = [
        "编号 id",
        "类别",
        "环节 stage",
        "位置 where",
        "更新时间",
        "标题 title",
    ];
    let mut table = Table::with_headings(&headings);
    for row in found {
        let place = match (row.on_this_phone, row.archived) {
            (true, _) => "在本机 on this phone",
            (false, true) => "已归档 archived",
            (false, false) => "不在本机 not on this phone",
        };
        table.row([
            ids::short(&row.id),
            row.kind.zh().to_owned(),
            row.stage.map_or("—", |stage| stage.zh()).to_owned(),
            place.to_owned(),
            values::moment(row.updated_ms),
            row.headline.clone(),
        ]);
    }
    table.text()
}
