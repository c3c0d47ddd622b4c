//! `gridlog proof`: what shows anybody that a record is in the log.

use std::path::PathBuf;

use gridlog_client_core::{Phone, PhoneError};
use gridlog_proof::RecordProof;
use serde_json::json;

use super::sync::reach;
use crate::answer::Answer;
use crate::error::CliError;
use crate::home::Home;
use crate::ids;

/// Asks the server, and writes what it says to a file, as it came.
pub(super) fn proof(
    home: &Home,
    phone: &Phone,
    record: &str,
    out: Option<PathBuf>,
) -> Result<Answer, CliError> {
    let record = ids::record(phone, record)?;
    let (_, transport) = reach(home, None)?;
    let bytes = phone.proof_of(&transport, record)?;
    let proof: RecordProof = serde_json::from_slice(&bytes)
        .map_err(|_| CliError::Phone(PhoneError::BadAnswer { to: "proof" }))?;
    let path = out.unwrap_or_else(|| PathBuf::from(format!("{record}.proof.json")));
    std::fs::write(&path, &bytes).map_err(|source| CliError::File {
        path: path.clone(),
        what: "written",
        source,
    })?;
    let (sealed, waiting) = (proof.entries.len(), proof.not_sealed.len());
    let standing = match (sealed, waiting) {
        (0, _) => format!(
            "尚未封签 not sealed yet：{waiting} 条日志待下次封签后可证明 {waiting} log entries can be proven after the next seal"
        ),
        (_, 0) => format!("{sealed} 条日志均已封签 all {sealed} log entries are sealed"),
        _ => format!(
            "{sealed} 条日志已封签，另有 {waiting} 条待封签 {sealed} log entries are sealed, {waiting} wait for the next seal"
        ),
    };
    let text = format!(
        "{standing}\n已写入 written to {}\n核验 check it：gridlog-verify --keys KEYS record {}\n",
        path.display(),
        path.display()
    );
    Ok(Answer::new(
        json!({
            "record": record,
            "file": path,
            "sealed": sealed,
            "not_sealed": waiting,
        }),
        text,
    ))
}
