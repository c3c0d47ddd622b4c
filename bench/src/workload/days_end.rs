//! `days-end`: every phone comes back with a day's work, all at once.

use std::collections::BTreeMap;
use std::time::Instant;

use gridlog_domain::id::RecordId;

use crate::crew::Crew;
use crate::district::{DEVICES_PER_GRID, District, handsets};
use crate::edits;
use crate::error::BenchError;
use crate::figures::Figures;
use crate::meeting::meet;
use crate::orders::{Edit, Handset, News, Order};

use super::{Ground, by_grid, measured, numbers, parameters, promise_counts};

/// Records that the phones of a grid share; each phone edits each of them once.
const SHARED: u32 = 10;

/// The number of the first shared record, beyond those of a day.
const FIRST_SHARED: u32 = 1_000_000;

/// Runs it.
pub(crate) fn run(ground: &Ground, devices: u32, records: u32) -> Result<Figures, BenchError> {
    let mut handsets = handsets(devices, 0)?;
    let mut district = District::start(&ground.server_bin, &ground.folder, &mut handsets)?;
    let edits = morning(ground, &district, &handsets, records)?;
    district.restart_server()?;

    let mut crew = Crew::start(by_grid(&handsets), &district.url(), ground.seed)?;
    let begun = district.begin(&mut crew)?;
    let started = Instant::now();
    let meeting = meet(&mut crew, &numbers(&handsets))?;
    let parameters = parameters([
        ("devices", devices.into()),
        ("records", records.into()),
        ("edits_per_device", SHARED.into()),
        ("seed", ground.seed),
    ]);
    let mut figures = measured(
        "days-end",
        parameters,
        &district,
        &mut crew,
        (&begun, meeting),
    )?;
    figures.wall_durable_s = Some((meeting.durable - started).as_secs_f64());
    figures.wall_converged_s = Some((meeting.converged - started).as_secs_f64());
    promise_counts(&mut figures, &mut crew, |device| {
        let mates = numbers(&handsets)
            .into_iter()
            .filter(|mate| mate / DEVICES_PER_GRID == device / DEVICES_PER_GRID)
            .count() as u64;
        u64::from(SHARED) + mates * u64::from(records)
    })?;
    figures.edits_made = edits.len() as u64;
    figures.edits_kept = edits::kept(&mut crew, &handsets, &edits)?;
    let lost = figures.edits_made - figures.edits_kept;
    figures.promise(lost == 0, || {
        format!("{lost} edits are not shown everywhere")
    });
    crew.dismiss()?;
    Ok(figures)
}

/// All phones enrol and get the records that they share; then, without signal, each records and
/// edits for a day.
fn morning(
    ground: &Ground,
    district: &District,
    handsets: &[Handset],
    records: u32,
) -> Result<Vec<Edit>, BenchError> {
    let everybody = numbers(handsets);
    let mut crew = Crew::start(by_grid(handsets), &district.url(), ground.seed)?;
    let first_of_grid = |device: &u32| device.is_multiple_of(DEVICES_PER_GRID);
    let heard = crew.all(&Order::Record {
        devices: everybody.iter().copied().filter(first_of_grid).collect(),
        first: FIRST_SHARED,
        count: SHARED,
    })?;
    let mut shared: BTreeMap<String, Vec<RecordId>> = BTreeMap::new();
    for heard in heard {
        if let News::Recorded {
            device, records, ..
        } = heard.news
            && let Some(handset) = handsets.iter().find(|handset| handset.device == device)
        {
            shared.insert(handset.grid.as_str().to_owned(), records);
        }
    }
    meet(&mut crew, &everybody)?;
    crew.all(&Order::Record {
        devices: everybody,
        first: 0,
        count: records,
    })?;
    let edits = edits::of_everybody(handsets, &shared);
    crew.all(&Order::Edit {
        edits: edits.clone(),
    })?;
    crew.dismiss()?;
    Ok(edits)
}
