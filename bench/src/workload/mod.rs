//! The workloads. Each sets up a district, restarts its server so that nothing of the set-up is
//! counted, opens phones in fresh processes, and measures.

pub(crate) mod board;
pub(crate) mod days_end;
pub(crate) mod ffi;
pub(crate) mod many_phones;
pub(crate) mod one_phone;
pub(crate) mod photos;
pub(crate) mod proof;
pub(crate) mod record;

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::crew::Crew;
use crate::district::{Beginning, District};
use crate::error::BenchError;
use crate::figures::{Costs, Figures, Machine};
use crate::meeting::Meeting;
use crate::orders::{Handset, News, Order};

/// The most memory that the server may hold while nobody talks to it.
const MEMORY_FLOOR: u64 = 64 * 1024 * 1024;

/// What each phone that syncs at the same moment may add to it: a request, a page, and its share of
/// the records that the sequencer keeps open.
const MEMORY_PER_PHONE: u64 = 12 * 1024 * 1024;

/// Where and how to run.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    /// The server's binary.
    pub(crate) server_bin: PathBuf,
    /// Where folders are made.
    pub(crate) folder: PathBuf,
    /// The seed of all that is written.
    pub(crate) seed: u64,
}

/// The parameters of a run by name.
fn parameters<const N: usize>(pairs: [(&str, u64); N]) -> Map<String, Value> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect()
}

/// Figures with what every workload has in common.
fn figures(
    workload: &'static str,
    parameters: Map<String, Value>,
    district: &District,
    costs: Costs,
) -> Result<Figures, BenchError> {
    Ok(Figures {
        workload,
        parameters,
        wall_durable_s: None,
        wall_converged_s: None,
        costs,
        edits_made: 0,
        edits_kept: 0,
        machine: Machine {
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            system: std::env::consts::OS,
            fsync_ms: district.fsync_ms()?,
        },
        measures: Vec::new(),
        broken: Vec::new(),
    })
}

/// Holds the server to a bound that knows nothing of the number of records: memory that grew with
/// them would pass it.
fn promise_memory(figures: &mut Figures, devices: u32) {
    let bound = MEMORY_FLOOR + u64::from(devices) * MEMORY_PER_PHONE;
    let peak = figures.costs.server_peak_rss_bytes.unwrap_or(0);
    figures.promise(peak <= bound, || {
        format!("the server held {peak} bytes, more than {bound}")
    });
}

/// Ends measuring after a meeting, and says whether it went as promised.
fn measured(
    workload: &'static str,
    parameters: Map<String, Value>,
    district: &District,
    crew: &mut Crew,
    (begun, meeting): (&Beginning, Meeting),
) -> Result<Figures, BenchError> {
    let costs = district.since(begun, crew, meeting.exchange)?;
    let mut figures = figures(workload, parameters, district, costs)?;
    figures.promise(meeting.agreed, || "the phones never agreed".to_owned());
    figures.promise(meeting.refused == 0, || {
        format!("{} honest changes were refused", meeting.refused)
    });
    Ok(figures)
}

/// Holds phones to the number of records that they must list.
fn promise_counts(
    figures: &mut Figures,
    crew: &mut Crew,
    devices: Vec<u32>,
    expected: impl Fn(u32) -> u64,
) -> Result<(), BenchError> {
    for heard in crew.all(&Order::Count { devices })? {
        if let News::Counted { device, records } = heard.news {
            let right = expected(device);
            figures.promise(records == right, || {
                format!("phone {device} lists {records} records instead of {right}")
            });
        }
    }
    Ok(())
}

/// The numbers of phones.
fn numbers(handsets: &[Handset]) -> Vec<u32> {
    handsets.iter().map(|handset| handset.device).collect()
}

/// One group of phones for each grid: those share a process.
fn by_grid(handsets: &[Handset]) -> Vec<Vec<Handset>> {
    handsets
        .chunk_by(|a, b| a.grid == b.grid)
        .map(<[Handset]>::to_vec)
        .collect()
}
