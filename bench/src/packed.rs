//! What a first sync is compared with: the same records as one JSON array under zstd.

use gridlog_domain::id::RecordId;
use serde_json::{Map, Value};

use crate::error::BenchError;
use crate::figures::{Figures, Unit};
use crate::generator::Generator;
use crate::orders::Handset;
use crate::workload::one_phone::Written;

/// The level that zstd takes by default.
const LEVEL: i32 = 3;

/// Adds how large the array is, and what part of it the bytes are that the phone got, HTTP heads
/// and reference data included.
pub(crate) fn measure(
    figures: &mut Figures,
    seed: u64,
    writers: &[Handset],
    written: &[Written],
) -> Result<(), BenchError> {
    let packed = array(seed, writers, written)?;
    let compressed = zstd::bulk::compress(&packed, LEVEL).map_err(|source| BenchError::File {
        path: "a JSON array".into(),
        what: "compressed",
        source,
    })?;
    let bytes = as_figure(compressed.len() as u64);
    let label = "JSON under zstd 对照";
    figures.measure("zstd_json_bytes", label, bytes, Unit::Bytes);
    if let Some(down) = figures.costs.bytes_down {
        let ratio = as_figure(down) / bytes.max(1.0);
        let label = "bytes down to zstd JSON 下行之比";
        figures.measure("bytes_down_to_zstd_json", label, ratio, Unit::Ratio);
    }
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the bytes of one phone; the loss begins at petabytes"
)]
const fn as_figure(bytes: u64) -> f64 {
    bytes as f64
}

/// The records in the order in which they were made, each with its id and what the generator says.
fn array(seed: u64, writers: &[Handset], written: &[Written]) -> Result<Vec<u8>, BenchError> {
    let generator = Generator::new(seed)?;
    let mut records = Vec::with_capacity(written.len());
    let mut in_order = written.to_vec();
    in_order.sort_by_key(|(.., id)| *id);
    for (device, number, id) in in_order {
        let Some(writer) = writers.iter().find(|writer| writer.device == device) else {
            continue;
        };
        let mut record = Map::new();
        record.insert("id".to_owned(), Value::from(id.to_string()));
        let content = generator.content(&writer.grid, device, number);
        let fields = content.plain(&writer.person, made_ms(id));
        record.extend(fields.map_err(BenchError::Figures)?);
        records.push(record);
    }
    serde_json::to_vec(&records).map_err(BenchError::Figures)
}

/// When a record was made: the first 48 bits of its id (UUIDv7).
fn made_ms(id: RecordId) -> i64 {
    let [a, b, c, d, e, f, ..] = *id.as_bytes();
    i64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

#[cfg(test)]
mod tests {
    use gridlog_domain::environment::SeededEntropy;

    use super::*;
    use crate::directory::street_handsets;

    #[test]
    fn the_array_has_every_record_with_its_id_its_time_and_its_text() {
        let writers = street_handsets(5, 0).unwrap();
        let mut entropy = SeededEntropy::new(1);
        let written: Vec<Written> = (0..40)
            .map(|n| {
                (
                    n % 5,
                    n / 5,
                    RecordId::new(1_790_000_000_000 + i64::from(n), &mut entropy),
                )
            })
            .collect();
        let records: Vec<Value> =
            serde_json::from_slice(&array(1, &writers, &written).unwrap()).unwrap();
        assert_eq!(records.len(), 40);
        assert_eq!(records[7]["id"], written[7].2.to_string());
        assert_eq!(records[7]["occurred_at"], 1_790_000_000_007_i64);
        let content = Generator::new(1).unwrap().content(&writers[2].grid, 2, 1);
        let plain = content.plain(&writers[2].person, 0).unwrap();
        assert_eq!(records[7]["title"], plain["title"]);
    }
}
