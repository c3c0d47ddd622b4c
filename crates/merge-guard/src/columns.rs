//! The columns of a change, and how many rows each declares.
//!
//! Columns are run-length encoded, so a few bytes can declare any number of rows. Counting walks
//! runs, never rows, and stops at the cap; it is done before anything is expanded.

use crate::limits::Limits;
use crate::reader::Reader;
use crate::refusal::Refusal;
use crate::runs::{Cell, Runs};

/// Column specifications of a change chunk: `id << 4 | type`.
pub(crate) mod spec {
    pub(crate) const OBJ_ACTOR: u64 = 0x01;
    pub(crate) const OBJ_COUNTER: u64 = 0x02;
    pub(crate) const KEY_ACTOR: u64 = 0x11;
    pub(crate) const KEY_COUNTER: u64 = 0x13;
    pub(crate) const KEY_STRING: u64 = 0x15;
    pub(crate) const INSERT: u64 = 0x34;
    pub(crate) const ACTION: u64 = 0x42;
    pub(crate) const VALUE_META: u64 = 0x56;
    pub(crate) const VALUE_RAW: u64 = 0x57;
    pub(crate) const PRED_COUNT: u64 = 0x70;
    pub(crate) const PRED_ACTOR: u64 = 0x71;
    pub(crate) const PRED_COUNTER: u64 = 0x73;
    pub(crate) const EXPAND: u64 = 0x94;
    pub(crate) const MARK_NAME: u64 = 0xa5;
    pub(crate) const DEFLATE_BIT: u64 = 0x08;
}

/// The bytes of each column; empty where the change does not have it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Columns<'a> {
    pub(crate) obj_actor: &'a [u8],
    pub(crate) obj_counter: &'a [u8],
    pub(crate) key_actor: &'a [u8],
    pub(crate) key_counter: &'a [u8],
    pub(crate) key_string: &'a [u8],
    pub(crate) insert: &'a [u8],
    pub(crate) action: &'a [u8],
    pub(crate) value_meta: &'a [u8],
    pub(crate) value_raw: &'a [u8],
    pub(crate) pred_count: &'a [u8],
    pub(crate) pred_actor: &'a [u8],
    pub(crate) pred_counter: &'a [u8],
}

impl<'a> Columns<'a> {
    /// Reads the column list and cuts the column data. The reader is left behind the last column.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Refusal> {
        let count = reader.length()?;
        let mut list = Vec::new();
        let mut previous = None;
        for _ in 0..count {
            let spec = reader.unsigned()?;
            let length = reader.length()?;
            if spec & spec::DEFLATE_BIT != 0 {
                return Err(Refusal::CompressedChange);
            }
            if previous >= Some(spec) || length == 0 {
                return Err(Refusal::Malformed {
                    what: "column list",
                });
            }
            previous = Some(spec);
            list.push((spec, length));
        }
        let mut columns = Self::default();
        for (spec, length) in list {
            let data = reader.take(length)?;
            *columns.slot(spec)? = data;
        }
        Ok(columns)
    }

    fn slot(&mut self, spec: u64) -> Result<&mut &'a [u8], Refusal> {
        Ok(match spec {
            spec::OBJ_ACTOR => &mut self.obj_actor,
            spec::OBJ_COUNTER => &mut self.obj_counter,
            spec::KEY_ACTOR => &mut self.key_actor,
            spec::KEY_COUNTER => &mut self.key_counter,
            spec::KEY_STRING => &mut self.key_string,
            spec::INSERT => &mut self.insert,
            spec::ACTION => &mut self.action,
            spec::VALUE_META => &mut self.value_meta,
            spec::VALUE_RAW => &mut self.value_raw,
            spec::PRED_COUNT => &mut self.pred_count,
            spec::PRED_ACTOR => &mut self.pred_actor,
            spec::PRED_COUNTER => &mut self.pred_counter,
            spec::EXPAND | spec::MARK_NAME => {
                return Err(Refusal::UnsupportedOp {
                    op: "with marks".to_owned(),
                });
            }
            _ => {
                return Err(Refusal::Malformed {
                    what: "column list",
                });
            }
        })
    }

    /// Counts the operations and requires that every column declares as many rows.
    pub(crate) fn count(&self, limits: &Limits) -> Result<u64, Refusal> {
        let ops = rows::<u64>(self.action, "action column", limits.max_ops, limits)?;
        if ops == 0 && !self.is_empty() {
            return Err(Refusal::Malformed {
                what: "action column",
            });
        }
        for (column, what, required) in [
            (self.obj_actor, "object column", false),
            (self.obj_counter, "object column", false),
            (self.key_actor, "key column", false),
            (self.value_meta, "value column", true),
            (self.pred_count, "pred column", true),
        ] {
            require_rows(
                rows::<u64>(column, what, limits.max_ops, limits)?,
                ops,
                required,
                what,
            )?;
        }
        let what = "key column";
        let counters = rows::<i64>(self.key_counter, what, limits.max_ops, limits)?;
        require_rows(counters, ops, false, what)?;
        let strings = rows::<&str>(self.key_string, what, limits.max_ops, limits)?;
        require_rows(strings, ops, false, what)?;
        require_rows(
            boolean_rows(self.insert, limits.max_ops)?,
            ops,
            true,
            "insert column",
        )?;
        self.count_values()?;
        self.count_preds(limits)?;
        Ok(ops)
    }

    fn is_empty(&self) -> bool {
        let mut columns = *self;
        [
            spec::OBJ_ACTOR,
            spec::OBJ_COUNTER,
            spec::KEY_ACTOR,
            spec::KEY_COUNTER,
            spec::KEY_STRING,
            spec::INSERT,
            spec::VALUE_META,
            spec::VALUE_RAW,
            spec::PRED_COUNT,
            spec::PRED_ACTOR,
            spec::PRED_COUNTER,
        ]
        .into_iter()
        .all(|spec| columns.slot(spec).is_ok_and(|column| column.is_empty()))
    }

    fn count_values(&self) -> Result<(), Refusal> {
        let malformed = Refusal::Malformed {
            what: "value column",
        };
        let total = weighted_sum(self.value_meta, "value column", |meta| meta >> 4)?;
        if total == Some(self.value_raw.len() as u64) {
            Ok(())
        } else {
            Err(malformed)
        }
    }

    fn count_preds(&self, limits: &Limits) -> Result<(), Refusal> {
        let what = "pred column";
        let declared = weighted_sum(self.pred_count, what, |count| count)?
            .filter(|declared| *declared <= limits.max_preds)
            .ok_or(Refusal::TooManyOps {
                limit: limits.max_preds,
            })?;
        let actors = rows::<u64>(self.pred_actor, what, limits.max_preds, limits)?;
        let counters = rows::<i64>(self.pred_counter, what, limits.max_preds, limits)?;
        if actors == declared && counters == declared {
            Ok(())
        } else {
            Err(Refusal::Malformed { what })
        }
    }
}

/// How many rows a column of any chunk declares; its kind stands in the lowest three bits of its
/// specification. A column of raw values has none.
pub(crate) fn declared_rows(
    specification: u64,
    column: &[u8],
    limits: &Limits,
) -> Result<u64, Refusal> {
    const DELTA: u64 = 3;
    const BOOLEAN: u64 = 4;
    const STRING: u64 = 5;
    const RAW: u64 = 7;
    let what = "column";
    match specification & 7 {
        DELTA => rows::<i64>(column, what, limits.max_ops, limits),
        BOOLEAN => boolean_rows(column, limits.max_ops),
        STRING => rows::<&str>(column, what, limits.max_ops, limits),
        RAW => Ok(0),
        _ => rows::<u64>(column, what, limits.max_ops, limits),
    }
}

fn require_rows(found: u64, ops: u64, required: bool, what: &'static str) -> Result<(), Refusal> {
    if found == ops || (found == 0 && !required) {
        Ok(())
    } else {
        Err(Refusal::Malformed { what })
    }
}

fn rows<'a, T: Cell<'a>>(
    column: &'a [u8],
    what: &'static str,
    cap: u64,
    limits: &Limits,
) -> Result<u64, Refusal> {
    let mut total = 0_u64;
    for stretch in Runs::<T>::new(column, what) {
        let (value, count) = stretch?;
        if value.is_some_and(|value| value.weight() > limits.max_key_bytes) {
            return Err(Refusal::BadKey {
                op: "with an overlong key".to_owned(),
            });
        }
        total = total.saturating_add(count);
        if total > cap {
            return Err(Refusal::TooManyOps { limit: cap });
        }
    }
    Ok(total)
}

fn boolean_rows(column: &[u8], cap: u64) -> Result<u64, Refusal> {
    let mut reader = Reader::new(column, "insert column");
    let mut total = 0_u64;
    while !reader.is_empty() {
        total = total.saturating_add(reader.unsigned()?);
        if total > cap {
            return Err(Refusal::TooManyOps { limit: cap });
        }
    }
    Ok(total)
}

/// Sum of `weight` over the rows; `None` if it does not fit. Nulls are malformed here.
fn weighted_sum(
    column: &[u8],
    what: &'static str,
    weight: impl Fn(u64) -> u64,
) -> Result<Option<u64>, Refusal> {
    let mut total = Some(0_u64);
    for stretch in Runs::<u64>::new(column, what) {
        let (value, count) = stretch?;
        let value = value.ok_or(Refusal::Malformed { what })?;
        total = total.and_then(|sum| sum.checked_add(weight(value).checked_mul(count)?));
    }
    Ok(total)
}
