//! The server as a whole: its parts put together, started and stopped.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::serve::ListenerExt as _;
use gridlog_domain::environment::{Clock, Entropy};
use gridlog_merge_guard::Limits;
use gridlog_proof::ProofError;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::backup::create_private;
use crate::config::Config;
use crate::directory::{Directory, ImportError, SharedDirectory, read_areas, read_people};
use crate::environment::{SystemClock, SystemEntropy};
use crate::exchange::{Exchange, PageSize};
use crate::fairness::{Allowances, Cores, UnderWay};
use crate::files::{Collector, ShelfError};
use crate::folder::{FolderError, FolderLock};
use crate::identity::{PasswordError, Passwords, TokenError, Tokens, claim_again, revoke_again};
use crate::idle::IdleThread;
use crate::ingest::{Receiver, Sequencer, SequencerService, Threads, Upkeep};
use crate::keys::{KeyError, ServerKeys};
use crate::live::Live;
use crate::outside::Outside;
use crate::restore::is_unfinished;
use crate::seals::SealSigner;
use crate::snapshotter::Snapshotter;
use crate::store::{SqliteStore, Store, StoreError};
use crate::web::office::{hash_passwords, read_part};
use crate::web::{App, FileDoor, PASSWORDS_WAITING, Parts, router};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data folder, a thread or the address.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody else works on the data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A restore ended half way.
    #[error("a restore of {0} was not finished; run it again")]
    UnfinishedRestore(PathBuf),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where files lie.
    #[error(transparent)]
    Files(#[from] ShelfError),
    /// The signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Seals cannot be signed: the district's code has a space or a `+`.
    #[error("the district's code cannot be in a seal: {0}")]
    Seal(#[from] ProofError),
    /// Tokens cannot be made with the key.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Passwords cannot be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A file of the directory.
    #[error("{file}: {source}")]
    Import {
        /// Which file.
        file: &'static str,
        /// What is wrong with it.
        source: ImportError,
    },
    /// A part of the reference data.
    #[error("{0}")]
    Part(String),
}

fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> ServerError {
    move |source| ServerError::System { what, source }
}

/// A server that is ready to serve.
pub struct Server {
    app: App,
    sequencer: SequencerService,
    idle: Option<IdleThread>,
    collector: JoinHandle<()>,
    listener: TcpListener,
    _folder: FolderLock,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the store, erases again what a backup brought back, decides on what an earlier run left in
    /// the inbox, and binds the address.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        Self::start_by(Arc::new(SystemClock), config).await
    }

    /// The same by another clock than the system's.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn start_by(clock: Arc<dyn Clock>, config: Config) -> Result<Self, ServerError> {
        let folder = FolderLock::take(&config.data)?;
        let database = config.database();
        if is_unfinished(&database) {
            return Err(ServerError::UnfinishedRestore(database));
        }
        let mut entropy = SystemEntropy;
        let keys = ServerKeys::load_or_create(&config.key_file(), &mut entropy)?;
        let (key, former) = (keys.current, keys.former);
        let store: Arc<dyn Store> = Arc::new(open_private(&database)?);
        let directory = SharedDirectory::new(Directory::load(&*store)?);
        let outside: Arc<dyn Outside> = Arc::new(config.outside());
        let mut actor = [0; 16];
        entropy.fill(&mut actor);
        let mut sequencer = Sequencer::new(
            Arc::clone(&store),
            directory.clone(),
            Limits::default(),
            actor,
        )
        .beside(Arc::clone(&outside))
        .within(config.round_bounds())
        .patient_for(config.restore_grace_ms())
        .with_workers(Arc::new(Threads::default()));
        claim_again(&*store, &*outside, actor, clock.now_ms())?;
        revoke_again(&*store, &*outside)?;
        settle(&mut sequencer, clock.now_ms(), config.archive_after_ms())?;
        let upkeep = Upkeep {
            archive_after_ms: config.archive_after_ms(),
        };
        let live = Live::new(config.max_live);
        let told = live.clone();
        let publish = move |news| told.publish(news);
        let sequencer = SequencerService::start(sequencer, Arc::clone(&clock), upkeep, publish)
            .map_err(system("start the sequencer"))?;
        tokio::spawn(live.clone().run(directory.clone(), Arc::clone(&clock)));
        let receiver = Receiver::start(Arc::clone(&store)).map_err(system("start the receiver"))?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(system("listen on the address"))?;
        let places = Arc::new(Semaphore::new(config.max_requests));
        let idle = match config.snapshot_after_changes {
            0 => None,
            changes => {
                let snapshotter = Snapshotter::new(Arc::clone(&store), changes);
                let places = Arc::clone(&places);
                let idle = IdleThread::start(snapshotter, places, config.max_requests);
                Some(idle.map_err(system("start the idle thread"))?)
            }
        };
        let file_door = FileDoor::open(&config, Arc::clone(&store), Arc::clone(&clock))?;
        let collector =
            Collector::new(file_door.files.clone(), config.files.keep_unreferenced_ms());
        let collector = tokio::spawn(collector.run(Arc::clone(&clock)));
        let app = App::new(Parts {
            exchange: Exchange {
                store: Arc::clone(&store),
                outside: Arc::clone(&outside),
                directory: directory.clone(),
                key: key.clone(),
                former: former.clone(),
                limits: Limits::default(),
                page: PageSize::default(),
            },
            seals: SealSigner::new(&config.district, &key, &former)?,
            store,
            outside,
            directory,
            receiver,
            sequencer: sequencer.handle(),
            tokens: Tokens::new(&key, &former.keys)?,
            passwords: Mutex::new(Passwords::new(&mut entropy)?),
            passwords_waiting: Semaphore::new(PASSWORDS_WAITING),
            clock,
            entropy: Box::new(|| Box::new(SystemEntropy)),
            threads: Arc::new(Semaphore::new(config.max_requests)),
            places,
            attempts: Mutex::new(HashMap::new()),
            live,
            under_way: UnderWay::default(),
            cores: Cores::default(),
            allowances: Allowances::new(config.allowance()),
            file_door,
            config,
        });
        Ok(Self {
            app,
            sequencer,
            idle,
            collector,
            listener,
            _folder: folder,
        })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// [`ServerError::System`].
    pub fn address(&self) -> Result<SocketAddr, ServerError> {
        self.listener
            .local_addr()
            .map_err(system("read the address"))
    }

    /// Serves until `stop` is ready, then ends the lines of devices that listen and finishes the
    /// requests that are under way and the round that is being decided.
    ///
    /// # Errors
    /// [`ServerError::System`].
    pub async fn serve(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServerError> {
        let live = self.app.live.clone();
        let stop = async move {
            stop.await;
            live.close();
        };
        // A file is sent in pieces: the last one must not wait until the one before is acknowledged.
        let listener = self.listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its delay");
            }
        });
        let served = axum::serve(listener, router(self.app))
            .with_graceful_shutdown(stop)
            .await
            .map_err(system("serve"));
        self.collector.abort();
        let (sequencer, idle) = (self.sequencer, self.idle);
        let stop = move || {
            if let Some(idle) = idle {
                idle.stop();
            }
            sequencer.stop();
        };
        if tokio::task::spawn_blocking(stop).await.is_err() {
            tracing::error!("the server's threads did not stop cleanly");
        }
        served
    }
}

/// Opens the database, which only the server's own account may read: it holds what residents said.
fn open_private(database: &Path) -> Result<SqliteStore, ServerError> {
    if !database.exists() {
        create_private(database).map_err(system("create the database"))?;
    }
    Ok(SqliteStore::open(database)?)
}

/// Most cases that leave the phones before the server serves.
const LEAVING_AT_START: usize = 1_024;

/// What must be so before anybody is served.
fn settle(
    sequencer: &mut Sequencer,
    now_ms: i64,
    archive_after_ms: Option<i64>,
) -> Result<(), StoreError> {
    sequencer.require_newest_epoch(now_ms)?;
    sequencer.erase_again(now_ms)?;
    if let Some(older_than_ms) = archive_after_ms {
        sequencer.archive_closed(now_ms, older_than_ms, LEAVING_AT_START)?;
    }
    Ok(())
}

/// A district's log, opened by a command while no server runs.
pub(crate) struct Offline {
    /// Writes in it.
    pub(crate) sequencer: Sequencer,
    _folder: FolderLock,
}

impl Offline {
    /// Opens it as a server does at its start.
    pub(crate) fn open(config: &Config) -> Result<Self, ServerError> {
        let folder = FolderLock::take(&config.data)?;
        let database = config.database();
        if is_unfinished(&database) {
            return Err(ServerError::UnfinishedRestore(database));
        }
        let store: Arc<dyn Store> = Arc::new(open_private(&database)?);
        let directory = SharedDirectory::new(Directory::load(&*store)?);
        let outside: Arc<dyn Outside> = Arc::new(config.outside());
        let mut actor = [0; 16];
        SystemEntropy.fill(&mut actor);
        let now_ms = SystemClock.now_ms();
        let limits = Limits::default();
        let mut sequencer = Sequencer::new(Arc::clone(&store), directory, limits, actor)
            .beside(Arc::clone(&outside))
            .within(config.round_bounds());
        claim_again(&*store, &*outside, actor, now_ms)?;
        revoke_again(&*store, &*outside)?;
        settle(&mut sequencer, now_ms, config.archive_after_ms())?;
        Ok(Self {
            sequencer,
            _folder: folder,
        })
    }
}

/// The files of a directory, read whole.
#[derive(Debug, Default, Clone)]
pub struct DirectoryFiles {
    /// CSV of areas.
    pub areas: Option<Vec<u8>>,
    /// CSV of people.
    pub people: Option<Vec<u8>>,
    /// JSON of the catalogue.
    pub catalogue: Option<Vec<u8>>,
    /// JSON of the checklists.
    pub checklists: Option<Vec<u8>>,
    /// JSON of the calendar.
    pub calendar: Option<Vec<u8>>,
}

/// Loads a directory into a store while no server runs on it, for the first start.
///
/// # Errors
/// [`ServerError`]; files before the bad one are loaded.
pub fn load_directory(config: &Config, files: &DirectoryFiles) -> Result<(), ServerError> {
    let _folder = FolderLock::take(&config.data)?;
    let store = open_private(&config.database())?;
    if let Some(file) = &files.areas {
        let areas = read_areas(file).map_err(|source| ServerError::Import {
            file: "areas",
            source,
        })?;
        store.put_areas(&areas)?;
    }
    if let Some(file) = &files.people {
        let areas = Directory::load(&store)?.areas;
        let people = read_people(file, &areas).map_err(|source| ServerError::Import {
            file: "people",
            source,
        })?;
        let hash = |password: &str| Passwords::hash(password, &mut SystemEntropy);
        store.put_people(&hash_passwords(people, hash)?)?;
    }
    use gridlog_domain::reference::Part;
    let parts = [
        (Part::Catalogue, &files.catalogue),
        (Part::Checklists, &files.checklists),
        (Part::Calendar, &files.calendar),
    ];
    for (kind, file) in parts {
        if let Some(json) = file {
            let part =
                read_part(kind, json).map_err(|error| ServerError::Part(error.to_string()))?;
            store.put_part(&part)?;
        }
    }
    Ok(())
}
