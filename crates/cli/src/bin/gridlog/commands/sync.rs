//! `gridlog sync` and `status`.

use gridlog_client_core::{HttpTransport, Phone, PhoneError, Status, SyncOptions};
use serde_json::json;

use crate::answer::{Answer, Table};
use crate::error::CliError;
use crate::home::Home;
use crate::values;

/// Exchanges everything with the server.
pub(super) fn sync(home: &Home, phone: &Phone, server: Option<&str>) -> Result<Answer, CliError> {
    let address = match server {
        Some(address) => address.to_owned(),
        None => home.server()?,
    };
    let transport = HttpTransport::new(&address).map_err(PhoneError::from)?;
    let report = phone.sync(&transport, SyncOptions::default())?;
    if server.is_some() {
        home.set_server(&address)?;
    }
    let status = phone.status()?;
    Ok(Answer::new(
        json!({ "sync": report, "status": status }),
        format!("同步完成 synced\n{}", table(&status)),
    ))
}

/// Says where everything stands.
pub(super) fn status(home: &Home, phone: &Phone) -> Result<Answer, CliError> {
    let status = phone.status()?;
    let identity = phone.identity()?;
    let server = home.server().ok();
    let who = identity.as_ref().map_or_else(
        || "尚未登记 not enrolled：gridlog enrol SERVER PERSON".to_owned(),
        |identity| format!("{} {}", identity.person.id, identity.person.name),
    );
    let text = format!(
        "{who}\n服务器 server {}\n{}",
        server.as_deref().unwrap_or("—"),
        table(&status)
    );
    Ok(Answer::new(
        json!({ "identity": identity, "server": server, "status": status }),
        text,
    ))
}

fn table(status: &Status) -> String {
    let mut table = Table::default();
    for (name, count) in [
        ("已记录 recorded", status.recorded),
        ("  在本机 on this phone", status.on_this_phone),
        ("  服务器已收到 received", status.received),
        ("  等待前序内容 waiting", status.waiting),
        ("  前面的修改被退回 blocked", status.blocked),
        ("  待社区复核 review", status.review),
        ("  已入卷 in the log", status.admitted),
        ("  需要您处理 needs you", status.needs_you),
        ("日志位置 log position", status.seq),
    ] {
        table.row([name.to_owned(), count.to_string()]);
    }
    let last = status
        .last_sync_ms
        .map_or_else(|| "从未 never".to_owned(), values::moment);
    table.row(["上次同步 last sync".to_owned(), last]);
    table.text()
}
