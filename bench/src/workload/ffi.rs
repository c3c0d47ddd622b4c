//! `ffi`: what an app pays for the engine, through the surface that other languages call.
//!
//! One phone gets a store of many cases. A process of its own then opens it as an app does when it starts, so that its
//! memory is the engine's alone, and is timed at what screens do.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gridlog_client_core::{NewReport, Query};
use gridlog_ffi::{
    EnrolOptions, GenerationMarker, GridlogPhone, HostError, KeyStore, ListUpdate, OpenOptions,
    RowsListener,
};
use serde::{Deserialize, Serialize};

use crate::directory::{Directory, street_handsets};
use crate::district::District;
use crate::error::BenchError;
use crate::figures::{Costs, Figures, Unit};
use crate::gridlog_phone::PASSWORD;
use crate::usage;

use super::{Ground, figures, parameters};

/// The hidden subcommand that is the app.
pub(crate) const APP: &str = "ffi-app";
/// How often a thing is done that is timed.
const TIMES: usize = 100;
/// Calls that are timed together: one alone is too short.
const CALLS: u32 = 1_000;
/// A watch does not call again within a tenth of a second, which is no cost of the update after it.
const BETWEEN_UPDATES: Duration = Duration::from_millis(150);
/// How many updates of a watched list are timed.
const UPDATES: u32 = 20;
/// How long an update may take before the run gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the app found out.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    /// Records before it wrote any itself.
    rows: u64,
    open_ms: f64,
    thousand_calls_ms: f64,
    list_50_ms: f64,
    list_1000_ms: f64,
    search_ms: f64,
    watch_update_ms: f64,
    idle_rss_bytes: Option<u64>,
}

/// The same app in Kotlin: how `java` is started for it.
#[derive(Debug, Clone)]
pub(crate) struct KotlinApp {
    /// Its classes and what they need.
    pub(crate) classpath: String,
    /// The folder of the library as it ships.
    pub(crate) library: PathBuf,
}

/// A key store and a marker for a phone that has nothing to protect.
struct Everything {
    marker: PathBuf,
}

impl KeyStore for Everything {
    fn store_key(&self) -> Result<Vec<u8>, HostError> {
        Ok(vec![7; 32])
    }
}

impl GenerationMarker for Everything {
    fn read(&self) -> Result<Option<Vec<u8>>, HostError> {
        Ok(std::fs::read(&self.marker).ok())
    }

    fn write(&self, generation: Vec<u8>) -> Result<(), HostError> {
        std::fs::write(&self.marker, generation).map_err(|_| HostError::Threw)
    }
}

struct Screen(Mutex<Sender<Instant>>);

impl RowsListener for Screen {
    fn on_rows(&self, _update: ListUpdate) -> Result<(), HostError> {
        let now = Instant::now();
        let tell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for the last one.
        let _ = tell.send(now);
        Ok(())
    }
}

fn open(folder: &Path, server: &str) -> Result<Arc<GridlogPhone>, BenchError> {
    let brought = Arc::new(Everything {
        marker: folder.join("generation"),
    });
    let options = OpenOptions {
        store_path: folder.join("phone.db").to_string_lossy().into_owned(),
        server: server.to_owned(),
    };
    let keys: Arc<dyn KeyStore> = brought.clone();
    Ok(GridlogPhone::open(options, keys, brought)?)
}

fn case(number: u32) -> NewReport {
    NewReport {
        title: format!("井盖缺失 {number}"),
        category: "01014".to_owned(),
        condition: Some("缺失".to_owned()),
        description: Some(format!("第{number}处，人行道上，已放警示桩。")),
        ..NewReport::default()
    }
}

/// Runs it, from Rust, and from Kotlin if there is such an app. `library` is the release library, whose size is told.
pub(crate) fn run(
    ground: &Ground,
    records: u32,
    library: Option<&Path>,
    kotlin: Option<&KotlinApp>,
) -> Result<Figures, BenchError> {
    let mut handsets = street_handsets(1, 0)?;
    let directory = Directory::street(&handsets)?;
    let district = District::gridlog(ground, &directory, &mut handsets)?;
    let handset = handsets
        .first()
        .ok_or(BenchError::TooManyDevices { asked: 1, most: 0 })?;
    let server = district.address();
    fill(&handset.folder, &server, handset.person.clone(), records)?;
    let found = ask_app(&handset.folder, &server)?;

    let parameters = parameters([("records", records.into())]);
    let mut figures = figures("ffi", parameters, &district, Costs::default())?;
    figures.promise(found.rows == u64::from(records), || {
        format!("the app found {} of {records} records", found.rows)
    });
    note(&mut figures, &RUST, &found);
    if let Some(kotlin) = kotlin {
        let found = ask_kotlin(&handset.folder, &server, kotlin)?;
        figures.promise(found.rows == u64::from(records + UPDATES), || {
            format!("the app in Kotlin found {} records", found.rows)
        });
        note(&mut figures, &KOTLIN, &found);
    }
    if let Some(bytes) = found.idle_rss_bytes {
        figures.measure(
            "idle_rss_bytes",
            "空闲内存 memory while idle",
            count(bytes),
            Unit::Bytes,
        );
    }
    if let Some(library) = library {
        let size = std::fs::metadata(library).map_err(BenchError::file(library, "read"))?;
        figures.measure(
            "library_bytes",
            "原生库 the library",
            count(size.len()),
            Unit::Bytes,
        );
    }
    Ok(figures)
}

/// Names of figures, for programs and for people, in the order of [`note`].
type Names = [(&'static str, &'static str); 6];

const RUST: Names = [
    ("open_ms", "打开 opening"),
    ("thousand_calls_ms", "一千次调用 a thousand calls"),
    ("list_50_ms", "列表 50 行 a list of 50"),
    ("list_1000_ms", "列表 1000 行 a list of 1000"),
    ("search_ms", "查找 search"),
    ("watch_update_ms", "提交到界面 from commit to listener"),
];
const KOTLIN: Names = [
    ("kotlin_open_ms", "Kotlin: 打开 opening"),
    (
        "kotlin_thousand_calls_ms",
        "Kotlin: 一千次调用 a thousand calls",
    ),
    ("kotlin_list_50_ms", "Kotlin: 列表 50 行 a list of 50"),
    ("kotlin_list_1000_ms", "Kotlin: 列表 1000 行 a list of 1000"),
    ("kotlin_search_ms", "Kotlin: 查找 search"),
    (
        "kotlin_watch_update_ms",
        "Kotlin: 提交到界面 from commit to collector",
    ),
];

fn note(figures: &mut Figures, names: &Names, found: &Found) {
    let values = [
        found.open_ms,
        found.thousand_calls_ms,
        found.list_50_ms,
        found.list_1000_ms,
        found.search_ms,
        found.watch_update_ms,
    ];
    for ((name, label), value) in names.iter().zip(values) {
        figures.measure(name, label, value, Unit::Milliseconds);
    }
}

fn ask_kotlin(folder: &Path, server: &str, app: &KotlinApp) -> Result<Found, BenchError> {
    let java = Path::new("java");
    let answer = Command::new(java)
        .arg(format!("-Djna.library.path={}", app.library.display()))
        .args(["-cp", &app.classpath, "gridlog.bench.BenchKt"])
        .arg(folder)
        .arg(server)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(BenchError::file(java, "started"))?;
    serde_json::from_slice(&answer.stdout).map_err(BenchError::Figures)
}

#[expect(clippy::cast_precision_loss, reason = "sizes far below petabytes")]
const fn count(bytes: u64) -> f64 {
    bytes as f64
}

/// A store of that many cases, recorded as a worker does, one commit each.
fn fill(
    folder: &Path,
    server: &str,
    person: gridlog_domain::id::PersonId,
    records: u32,
) -> Result<(), BenchError> {
    std::fs::create_dir_all(folder).map_err(BenchError::file(folder, "created"))?;
    let phone = open(folder, server)?;
    let options = EnrolOptions {
        person,
        password: PASSWORD.to_owned(),
        device_name: "bench".to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(BenchError::file(folder, "worked on"))?;
    runtime.block_on(phone.enrol(options, None))?;
    for number in 0..records {
        phone.note_case(case(number), None)?;
    }
    phone.shut_down();
    Ok(())
}

fn ask_app(folder: &Path, server: &str) -> Result<Found, BenchError> {
    let itself = Path::new("this program");
    let program = std::env::current_exe().map_err(BenchError::file(itself, "found"))?;
    let answer = Command::new(program)
        .arg(APP)
        .args([Path::new("--folder"), folder])
        .args(["--server", server])
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(BenchError::file(itself, "started"))?;
    serde_json::from_slice(&answer.stdout).map_err(BenchError::Figures)
}

/// The app: opens the store, does what screens do, and prints what it found.
pub(crate) fn app(folder: &Path, server: &str) -> Result<(), BenchError> {
    let began = Instant::now();
    let phone = open(folder, server)?;
    let open_ms = milliseconds(began.elapsed());
    // What a start screen shows, and then nothing.
    let first = phone.list(page(50))?;
    std::thread::sleep(Duration::from_secs(1));
    let idle_rss_bytes = usage::resident_memory(std::process::id());
    let rows = phone.list(page(u32::MAX))?.len();
    let found = Found {
        rows: u64::try_from(rows).unwrap_or(u64::MAX),
        open_ms,
        thousand_calls_ms: median(|| {
            (0..CALLS).for_each(|_| drop(gridlog_ffi::versions()));
            Ok::<(), BenchError>(())
        })?,
        list_50_ms: median(|| phone.list(page(50)).map(drop))?,
        list_1000_ms: median(|| phone.list(page(1_000)).map(drop))?,
        search_ms: median(|| phone.search("警示".to_owned(), 50).map(drop))?,
        watch_update_ms: watch_update(&phone)?,
        idle_rss_bytes,
    };
    drop(first);
    let line = serde_json::to_vec(&found).map_err(BenchError::Figures)?;
    let output = Path::new("the standard output");
    std::io::stdout()
        .write_all(&line)
        .map_err(BenchError::file(output, "written"))
}

fn page(limit: u32) -> Query {
    Query {
        limit,
        ..Query::default()
    }
}

/// From the return of a recording call, after its commit, until the listener has the rows.
fn watch_update(phone: &GridlogPhone) -> Result<f64, BenchError> {
    let (tell, told) = channel();
    let silent = |_| BenchError::Office {
        what: "no update came to the listener".to_owned(),
    };
    let watch = phone.watch(page(50), Arc::new(Screen(Mutex::new(tell))))?;
    told.recv_timeout(PATIENCE).map_err(silent)?;
    let mut took = Vec::new();
    for number in 0..UPDATES {
        std::thread::sleep(BETWEEN_UPDATES);
        phone.note_case(case(number), None)?;
        let committed = Instant::now();
        let shown = told.recv_timeout(PATIENCE).map_err(silent)?;
        took.push(milliseconds(shown.saturating_duration_since(committed)));
    }
    watch.stop();
    Ok(middle(took))
}

fn median<E>(mut work: impl FnMut() -> Result<(), E>) -> Result<f64, BenchError>
where
    BenchError: From<E>,
{
    let mut took = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let began = Instant::now();
        work()?;
        took.push(milliseconds(began.elapsed()));
    }
    Ok(middle(took))
}

fn middle(mut took: Vec<f64>) -> f64 {
    took.sort_by(f64::total_cmp);
    took.get(took.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
