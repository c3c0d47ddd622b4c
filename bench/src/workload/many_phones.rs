//! `many-phones`: a thousand phones come back at the same moment.
//!
//! Their stores are made, their records written and the phones opened beforehand. From there on
//! each does what the app does, on a thread of its own: it reads its outbox, sends, and comes back
//! when it was asked to. They talk to the server itself, since the threads of a proxy would take
//! more of the processor than what is measured.
//!
//! All those phones share the server's processor here, which in the field they do not. So their
//! processes run at a lower priority where the system has that: the server gets the processor when
//! it wants it, as it would on a machine of its own, and the phones what is left.

use crate::crew::{Crew, Priority};
use crate::directory::{DEVICES_PER_GRID, Directory, town_handsets};
use crate::district::District;
use crate::error::BenchError;
use crate::figures::{Figures, Unit};
use crate::orders::{Exchange, Handset, News, Order, Rushed};
use crate::spread::Spread;
use crate::usage;

use super::{Ground, figures, numbers, parameters, promise_counts};

/// How many phones sync at a time while the day is prepared.
const AT_A_TIME: usize = 50;

/// Files that an open phone holds: its database, log and index, over several connections, and a
/// socket.
const FILES_PER_PHONE: u64 = 12;

/// Files that a process has open whatever it does.
const FILES_OF_ITS_OWN: u64 = 64;

/// How many there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowd {
    /// Phones.
    pub(crate) phones: u32,
    /// New records on each of them.
    pub(crate) records: u32,
    /// Processes that they are spread over.
    pub(crate) processes: u32,
}

/// Runs it.
pub(crate) fn run(ground: &Ground, crowd: Crowd) -> Result<Figures, BenchError> {
    check_files(crowd)?;
    let mut handsets = town_handsets(crowd.phones);
    let directory = Directory::town(&handsets);
    let mut district = District::gridlog(ground, &directory, &mut handsets)?;
    morning(&district, &handsets, crowd)?;
    district.restart_server()?;

    let groups = groups(&handsets, crowd.processes);
    let mut crew = Crew::start_with(groups, &district.direct_opening(), Priority::Low)?;
    let begun = district.begin(&mut crew)?;
    let heard = crew.all(&Order::Rush)?;
    let all: Vec<Rushed> = heard
        .into_iter()
        .filter_map(|heard| match heard.news {
            News::Rushed { rushed, .. } => Some(rushed),
            _ => None,
        })
        .collect();
    let mut exchange = Exchange::default();
    all.iter().for_each(|rushed| exchange += rushed.exchange);
    let costs = district.since(&begun, &mut crew, exchange)?;
    let parameters = parameters([
        ("phones", crowd.phones.into()),
        ("records", crowd.records.into()),
        ("processes", crowd.processes.into()),
        ("seed", ground.seed),
    ]);
    let mut figures = figures("many-phones", parameters, &district, costs)?;
    sum_up(&mut figures, &all);
    promise_kept(&mut figures, &mut crew, &handsets, crowd)?;
    crew.dismiss()?;
    Ok(figures)
}

/// Figures of many phones, and what must be true of each.
fn sum_up(figures: &mut Figures, all: &[Rushed]) {
    let errors = all.iter().map(|rushed| rushed.errors.len()).sum::<usize>();
    let waits = all.iter().map(|rushed| rushed.asked_to_wait).sum::<u64>();
    let received = Spread::of(all.iter().filter_map(|rushed| rushed.received_s).collect());
    let in_log = Spread::of(all.iter().filter_map(|rushed| rushed.in_log_s).collect());
    if let Some(spread) = received {
        figures.measure(
            "received_p50_s",
            "received 已收到 p50",
            spread.p50,
            Unit::Seconds,
        );
        figures.measure(
            "received_p99_s",
            "received 已收到 p99",
            spread.p99,
            Unit::Seconds,
        );
        figures.measure(
            "received_max_s",
            "received 已收到 max",
            spread.most,
            Unit::Seconds,
        );
        let ratio = spread.p99 / spread.p50.max(f64::EPSILON);
        figures.measure(
            "received_p99_to_p50",
            "received p99 to p50 之比",
            ratio,
            Unit::Ratio,
        );
    }
    if let Some(spread) = in_log {
        figures.measure(
            "in_log_p50_s",
            "in the log 已入卷 p50",
            spread.p50,
            Unit::Seconds,
        );
        figures.measure(
            "in_log_p99_s",
            "in the log 已入卷 p99",
            spread.p99,
            Unit::Seconds,
        );
        figures.measure(
            "in_log_max_s",
            "in the log 已入卷 max",
            spread.most,
            Unit::Seconds,
        );
    }
    figures.measure("errors", "errors 出错", count(errors as u64), Unit::Times);
    figures.measure(
        "asked_to_wait",
        "asked to wait 请稍候",
        count(waits),
        Unit::Times,
    );
    let late = all
        .iter()
        .filter(|rushed| rushed.in_log_s.is_none())
        .count();
    figures.promise(late == 0, || {
        let why = all.iter().find_map(|rushed| rushed.errors.last());
        let why = why.map_or("", String::as_str);
        format!("{late} phones did not get all they wrote into the log; one said: {why}")
    });
    let refused = all.iter().map(|rushed| rushed.refused).sum::<u64>();
    figures.promise(refused == 0, || {
        format!("{refused} honest changes were refused")
    });
}

#[expect(clippy::cast_precision_loss, reason = "a count of events in one run")]
const fn count(events: u64) -> f64 {
    events as f64
}

/// One phone of each grid comes up to date, beyond what is measured, and must list all that the
/// phones of its grid wrote.
fn promise_kept(
    figures: &mut Figures,
    crew: &mut Crew,
    handsets: &[Handset],
    crowd: Crowd,
) -> Result<(), BenchError> {
    let everybody = numbers(handsets);
    let first_of_grid = |device: &u32| device.is_multiple_of(DEVICES_PER_GRID);
    let first: Vec<u32> = everybody.iter().copied().filter(first_of_grid).collect();
    for devices in first.chunks(AT_A_TIME) {
        let devices = devices.to_vec();
        crew.all(&Order::Sync { devices })?;
    }
    promise_counts(figures, crew, first, |device| {
        let mates = everybody
            .iter()
            .filter(|mate| *mate / DEVICES_PER_GRID == device / DEVICES_PER_GRID);
        mates.count() as u64 * u64::from(crowd.records)
    })
}

/// All phones enrol and sync once; then, without signal, each records for a day.
fn morning(district: &District, handsets: &[Handset], crowd: Crowd) -> Result<(), BenchError> {
    let groups = groups(handsets, crowd.processes);
    let mut crew = Crew::start(groups, &district.direct_opening())?;
    let everybody = numbers(handsets);
    for devices in everybody.chunks(AT_A_TIME) {
        let devices = devices.to_vec();
        crew.all(&Order::Sync { devices })?;
    }
    for devices in everybody.chunks(AT_A_TIME) {
        crew.all(&Order::Record {
            devices: devices.to_vec(),
            first: 0,
            count: crowd.records,
        })?;
    }
    crew.dismiss()
}

/// The phones in turn, so that those of one grid come from different processes.
fn groups(handsets: &[Handset], processes: u32) -> Vec<Vec<Handset>> {
    let mut groups = vec![Vec::new(); processes.max(1) as usize];
    for (group, handset) in (0..groups.len()).cycle().zip(handsets) {
        groups[group].push(handset.clone());
    }
    groups
}

/// Says at once if the phones could not be opened, or the server not take them all.
fn check_files(crowd: Crowd) -> Result<(), BenchError> {
    let each = u64::from(crowd.phones.div_ceil(crowd.processes.max(1)));
    let needed = u64::from(crowd.phones).max(each * FILES_PER_PHONE) + FILES_OF_ITS_OWN;
    match usage::most_open_files() {
        Some(most) if most < needed => Err(BenchError::TooFewFiles { most, needed }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::nothing;

    fn rushed(seconds: f64) -> Rushed {
        Rushed {
            received_s: Some(seconds),
            in_log_s: Some(seconds + 1.0),
            ..Rushed::default()
        }
    }

    fn measured(figures: &Figures, name: &str) -> f64 {
        let found = figures.measures.iter().find(|measure| measure.name == name);
        found.unwrap().value
    }

    #[test]
    fn the_slowest_are_compared_with_the_middle() {
        let all: Vec<Rushed> = (1..=200).map(|n| rushed(f64::from(n))).collect();
        let mut figures = nothing("many-phones");
        sum_up(&mut figures, &all);
        assert_eq!(measured(&figures, "received_p50_s"), 100.0);
        assert_eq!(measured(&figures, "received_p99_to_p50"), 1.98);
        assert_eq!(measured(&figures, "in_log_max_s"), 201.0);
        assert_eq!(measured(&figures, "errors"), 0.0);
        assert!(figures.broken.is_empty());
    }

    #[test]
    fn a_phone_that_never_got_there_breaks_the_promise() {
        let never = Rushed {
            errors: vec!["no answer".to_owned()],
            ..Rushed::default()
        };
        let mut figures = nothing("many-phones");
        sum_up(&mut figures, &[rushed(1.0), never]);
        assert_eq!(measured(&figures, "errors"), 1.0);
        assert!(figures.broken[0].contains("no answer"));
    }

    #[test]
    fn phones_are_dealt_out_evenly() {
        let sizes: Vec<usize> = groups(&town_handsets(10), 4).iter().map(Vec::len).collect();
        assert_eq!(sizes, [3, 3, 2, 2]);
    }
}
