//! The server as a whole: its parts put together, started and stopped.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gridlog_domain::environment::{Clock, Entropy};
use gridlog_merge_guard::Limits;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::directory::{Directory, ImportError, SharedDirectory, read_areas, read_people};
use crate::environment::{SystemClock, SystemEntropy};
use crate::exchange::Exchange;
use crate::identity::{PasswordError, Passwords, TokenError, Tokens};
use crate::ingest::{Receiver, Sequencer, SequencerService};
use crate::keys::{KeyError, load_or_create};
use crate::store::{SqliteStore, Store, StoreError};
use crate::web::office::{hash_passwords, read_part};
use crate::web::{App, Parts, router};

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
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
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
    listener: TcpListener,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the store, decides on what an earlier run left in the inbox, and binds the address.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        std::fs::create_dir_all(&config.data).map_err(system("create the data folder"))?;
        let mut entropy = SystemEntropy;
        let key = load_or_create(&config.key_file(), &mut entropy)?;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&config.database())?);
        let directory = SharedDirectory::new(Directory::load(&*store)?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut actor = [0; 16];
        entropy.fill(&mut actor);
        let sequencer = Sequencer::new(
            Arc::clone(&store),
            directory.clone(),
            Limits::default(),
            actor,
        );
        let sequencer = SequencerService::start(sequencer, Arc::clone(&clock), |head| {
            tracing::debug!(head, "published");
        })
        .map_err(system("start the sequencer"))?;
        let receiver = Receiver::start(Arc::clone(&store)).map_err(system("start the receiver"))?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(system("listen on the address"))?;
        let app = App::new(Parts {
            exchange: Exchange {
                store: Arc::clone(&store),
                directory: directory.clone(),
                key: key.clone(),
                limits: Limits::default(),
            },
            store,
            directory,
            receiver,
            sequencer: sequencer.handle(),
            tokens: Tokens::new(&key)?,
            passwords: Passwords::new(&mut entropy)?,
            clock,
            entropy: Mutex::new(Box::new(entropy)),
            places: Arc::new(Semaphore::new(config.max_requests)),
            attempts: Mutex::new(HashMap::new()),
            config,
        });
        Ok(Self {
            app,
            sequencer,
            listener,
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

    /// Serves until `stop` is ready, then finishes the requests that are under way and the round
    /// that is being decided.
    ///
    /// # Errors
    /// [`ServerError::System`].
    pub async fn serve(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServerError> {
        let served = axum::serve(self.listener, router(self.app))
            .with_graceful_shutdown(stop)
            .await
            .map_err(system("serve"));
        let sequencer = self.sequencer;
        let stopped = tokio::task::spawn_blocking(move || sequencer.stop()).await;
        if stopped.is_err() {
            tracing::error!("the sequencer did not stop cleanly");
        }
        served
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
    std::fs::create_dir_all(&config.data).map_err(system("create the data folder"))?;
    let store = SqliteStore::open(&config.database())?;
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
