//! `proof`: what it costs to prove that an entry is in a long log, and to check that.
//!
//! The log is a real store, filled through the same batches that a sequencer commits. No phone and no server
//! take part: what is measured is what an office waits for, and what somebody far away needs to check the
//! answer.

use std::path::Path;
use std::time::Instant;

use gridlog_domain::id::RecordId;
use gridlog_proof::{
    Consistency, Inclusion, Node, Origin, Seal, SealKey, TreeError, TreeStore, consistency_path,
    inclusion_path, root,
};
use gridlog_protocol::{Digest, Fact, Key, LogEntry, SigningKey, entry_hash};
use gridlog_sync_server::store::{Batch, NewEntry, SqliteStore, Store, StoreError};

use super::{Ground, parameters};
use crate::disk;
use crate::error::BenchError;
use crate::figures::{Costs, Figures, Machine, Unit};
use crate::usage;

/// Entries that are committed at once, and taken into the tree at once.
const AT_ONCE: u32 = 2_000;
/// Proofs of each kind.
const PROOFS: u64 = 201;
/// Entries about one record.
const A_RECORD: u32 = 8;

struct Tree<'a>(&'a SqliteStore);

impl TreeStore for Tree<'_> {
    type Error = StoreError;

    fn nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, StoreError> {
        self.0.tree_nodes(numbers)
    }
}

fn of_tree(error: TreeError<StoreError>) -> BenchError {
    match error {
        TreeError::Store(error) => error.into(),
        other => BenchError::Proof(other.to_string()),
    }
}

/// Times of one thing done again and again.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn of<T>(&mut self, work: impl FnOnce() -> Result<T, BenchError>) -> Result<T, BenchError> {
        let begun = Instant::now();
        let done = work()?;
        self.0.push(begun.elapsed().as_secs_f64());
        Ok(done)
    }

    /// The time that so many of a hundred stay below.
    fn percentile(&mut self, percent: usize) -> f64 {
        self.0.sort_by(f64::total_cmp);
        let place = self.0.len() * percent / 100;
        self.0.get(place).copied().unwrap_or(0.0)
    }
}

/// Runs it.
pub(crate) fn run(ground: &Ground, entries: u32) -> Result<Figures, BenchError> {
    std::fs::create_dir_all(&ground.folder).map_err(BenchError::file(&ground.folder, "created"))?;
    let folder = tempfile::tempdir_in(&ground.folder)
        .map_err(BenchError::file(&ground.folder, "written"))?;
    let database = folder.path().join("district.db");
    let store = SqliteStore::open(&database)?;
    let mut figures = nothing(ground, entries, folder.path())?;
    let begun = Instant::now();
    fill(&store, entries)?;
    figures.measure("fill_s", "filling 写入", since(begun), Unit::Seconds);
    let begun = Instant::now();
    while store.grow_tree(AT_ONCE as usize)? < u64::from(entries) {}
    figures.measure(
        "tree_s",
        "building the tree 建散列树",
        since(begun),
        Unit::Seconds,
    );
    prove(&store, u64::from(entries), &mut figures)?;
    drop(store);
    audit(&database, entries, &mut figures)?;
    let bytes = disk::size_of(folder.path()).map_err(BenchError::file(folder.path(), "read"))?;
    figures.costs.server_disk_bytes = bytes;
    figures.costs.server_peak_rss_bytes = usage::peak_memory(std::process::id());
    Ok(figures)
}

fn since(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64()
}

fn nothing(ground: &Ground, entries: u32, folder: &Path) -> Result<Figures, BenchError> {
    Ok(Figures {
        workload: "proof",
        parameters: parameters([("entries", entries.into()), ("seed", ground.seed)]),
        wall_durable_s: None,
        wall_converged_s: None,
        costs: Costs::default(),
        edits_made: 0,
        edits_kept: 0,
        machine: Machine {
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            system: std::env::consts::OS,
            fsync_ms: disk::fsync_ms(folder).map_err(BenchError::file(folder, "written"))?,
        },
        measures: Vec::new(),
        broken: Vec::new(),
    })
}

/// Rulings, as most entries of a log are, on records of eight entries each.
fn fill(store: &SqliteStore, entries: u32) -> Result<(), BenchError> {
    let mut first = 0;
    while first < entries {
        let mut batch = Batch::on(store.head()?);
        for n in first..entries.min(first + AT_ONCE) {
            let record = u128::from(n / A_RECORD).to_be_bytes();
            let entry = LogEntry {
                seq: batch.head.seq + 1,
                previous: batch.head.hash,
                at_ms: 1_790_000_000_000 + i64::from(n) * 1_000,
                record: Key(record),
                fact: Fact::Ruling {
                    proposal: Key(u128::from(n).to_be_bytes()),
                    proposal_hash: Digest([7; 32]),
                    step: "report".to_owned(),
                    by: "W001".to_owned(),
                    refused: None,
                    stage: "reported".to_owned(),
                    counts_at_ms: 1_790_000_000_000,
                    time_flagged: false,
                    department: None,
                },
                origin: None,
            };
            let canonical = entry.to_bytes();
            batch.head.seq = entry.seq;
            batch.head.hash = entry_hash(&canonical);
            batch.entries.push(NewEntry {
                seq: entry.seq,
                record: RecordId::from_bytes(record),
                canonical,
                audiences: vec!["a:1".to_owned()],
            });
        }
        store.commit(&batch)?;
        first += AT_ONCE;
    }
    Ok(())
}

fn sealed(store: &SqliteStore, size: u64, key: &SealKey) -> Result<Seal, BenchError> {
    let origin = Origin {
        log: "gridlog/430111".to_owned(),
        epoch: 1,
    };
    let root = root(&Tree(store), size).map_err(of_tree)?;
    Seal::sign(origin, (size, root), &[key]).map_err(of_proof)
}

fn of_proof(error: gridlog_proof::ProofError) -> BenchError {
    BenchError::Proof(error.to_string())
}

/// Proves entries and growth all over the log, and checks what comes out, which a changed byte must not pass.
fn prove(store: &SqliteStore, size: u64, figures: &mut Figures) -> Result<(), BenchError> {
    let signing = SigningKey::from_bytes(&[3; 32]);
    let public = signing.verifying_key().to_bytes();
    let key = SealKey::new("gridlog/430111", &signing.to_bytes(), &public).map_err(of_proof)?;
    let keys = [key.public().clone()];
    let newest = sealed(store, size, &key)?;
    let [mut made, mut checked, mut grown, mut grown_checked] =
        std::array::from_fn(|_| Times::default());
    let mut bytes = 0;
    for n in 0..PROOFS {
        let seq = 1 + n * (size - 1) / (PROOFS - 1);
        let stored = store.entry(seq)?;
        let entry = stored.ok_or_else(|| BenchError::Proof(format!("entry {seq} is missing")))?;
        let proof = made.of(|| {
            let path = inclusion_path(&Tree(store), size, seq).map_err(of_tree)?;
            Ok(Inclusion::new(&newest, (seq, &entry.canonical), &path))
        })?;
        let said = checked.of(|| proof.check(&keys).map_err(of_proof))?;
        figures.promise(said.1 == entry.canonical, || {
            format!("entry {seq} is another one")
        });
        bytes = bytes.max(
            serde_json::to_vec(&proof)
                .map_err(BenchError::Figures)?
                .len(),
        );
        let mut touched = proof;
        touched.seq = touched.seq % size + 1;
        let is_refused = size == 1 || touched.check(&keys).is_err();
        figures.promise(is_refused, || {
            format!("a false proof of {seq} was believed")
        });
        let older = sealed(store, seq, &key)?;
        let growth = grown.of(|| {
            let path = consistency_path(&Tree(store), seq, size).map_err(of_tree)?;
            Ok(Consistency::new(&older, &newest, &path))
        })?;
        grown_checked.of(|| growth.check(&keys).map_err(of_proof))?;
    }
    let times = [
        (
            "make_inclusion_p99_ms",
            "making an inclusion proof, p99 收录证明",
            &mut made,
        ),
        (
            "check_inclusion_p99_ms",
            "checking one, p99 核验收录",
            &mut checked,
        ),
        (
            "make_growth_p99_ms",
            "making a growth proof, p99 增长证明",
            &mut grown,
        ),
        (
            "check_growth_p99_ms",
            "checking one, p99 核验增长",
            &mut grown_checked,
        ),
    ];
    for (name, label, times) in times {
        figures.measure(
            name,
            label,
            times.percentile(99) * 1_000.0,
            Unit::Milliseconds,
        );
    }
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    figures.measure(
        "proof_bytes",
        "a proof as JSON 证明大小",
        bytes.into(),
        Unit::Bytes,
    );
    Ok(())
}

/// Reads the whole log through, as `gridlog-server check` does.
fn audit(database: &Path, entries: u32, figures: &mut Figures) -> Result<(), BenchError> {
    let mut damages = 0_u64;
    let begun = Instant::now();
    let audited = SqliteStore::audit_file(database, &mut |_| damages += 1)?;
    figures.measure(
        "check_log_s",
        "reading the log through 全量核对",
        since(begun),
        Unit::Seconds,
    );
    let is_sound = damages == 0 && audited.entries == u64::from(entries);
    figures.promise(is_sound, || format!("{damages} damages in a sound log"));
    Ok(())
}
