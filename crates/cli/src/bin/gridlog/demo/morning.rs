//! Morning: everybody has signal. Phones enrol, bootstrap, and share a case with a colleague.

use gridlog_client_core::NewReport;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::Place;

use super::hands::all_at_once;
use super::phone::DemoPhone;
use super::progress::Progress;
use super::stage::Stage;
use crate::error::CliError;

/// A case that two phones of one grid have before the server goes down.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedCase {
    /// The case. It is recorded and not yet reported.
    pub(super) record: RecordId,
    /// The phone that recorded it.
    pub(super) first: usize,
    /// Its colleague's.
    pub(super) second: usize,
}

/// Plays the morning.
pub(super) fn play(stage: &mut Stage, progress: &Progress) -> Result<Vec<SharedCase>, CliError> {
    let password = stage.password.clone();
    all_at_once(&mut stage.phones, |phone| phone.enrol(&password))?;
    progress.line(&format!(
        "{} 台手机已登记 phones enrolled",
        stage.phones.len()
    ));
    all_at_once(&mut stage.phones, |phone| phone.sync())?;
    progress.line(
        "各手机已取得目录、清单、日历和人员 phones have catalogue, checklists, calendar, staff",
    );
    let matters = stage.matters.clone();
    let recorded = all_at_once(&mut stage.phones, |phone| {
        if phone.number % 2 == 1 {
            return Ok(None);
        }
        let matter = &matters[phone.number / 2 % matters.len()];
        let record = phone.phone.note_case(NewReport {
            title: phone.ledger.text(&matter.title),
            category: matter.code.clone(),
            description: Some(phone.ledger.text(&matter.description)),
            place: Some(place(phone)),
            ..NewReport::default()
        })?;
        phone.ledger.records.push(record);
        phone.sync_until_decided()?;
        Ok(Some(record))
    })?;
    all_at_once(&mut stage.phones, |phone| phone.sync())?;
    let shared: Vec<SharedCase> = recorded
        .into_iter()
        .enumerate()
        .filter_map(|(first, record)| {
            let second = first + 1;
            let record = record?;
            (second < stage.phones.len()).then_some(SharedCase {
                record,
                first,
                second,
            })
        })
        .collect();
    progress.line(&format!(
        "{} 件案卷已由同网格两台手机共有 cases shared by two phones of a grid",
        shared.len()
    ));
    Ok(shared)
}

/// Somewhere in the phone's grid.
pub(super) fn place(phone: &DemoPhone) -> Place {
    Place {
        address: vec![
            "侯家塘街道".to_owned(),
            phone.grid.to_string(),
            format!("{}栋", phone.number % 20 + 1),
        ],
        fix: None,
    }
}
