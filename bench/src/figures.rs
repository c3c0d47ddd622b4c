//! What a run found: one JSON object on one line for programs. [`crate::table`] shows it to people.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::budget;
use crate::error::BenchError;

/// What was used while measuring.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Costs {
    /// HTTP requests.
    pub(crate) round_trips: u64,
    /// Bytes from phones to the server, HTTP heads included; `None` where no proxy counted.
    pub(crate) bytes_up: Option<u64>,
    /// Bytes from the server to phones, HTTP heads included; `None` where no proxy counted.
    pub(crate) bytes_down: Option<u64>,
    /// The same without heads: bodies as they travelled.
    pub(crate) body_up: u64,
    /// The same without heads: bodies as they travelled.
    pub(crate) body_down: u64,
    /// CPU of the server, to a hundredth of a second.
    pub(crate) server_cpu_s: Option<f64>,
    /// The most memory that the server held since it was started for the measured part.
    pub(crate) server_peak_rss_bytes: Option<u64>,
    /// The server's data folder at the end, write-ahead log included.
    pub(crate) server_disk_bytes: u64,
    /// CPU of all device processes together, to a hundredth of a second.
    pub(crate) device_cpu_s: Option<f64>,
}

/// What the figures were taken on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// Processor cores.
    pub(crate) cores: usize,
    /// The operating system.
    pub(crate) system: &'static str,
    /// Time of one durable write of 4 KB, in milliseconds.
    pub(crate) fsync_ms: f64,
}

/// What a [`Measure`] is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Bytes,
    Times,
    /// Of something else: 1 is as much.
    Ratio,
}

/// A figure that only some workloads have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measure {
    /// Its name for programs.
    pub(crate) name: &'static str,
    /// Its name for people.
    pub(crate) label: &'static str,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: Unit,
}

/// What a run found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    /// The workload's name.
    pub(crate) workload: &'static str,
    /// What it was run with.
    pub(crate) parameters: Map<String, Value>,
    /// From the start until all that was pushed is durable on the server; for `record`, on the
    /// phone. `None` where nothing is pushed.
    pub(crate) wall_durable_s: Option<f64>,
    /// From the start until every phone holds all it may see; `None` where nobody syncs.
    pub(crate) wall_converged_s: Option<f64>,
    /// What was used.
    #[serde(flatten)]
    pub(crate) costs: Costs,
    /// Edits that were made.
    pub(crate) edits_made: u64,
    /// Edits that every phone of their grid shows, as value or as conflict.
    pub(crate) edits_kept: u64,
    /// What only this workload has.
    #[serde(skip)]
    pub(crate) measures: Vec<Measure>,
    /// What it ran on.
    pub(crate) machine: Machine,
    /// Promises that the run broke; empty if all is well.
    pub(crate) broken: Vec<String>,
}

impl Figures {
    /// Adds a figure that only some workloads have.
    pub(crate) fn measure(
        &mut self,
        name: &'static str,
        label: &'static str,
        value: f64,
        unit: Unit,
    ) {
        self.measures.push(Measure {
            name,
            label,
            value,
            unit,
        });
    }

    /// Notes a promise that was not kept.
    pub(crate) fn promise(&mut self, kept: bool, broken: impl FnOnce() -> String) {
        if !kept {
            self.broken.push(broken());
        }
    }

    /// Everything by its name for programs.
    pub(crate) fn by_name(&self) -> Result<Map<String, Value>, BenchError> {
        let json = serde_json::to_value(self).map_err(BenchError::Figures)?;
        let mut by_name: Map<String, Value> =
            serde_json::from_value(json).map_err(BenchError::Figures)?;
        for measure in &self.measures {
            by_name.insert(measure.name.to_owned(), measure.value.into());
        }
        Ok(by_name)
    }

    /// Adds one line to a file, with what the budgets say.
    pub(crate) fn append_to(&self, path: &Path) -> Result<(), BenchError> {
        let mut by_name = self.by_name()?;
        let judged = serde_json::to_value(budget::judge(&by_name)).map_err(BenchError::Figures)?;
        by_name.insert("budgets".to_owned(), judged);
        let mut line = serde_json::to_vec(&by_name).map_err(BenchError::Figures)?;
        line.push(b'\n');
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(BenchError::file(path, "written"))?;
        file.write_all(&line)
            .map_err(BenchError::file(path, "written"))
    }
}

/// Of a workload that found nothing, for tests.
#[cfg(test)]
pub(crate) fn nothing(workload: &'static str) -> Figures {
    Figures {
        workload,
        parameters: Map::new(),
        wall_durable_s: None,
        wall_converged_s: None,
        costs: Costs::default(),
        edits_made: 0,
        edits_kept: 0,
        measures: Vec::new(),
        machine: Machine {
            cores: 2,
            system: "linux",
            fsync_ms: 0.1,
        },
        broken: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_file_has_every_figure_by_its_name_and_what_the_budgets_say() {
        let mut figures = nothing("quiet");
        figures.measure("body_bytes", "body", 300.0, Unit::Bytes);
        figures.costs.server_cpu_s = Some(0.25);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures.jsonl");
        figures.append_to(&path).unwrap();
        figures.append_to(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["body_bytes"], 300.0);
        assert_eq!(line["server_cpu_s"], 0.25);
        assert_eq!(line["budgets"][0]["within"], true);
    }
}
