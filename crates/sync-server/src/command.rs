//! `gridlog-server`: serve a district, or an invented one for developers, load its directory, check its log,
//! back it up, restore it.
#![allow(
    clippy::print_stdout,
    reason = "what a command did is its answer to the caller"
)]

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use gridlog_domain::environment::{Clock, Entropy};
use gridlog_domain::id::PersonId;
use tracing_subscriber::EnvFilter;

use crate::audit::Damage;
use crate::backup::back_up;
use crate::config::Config;
use crate::environment::{SystemClock, SystemEntropy};
use crate::folder::FolderLock;
use crate::import::{self, Mapping};
use crate::keys::{KeyError, ServerKeys, successions_of};
use crate::seals::SealSigner;
use crate::server::{DirectoryFiles, Offline, Server, load_directory};
use crate::store::SqliteStore;

#[derive(Parser)]
#[command(version, about = "格志服务器: the district's server")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until Ctrl-C or SIGTERM.
    Serve {
        #[command(flatten)]
        settings: Settings,
        /// Address to listen on, for example 127.0.0.1:8930.
        #[arg(long)]
        listen: Option<std::net::SocketAddr>,
    },
    /// 开发用服务器。Serve a small invented district of this machine's own, for whoever writes an app: fixture
    /// people, areas and cases, with their sign-ins printed. It listens on this machine alone.
    Dev {
        /// Folder of its own; it is made at the first start.
        #[arg(long, default_value = "gridlog-dev")]
        data: PathBuf,
        /// A loopback address; port 0 takes any that is free.
        #[arg(long, default_value = "127.0.0.1:8930")]
        listen: std::net::SocketAddr,
    },
    /// Load areas, people and reference data while no server runs.
    Load {
        #[command(flatten)]
        settings: Settings,
        /// CSV of areas.
        #[arg(long)]
        areas: Option<PathBuf>,
        /// CSV of people.
        #[arg(long)]
        people: Option<PathBuf>,
        /// JSON of the catalogue.
        #[arg(long)]
        catalogue: Option<PathBuf>,
        /// JSON of the checklists.
        #[arg(long)]
        checklists: Option<PathBuf>,
        /// JSON of the calendar.
        #[arg(long)]
        calendar: Option<PathBuf>,
    },
    /// Read the whole log and name each entry that is not what was once entered; a server may be serving it.
    Check {
        #[command(flatten)]
        settings: Settings,
    },
    /// The key that signs pages and seals.
    Keys {
        #[command(flatten)]
        settings: Settings,
        #[command(subcommand)]
        what: Keys,
    },
    /// Take in a CSV file of requests of another system while no server runs: every good row becomes a
    /// case, once; bad lines are named. See docs/import.md.
    ImportRequests {
        #[command(flatten)]
        settings: Settings,
        /// The CSV file.
        file: PathBuf,
        /// JSON of what its columns mean, for example data/mappings/nyc311.json.
        #[arg(long)]
        mapping: PathBuf,
        /// Staff number of whoever answers for it: an acceptor or duty officer.
        #[arg(long)]
        by: String,
    },
    /// Copy the database to a new file; a server may be serving it.
    Backup {
        #[command(flatten)]
        settings: Settings,
        /// The new file. Keep it on another disk, and copies of the signing key, of the ledgers of erased
        /// records and of revoked phones, and of the epoch apart from it.
        #[arg(long)]
        to: PathBuf,
    },
    /// Put a backup in the database's place while no server runs. The log goes on in a new epoch, and
    /// phones give back what it lost.
    Restore {
        #[command(flatten)]
        settings: Settings,
        /// The backup.
        #[arg(long)]
        from: PathBuf,
        /// Move the database aside that is there.
        #[arg(long)]
        replace: bool,
    },
}

#[derive(Clone, Copy, Subcommand)]
enum Keys {
    /// Print the public key, to be published where people can compare it.
    Show,
    /// Make a new key that follows the current one, while no server runs. Phones and gridlog-verify follow from
    /// the key that they know.
    Rotate,
}

#[derive(Args)]
struct Settings {
    /// TOML file; GRIDLOG_SERVER_… environment variables override it.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Folder of the database.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
}

impl Settings {
    fn read(self) -> Result<Config, String> {
        let mut config = Config::read(self.config.as_deref()).map_err(|error| error.to_string())?;
        if let Some(data) = self.data {
            config.data = data;
        }
        Ok(config)
    }
}

/// Does what the arguments of the process say.
pub fn run() -> ExitCode {
    run_by(Arc::new(SystemClock))
}

/// The same by another clock than the system's.
pub fn run_by(clock: Arc<dyn Clock>) -> ExitCode {
    gridlog_merge_guard::quiet_panics();
    let result = match Arguments::parse().command {
        Command::Serve { settings, listen } => serve(clock, settings, listen),
        Command::Dev { data, listen } => dev(clock, &data, listen),
        Command::Load {
            settings,
            areas,
            people,
            catalogue,
            checklists,
            calendar,
        } => load(settings, [areas, people, catalogue, checklists, calendar]),
        Command::Check { settings } => check(settings),
        Command::Keys { settings, what } => keys(settings, what),
        Command::ImportRequests {
            settings,
            file,
            mapping,
            by,
        } => import_requests(settings, &file, &mapping, by.as_str().into()),
        Command::Backup { settings, to } => backup(settings, &to),
        Command::Restore {
            settings,
            from,
            replace,
        } => restore(settings, &from, replace),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not through the log, which may be filtered: the reason must be seen.
            let _ = writeln!(std::io::stderr(), "gridlog-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start_logging(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| format!("log: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    Ok(())
}

fn serve(
    clock: Arc<dyn Clock>,
    settings: Settings,
    listen: Option<std::net::SocketAddr>,
) -> Result<(), String> {
    let mut config = settings.read()?;
    if let Some(listen) = listen {
        config.listen = listen;
    }
    start_logging(&config)?;
    tracing::info!(?config, key_file = %config.key_file().display(), "configuration");
    serve_until_stopped(clock, config)
}

fn dev(clock: Arc<dyn Clock>, data: &Path, listen: std::net::SocketAddr) -> Result<(), String> {
    let dev = crate::dev::prepare(data, listen).map_err(|error| error.to_string())?;
    start_logging(&dev.config)?;
    print!("{}", dev.sign_ins);
    serve_until_stopped(clock, dev.config)
}

fn serve_until_stopped(clock: Arc<dyn Clock>, config: Config) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let server = Server::start_by(clock, config)
            .await
            .map_err(|error| error.to_string())?;
        let address = server.address().map_err(|error| error.to_string())?;
        println!("listening on http://{address}");
        std::io::stdout()
            .flush()
            .map_err(|error| error.to_string())?;
        server
            .serve(stop_signal())
            .await
            .map_err(|error| error.to_string())
    })
}

async fn stop_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
    tracing::info!("stopping: requests under way are finished first");
}

fn load(settings: Settings, files: [Option<PathBuf>; 5]) -> Result<(), String> {
    let config = settings.read()?;
    start_logging(&config)?;
    let read = |file: &Option<PathBuf>| match file {
        None => Ok(None),
        Some(path) => std::fs::read(path)
            .map(Some)
            .map_err(|error| format!("{}: {error}", path.display())),
    };
    let [areas, people, catalogue, checklists, calendar] = &files;
    let files = DirectoryFiles {
        areas: read(areas)?,
        people: read(people)?,
        catalogue: read(catalogue)?,
        checklists: read(checklists)?,
        calendar: read(calendar)?,
    };
    load_directory(&config, &files).map_err(|error| error.to_string())?;
    println!("已载入 loaded into {}", config.data.display());
    Ok(())
}

fn import_requests(
    settings: Settings,
    file: &Path,
    mapping: &Path,
    by: PersonId,
) -> Result<(), String> {
    let config = settings.read()?;
    start_logging(&config)?;
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let meaning: Mapping = serde_json::from_slice(&read(mapping)?)
        .map_err(|error| format!("{}: {error}", mapping.display()))?;
    let lines = import::read(&read(file)?, &meaning).map_err(|error| error.to_string())?;
    let mut offline = Offline::open(&config).map_err(|error| error.to_string())?;
    let imported = import::take_in_now(&mut offline.sequencer, lines, &by);
    let imported = imported.map_err(|error| error.to_string())?;
    println!(
        "新立案卷 new cases: {}, 已有 known: {}, 其中有补充 with news: {}, 有误的行 bad lines: {}",
        imported.begun,
        imported.known + imported.added,
        imported.added,
        imported.bad.len()
    );
    if imported.bad.is_empty() {
        return Ok(());
    }
    let bad = imported.bad.iter();
    let bad: Vec<String> = bad
        .map(|(line, problem)| format!("第 {line} 行 line {line}: {problem}"))
        .collect();
    Err(format!(
        "其余各行均已入卷 all other lines are in the log\n{}",
        bad.join("\n")
    ))
}

fn backup(settings: Settings, to: &Path) -> Result<(), String> {
    let config = settings.read()?;
    start_logging(&config)?;
    let backup = back_up(&config.database(), to).map_err(|error| error.to_string())?;
    println!(
        "已备份到 backed up to {}: 第 {} 纪元 epoch, 日志 {} 条 log entries, {} 字节 bytes",
        to.display(),
        backup.head.epoch,
        backup.head.seq,
        backup.bytes
    );
    println!(
        "签名密钥、删除台账、注销台账、写入者台账与纪元不在其中，请另行保管 not in it, so keep copies elsewhere: \
         {}, {}, {}, {}, {}",
        config.key_file().display(),
        config.erased_file().display(),
        config.revoked_file().display(),
        config.actors_file().display(),
        config.epoch_file().display()
    );
    println!(
        "照片等文件不在其中，请随后复制其目录 photos and other files are not in it, so copy their folder now: {}",
        config.files_folder().display()
    );
    if !backup.noted {
        println!(
            "数据库已被更换，手机不会据此清理 the database was replaced meanwhile: phones keep \
             what left their scope"
        );
    }
    Ok(())
}

fn keys(settings: Settings, what: Keys) -> Result<(), String> {
    let config = settings.read()?;
    start_logging(&config)?;
    let file = config.key_file();
    let mut entropy = SystemEntropy;
    let keys = match what {
        Keys::Show if !file.exists() => Err(KeyError::NoKey { path: file.clone() }),
        Keys::Show => ServerKeys::load_or_create(&file, &mut entropy),
        Keys::Rotate => {
            let _folder = FolderLock::take(&config.data).map_err(|error| error.to_string())?;
            ServerKeys::rotate(&file, &mut entropy, SystemClock.now_ms())
        }
    };
    let keys = keys.map_err(|error| error.to_string())?;
    let signer = SealSigner::new(&config.district, &keys.current, &keys.former)
        .map_err(|error| error.to_string())?;
    println!("{}", signer.public());
    if matches!(what, Keys::Rotate) {
        println!(
            "已换钥，旧密钥不复存在；请公布新公钥，并另行保管 the key was changed and the old one is gone: publish the \
             new public key, and keep copies of {} and {}",
            file.display(),
            successions_of(&file).display()
        );
    }
    Ok(())
}

fn check(settings: Settings) -> Result<(), String> {
    let config = settings.read()?;
    start_logging(&config)?;
    let mut tell = |damage: Damage| {
        println!(
            "第 {} 条 entry {}  记录 record {}：{} {} {}",
            damage.seq,
            damage.seq,
            damage.record,
            damage.differs.zh(),
            damage.differs,
            damage.differs.code(),
        );
    };
    let audited = SqliteStore::audit_file(&config.database(), &mut tell)
        .map_err(|error| error.to_string())?;
    println!(
        "已核对 checked: {} 条日志 log entries, {} 项变更 changes, {} 条在散列树内 in the tree, {} 个封签 \
         seals, {} 次纪元更替 epochs begun",
        audited.entries, audited.changes, audited.tree, audited.seals, audited.epochs
    );
    match audited.damages {
        0 => {
            println!("日志完好 the log is sound");
            Ok(())
        }
        damages => Err(format!(
            "发现 {damages} 处损坏，请从备份恢复 {damages} damages were found: restore a backup (gridlog-server \
             restore), and phones give back what came after it"
        )),
    }
}

fn restore(settings: Settings, from: &Path, replace: bool) -> Result<(), String> {
    let config = settings.read()?;
    start_logging(&config)?;
    let around = (
        &SystemClock as &dyn Clock,
        &mut SystemEntropy as &mut dyn Entropy,
    );
    let restored = crate::restore::restore(&config, from, replace, around)
        .map_err(|error| error.to_string())?;
    println!(
        "已从备份恢复 restored {} into {}: 备份至第 {} 条 through log entry {}, 进入第 {} 纪元 now \
         epoch {}",
        from.display(),
        config.database().display(),
        restored.backup.seq,
        restored.backup.seq,
        restored.head.epoch,
        restored.head.epoch
    );
    if let Some(aside) = &restored.aside {
        println!(
            "原数据库已移至 the database that was there is now {}",
            aside.display()
        );
    }
    if restored.erased > 0 {
        println!(
            "已再次删除 {} 条记录 records erased again: {}",
            restored.erased, restored.erased
        );
    }
    if !config.key_file().exists() {
        println!(
            "签名密钥不在 {}，请先放回再启动，否则手机不再信任本服务器 the signing key is missing: put \
             it back before the server starts, or no phone trusts it",
            config.key_file().display()
        );
    }
    println!("手机下次同步时归还备份之后的内容 phones give back the rest when they sync next");
    Ok(())
}
