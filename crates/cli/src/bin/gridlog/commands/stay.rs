//! `gridlog sync --stay`: stays in sync until it is ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use gridlog_cli::environment::SystemClock;
use gridlog_client_core::{
    CancelFlag, HttpTransport, Phone, PhoneError, SendOptions, StayOptions, SyncReport, Transport,
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
    let (phone, cancel) = (&phone, &cancel);
    let (wake, woken) = mpsc::channel();
    std::thread::scope(|scope| {
        // Photos go beside the records and hold up none.
        if with_files {
            scope.spawn(move || send_when_woken(phone, &for_files, &woken, cancel));
        }
        let synced = move |outcome: &Result<SyncReport, PhoneError>| {
            if !tell(&told(outcome)) {
                cancel.cancel();
            }
            if outcome.is_ok() {
                // Whoever sends no photos hears nothing.
                let _ = wake.send(());
            }
        };
        let options = StayOptions {
            synced: Some(&synced),
            ..StayOptions::default()
        };
        let stayed = phone.stay_in_sync(&transport, options, cancel);
        cancel.cancel();
        Ok(stayed?)
    })
}

/// Sends photos after every sync, until there are no more syncs.
fn send_when_woken(
    phone: &Phone,
    transport: &HttpTransport,
    woken: &Receiver<()>,
    cancel: &CancelFlag,
) {
    while woken.recv().is_ok() {
        while woken.try_recv().is_ok() {}
        let options = SendOptions {
            cancel: Some(cancel),
            ..SendOptions::default()
        };
        // What did not go is in the status, and is tried again after the next sync.
        let _ = phone.send_files(transport, options);
    }
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
