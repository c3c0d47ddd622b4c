//! `gridlog-server`: serve a district, or load its directory.
#![allow(
    clippy::print_stdout,
    reason = "the address it listens on is its answer to the caller"
)]

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::Config;
use crate::server::{DirectoryFiles, Server, load_directory};

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
}

#[derive(Args)]
struct Settings {
    /// TOML file; GRIDLOG_SERVER_… environment variables override it.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Folder of the database.
    #[arg(long)]
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
    gridlog_merge_guard::quiet_panics();
    let result = match Arguments::parse().command {
        Command::Serve { settings, listen } => serve(settings, listen),
        Command::Load {
            settings,
            areas,
            people,
            catalogue,
            checklists,
            calendar,
        } => load(settings, [areas, people, catalogue, checklists, calendar]),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            // The log may be filtered; the reason for not starting must be seen.
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

fn serve(settings: Settings, listen: Option<std::net::SocketAddr>) -> Result<(), String> {
    let mut config = settings.read()?;
    if let Some(listen) = listen {
        config.listen = listen;
    }
    start_logging(&config)?;
    tracing::info!(?config, key_file = %config.key_file().display(), "configuration");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let server = Server::start(config)
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
