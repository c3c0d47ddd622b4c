//! `gridlog sync --stay`: stays in sync until it is ended.

use std::path::PathBuf;
use std::sync::Arc;

use gridlog_cli::environment::SystemClock;
use gridlog_client_core::{
    CancelFlag, FilePolicy, Network, PhoneError, StayFiles, StayOptions, SyncReport, Transport,
};
use gridlog_domain::environment::Clock as _;
use serde_json::json;

use super::sync::reach;
use crate::answer::Answer;
use crate::error::CliError;
use crate::home::Home;
use crate::values;

/// Syncs whenever there is something to send or to pull, and tells of every attempt. Ends when `tell`
/// answers that nobody reads, or when time alone does not mend what is wrong.
pub(crate) fn stay(
    home: Option<PathBuf>,
    server: Option<&str>,
    with_files: bool,
    tell: &dyn Fn(&Answer) -> bool,
) -> Result<(), CliError> {
    let home = Home::find(home)?;
    let phone = home.open()?;
    let (address, transport) = reach(&home, server)?;
    if server.is_some() {
        home.set_server(&address)?;
    }
    let for_files = transport.clone();
    let transport: Arc<dyn Transport + Send + Sync> = Arc::new(transport);
    let cancel = CancelFlag::new();
    let synced = |outcome: &Result<SyncReport, PhoneError>| {
        if !tell(&told(outcome)) {
            cancel.cancel();
        }
    };
    let any = || (FilePolicy::AnyNetwork, Network::Unmetered);
    let files = StayFiles {
        transport: &for_files,
        may_send: &any,
    };
    let options = StayOptions {
        synced: Some(&synced),
        files: with_files.then_some(files),
        ..StayOptions::default()
    };
    Ok(phone.stay_in_sync(&transport, options, &cancel)?)
}

/// One attempt, in a line.
fn told(outcome: &Result<SyncReport, PhoneError>) -> Answer {
    let now = values::moment(SystemClock.now_ms());
    match outcome {
        Ok(report) => Answer::new(
            json!({ "sync": report }),
            format!(
                "{now}  已同步 synced：送出 sent {}，收到 received {}\n",
                report.pushed, report.pulled_records
            ),
        ),
        Err(error) => Answer::new(
            json!({ "error": { "code": error.code(), "zh": error.zh(), "en": error.to_string() } }),
            format!("{now}  {}\n      {error} ({})\n", error.zh(), error.code()),
        ),
    }
}
