//! What a run found: one JSON object on one line for programs, a table for people.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::BenchError;

/// What was used while measuring.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Costs {
    /// HTTP requests that passed the proxy.
    pub(crate) round_trips: u64,
    /// Bytes from phones to the server, HTTP heads included.
    pub(crate) bytes_up: u64,
    /// Bytes from the server to phones, HTTP heads included.
    pub(crate) bytes_down: u64,
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
    /// What it ran on.
    pub(crate) machine: Machine,
    /// Promises that the run broke; empty if all is well.
    pub(crate) broken: Vec<String>,
}

impl Figures {
    /// Notes a promise that was not kept.
    pub(crate) fn promise(&mut self, kept: bool, broken: impl FnOnce() -> String) {
        if !kept {
            self.broken.push(broken());
        }
    }

    /// Adds one line to a file.
    pub(crate) fn append_to(&self, path: &Path) -> Result<(), BenchError> {
        let failed = |source| BenchError::File {
            path: path.to_owned(),
            what: "written",
            source,
        };
        let mut line = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(failed)?;
        file.write_all(&line).map_err(failed)
    }

    /// The table's lines: what, and how much.
    pub(crate) fn table(&self) -> Vec<(&'static str, String)> {
        let costs = &self.costs;
        let seconds = |value: Option<f64>| value.map_or("-".to_owned(), |s| format!("{s:.3} s"));
        let mut lines = vec![
            ("durable 已落盘", seconds(self.wall_durable_s)),
            ("converged 已一致", seconds(self.wall_converged_s)),
        ];
        if let (Some(records), Some(wall)) = (self.parameters.get("records"), self.wall_durable_s)
            && self.workload == "record"
            && let Some(records) = records.as_f64()
        {
            let rate = format!("{:.0} records/s", records / wall.max(f64::EPSILON));
            lines.push(("rate 速率", rate));
        }
        lines.extend([
            ("round trips 往返", costs.round_trips.to_string()),
            ("bytes up 上行", grouped(costs.bytes_up)),
            ("bytes down 下行", grouped(costs.bytes_down)),
            ("server CPU 服务器", seconds(costs.server_cpu_s)),
            (
                "server memory 峰值",
                costs
                    .server_peak_rss_bytes
                    .map_or("-".to_owned(), mebibytes),
            ),
            ("server disk 磁盘", mebibytes(costs.server_disk_bytes)),
            ("device CPU 手机", seconds(costs.device_cpu_s)),
            (
                "edits kept 编辑",
                format!("{} of {}", self.edits_kept, self.edits_made),
            ),
            (
                "disk fsync 单次落盘",
                format!("{:.2} ms", self.machine.fsync_ms),
            ),
        ]);
        lines
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shown to a tenth of a mebibyte; the loss begins at petabytes"
)]
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

/// With a space after every three digits, as in 1 234 567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_can_be_read() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(grouped(123_456), "123 456");
    }
}
