//! `gridlog sync`, `verify` and `status`.

use gridlog_client_core::{HttpTransport, Phone, PhoneError, Status, SyncOptions};
use serde_json::json;

use super::files::{self, Sent};
use super::look::rows_table;
use crate::answer::{Answer, Table};
use crate::error::CliError;
use crate::home::Home;
use crate::values;

/// Exchanges everything with the server; then photos go, if they are wanted to.
pub(super) fn sync(
    home: &Home,
    phone: &Phone,
    server: Option<&str>,
    with_files: bool,
) -> Result<Answer, CliError> {
    let (address, transport) = reach(home, server)?;
    let report = phone.sync(&transport, SyncOptions::default())?;
    if server.is_some() {
        home.set_server(&address)?;
    }
    let sent = Sent::send(phone, &transport, with_files);
    let status = phone.status()?;
    let done = if report.complete {
        "同步完成 synced"
    } else {
        "同步未完，请稍后再同步 not everything was exchanged; sync again later"
    };
    Ok(Answer::new(
        json!({ "sync": report, "files": sent.json(), "status": status }),
        format!(
            "{done}\n{}{}{}",
            sent.text(),
            table(&status),
            standing(phone, &status)?
        ),
    ))
}

/// Syncs, and compares every record in scope with the server's.
pub(super) fn verify(home: &Home, phone: &Phone, server: Option<&str>) -> Result<Answer, CliError> {
    let (_, transport) = reach(home, server)?;
    let report = phone.verify(&transport, SyncOptions::default())?;
    let status = phone.status()?;
    let compared = match report.differing {
        Some(0) => "核对一致，没有差异 compared: nothing differs\n".to_owned(),
        Some(count) => format!(
            "核对发现 {count} 条记录不一致，正在补齐 compared: {count} records differ and are being mended\n"
        ),
        None => "未能核对，请再试 not compared; try again\n".to_owned(),
    };
    let returned = match report.returned {
        0 => String::new(),
        count => format!("向服务器补回 {count} 项 gave {count} entries and changes back\n"),
    };
    let text = format!("{compared}{returned}{}", standing(phone, &status)?);
    Ok(Answer::new(
        json!({ "sync": report, "status": status }),
        text,
    ))
}

pub(super) fn reach(
    home: &Home,
    server: Option<&str>,
) -> Result<(String, HttpTransport), CliError> {
    let address = match server {
        Some(address) => address.to_owned(),
        None => home.server()?,
    };
    let transport = HttpTransport::new(&address).map_err(PhoneError::from)?;
    Ok((address, transport))
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
        "{who}\n服务器 server {}\n{}{}",
        server.as_deref().unwrap_or("—"),
        table(&status),
        standing(phone, &status)?
    );
    let json = json!({
        "identity": identity,
        "server": server,
        "status": status,
        "all_in_log": status.all_in_log(),
        "not_in_log": phone.not_in_log()?,
        "leaving": phone.leaving()?,
        "set_aside": phone.set_aside()?,
        "photos_only_here": files::only_here(phone, &status)?,
    });
    Ok(Answer::new(json, text))
}

/// Whether everything is in the log. That is said only with the server's signed word; otherwise what
/// is not is named.
fn standing(phone: &Phone, status: &Status) -> Result<String, CliError> {
    let mut text = String::new();
    match status.confirmed.filter(|_| status.all_in_log()) {
        Some(confirmed) => text.push_str(&format!(
            "全部 {} 条记录已入卷 all {} records are in the log（截至第 {} 号，服务器签收 signed by the server）\n",
            confirmed.records, confirmed.records, confirmed.seq
        )),
        None => text.push_str(&outstanding(phone, status)?),
    }
    if let Some(until_ms) = status.waits_until_ms {
        let until = values::moment_to_the_second(until_ms);
        text.push_str(&format!(
            "服务器要求稍候，本机等到 {until} 再同步 the server asked to wait; this phone syncs again at {until}\n"
        ));
    }
    let leaving = phone.leaving()?;
    if !leaving.is_empty() {
        text.push_str("以下记录即将离开本机 these leave this phone:\n");
        text.push_str(&rows_table(leaving.iter()));
    }
    let aside = phone.set_aside()?;
    if !aside.is_empty() {
        text.push_str("以下记录收到时无法读取，已暂放一边，会再向服务器要 these could not be read as they came and are asked for again:\n");
        let mut table = Table::default();
        for aside in aside {
            table.row([aside.record.to_string(), aside.code, aside.zh, aside.en]);
        }
        text.push_str(&table.text());
    }
    text.push_str(&files::table_of_those_here(phone, status)?);
    Ok(text)
}

fn outstanding(phone: &Phone, status: &Status) -> Result<String, CliError> {
    let rows = phone.not_in_log()?;
    if !rows.is_empty() {
        return Ok(format!(
            "以下记录尚未全部入卷 not all of these is in the log:\n{}",
            rows_table(rows.iter())
        ));
    }
    Ok(match status.recorded {
        0 => String::new(),
        _ => "尚无服务器签收，请同步 no valid receipt of the server; sync\n".to_owned(),
    })
}

fn table(status: &Status) -> String {
    let mut table = Table::default();
    for (name, count) in [
        ("已写改动 changes written", status.recorded),
        ("  在本机 on this phone", status.on_this_phone),
        ("  服务器已收到 received", status.received),
        ("  等待前序内容 waiting", status.waiting),
        ("  前面的修改被退回 blocked", status.blocked),
        ("  待社区复核 review", status.review),
        ("  已入卷 in the log", status.admitted),
        ("  需要您处理 needs you", status.needs_you),
        ("  已丢失 lost by the server", status.lost),
        ("照片只在本机 photos only here", status.files.only_here()),
        ("照片已上传 photos on the server", status.files.on_server),
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
