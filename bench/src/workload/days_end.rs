//! `days-end`: every phone comes back with a day's work, all at once. `baseline-json` is the same
//! day in the system that Gridlog is compared with.

use std::collections::BTreeMap;
use std::time::Instant;

use gridlog_domain::id::RecordId;

use crate::crew::Crew;
use crate::directory::{DEVICES_PER_GRID, Directory, street_handsets};
use crate::district::District;
use crate::edits;
use crate::error::BenchError;
use crate::figures::{Figures, Unit};
use crate::meeting::meet;
use crate::orders::{Edit, Handset, News, Order, System};

use super::{Ground, by_grid, measured, numbers, parameters, promise_counts, promise_memory};

/// Records that the phones of a grid share; each phone edits each of them once.
const SHARED: u32 = 10;

/// The number of the first shared record, beyond those of a day.
const FIRST_SHARED: u32 = 1_000_000;

/// How large a day is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day {
    /// Phones.
    pub(crate) devices: u32,
    /// New records on each of them.
    pub(crate) records: u32,
}

/// Runs it with Gridlog.
pub(crate) fn run(ground: &Ground, day: Day) -> Result<Figures, BenchError> {
    let mut figures = run_with(ground, day, System::Gridlog)?;
    promise_memory(&mut figures, day.devices);
    let lost = figures.edits_made - figures.edits_kept;
    figures.promise(lost == 0, || {
        format!("{lost} edits are not shown everywhere")
    });
    Ok(figures)
}

/// Runs it with the baseline. It promises nothing about edits: that they are written over is how
/// it works.
pub(crate) fn run_baseline(ground: &Ground, day: Day, gzip: bool) -> Result<Figures, BenchError> {
    let mut figures = run_with(ground, day, System::Json { gzip })?;
    let bodies = if gzip { "gzip" } else { "plain" };
    figures
        .parameters
        .insert("bodies".to_owned(), bodies.into());
    Ok(figures)
}

/// Adds to our figures what part they are of the baseline's.
pub(crate) fn compare(ours: &mut Figures, gzip: &Figures) {
    let converged = |figures: &Figures| figures.wall_converged_s;
    let cpu = |figures: &Figures| figures.costs.server_cpu_s;
    let bytes = |figures: &Figures| both_ways(figures);
    let ratio = |of: &dyn Fn(&Figures) -> Option<f64>| {
        let (ours, theirs) = (of(ours)?, of(gzip)?);
        (theirs > 0.0).then_some(ours / theirs)
    };
    let ratios = [
        (
            "converged_to_gzip_json",
            "converged to gzip JSON 一致时间比",
            ratio(&converged),
        ),
        (
            "server_cpu_to_gzip_json",
            "server CPU to gzip JSON 处理器比",
            ratio(&cpu),
        ),
        (
            "bytes_to_gzip_json",
            "bytes to gzip JSON 流量比",
            ratio(&bytes),
        ),
    ];
    for (name, label, ratio) in ratios {
        if let Some(ratio) = ratio {
            ours.measure(name, label, ratio, Unit::Ratio);
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio of bytes; the loss begins at petabytes"
)]
fn both_ways(figures: &Figures) -> Option<f64> {
    Some((figures.costs.bytes_up? + figures.costs.bytes_down?) as f64)
}

fn run_with(ground: &Ground, day: Day, system: System) -> Result<Figures, BenchError> {
    let Day { devices, records } = day;
    let mut handsets = street_handsets(devices, 0)?;
    let (workload, mut district) = match system {
        System::Gridlog => {
            let directory = Directory::street(&handsets)?;
            let district = District::gridlog(ground, &directory, &mut handsets)?;
            ("days-end", district)
        }
        System::Json { gzip } => {
            let district = District::json(ground, gzip, &mut handsets)?;
            ("baseline-json", district)
        }
    };
    let edits = morning(&district, &handsets, records)?;
    district.restart_server()?;

    let mut crew = Crew::start(by_grid(&handsets), &district.opening())?;
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
        workload,
        parameters,
        &district,
        &mut crew,
        (&begun, meeting),
    )?;
    figures.wall_durable_s = Some((meeting.durable - started).as_secs_f64());
    figures.wall_converged_s = Some((meeting.converged - started).as_secs_f64());
    promise_counts(&mut figures, &mut crew, numbers(&handsets), |device| {
        let mates = numbers(&handsets)
            .into_iter()
            .filter(|mate| mate / DEVICES_PER_GRID == device / DEVICES_PER_GRID)
            .count() as u64;
        u64::from(SHARED) + mates * u64::from(records)
    })?;
    figures.edits_made = edits.len() as u64;
    figures.edits_kept = edits::kept(&mut crew, &handsets, &edits)?;
    crew.dismiss()?;
    Ok(figures)
}

/// All phones enrol and get the records that they share; then, without signal, each records and
/// edits for a day.
fn morning(
    district: &District,
    handsets: &[Handset],
    records: u32,
) -> Result<Vec<Edit>, BenchError> {
    let everybody = numbers(handsets);
    let mut crew = Crew::start(by_grid(handsets), &district.opening())?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::nothing;

    #[test]
    fn a_ratio_is_ours_to_theirs_and_of_nothing_there_is_none() {
        let (mut ours, mut theirs) = (nothing("days-end"), nothing("baseline-json"));
        ours.wall_converged_s = Some(3.0);
        theirs.wall_converged_s = Some(2.0);
        ours.costs.server_cpu_s = Some(1.0);
        theirs.costs.server_cpu_s = Some(0.0);
        (ours.costs.bytes_up, ours.costs.bytes_down) = (Some(10), Some(80));
        (theirs.costs.bytes_up, theirs.costs.bytes_down) = (Some(20), Some(80));
        compare(&mut ours, &theirs);
        let ratios: Vec<_> = ours
            .measures
            .iter()
            .map(|measure| (measure.name, measure.value))
            .collect();
        assert_eq!(
            ratios,
            [("converged_to_gzip_json", 1.5), ("bytes_to_gzip_json", 0.9)]
        );
    }
}
