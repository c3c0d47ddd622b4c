//! What HTTP adds to the engines: who may ask, and what they get.

mod custody;
mod days;
mod figures;
mod files;
mod intake;
mod open311;
mod review;
mod seals;
mod search;
mod sign_in;
mod triage;
mod writing;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use gridlog_domain::environment::{Clock, SeededEntropy};
use gridlog_domain::id::DeviceId;
use gridlog_merge_guard::Limits;
use serde_json::Value;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use super::app::EntropySource;
use super::{App, FileDoor, Parts, router};
use crate::config::Config;
use crate::fairness::{Allowances, Cores, UnderWay};
use crate::identity::{Bearer, Passwords, Tokens};
use crate::ingest::{Receiver, Sequencer, SequencerService, Upkeep};
use crate::live::Live;
use crate::outside::Outside;
use crate::town::{NOW, Town};

struct At(i64);

impl Clock for At {
    fn now_ms(&self) -> i64 {
        self.0
    }
}

/// Random sources, each from the next seed.
fn seeds() -> EntropySource {
    let next = AtomicU64::new(100);
    Box::new(move || Box::new(SeededEntropy::new(next.fetch_add(1, Ordering::Relaxed))))
}

/// The town's server as the network sees it. Its own sequencer works from here on, not the town's.
struct Site {
    app: App,
    sequencer: Option<SequencerService>,
}

impl Site {
    fn over(town: &Town) -> Self {
        Self::set_up(town, Config::default())
    }

    fn set_up(town: &Town, config: Config) -> Self {
        let config = Config {
            data: town.folder.path().to_owned(),
            ..config
        };
        let outside: Arc<dyn Outside> = Arc::new(config.outside());
        let sequencer = Sequencer::new(
            town.store.clone(),
            town.directory.clone(),
            Limits::default(),
            [4; 16],
        )
        .beside(Arc::clone(&outside));
        let clock: Arc<dyn Clock> = Arc::new(At(town.now.get()));
        let upkeep = Upkeep::default();
        let sequencer =
            SequencerService::start(sequencer, Arc::clone(&clock), upkeep, |_| {}).unwrap();
        let mut entropy = SeededEntropy::new(8);
        let app = App::new(Parts {
            exchange: town.exchange(),
            seals: crate::seals::SealSigner::new("430111", &town.key, &town.former).unwrap(),
            store: town.store.clone(),
            outside,
            directory: town.directory.clone(),
            receiver: Receiver::start(town.store.clone()).unwrap(),
            sequencer: sequencer.handle(),
            tokens: Tokens::new(&town.key, &town.former.keys).unwrap(),
            passwords: Mutex::new(Passwords::new(&mut entropy).unwrap()),
            passwords_waiting: Semaphore::new(1),
            clock: Arc::clone(&clock),
            entropy: seeds(),
            places: Arc::new(Semaphore::new(4)),
            threads: Arc::new(Semaphore::new(4)),
            attempts: Mutex::new(HashMap::new()),
            live: Live::new(4),
            under_way: UnderWay::default(),
            cores: Cores::default(),
            allowances: Allowances::new(config.allowance()),
            file_door: FileDoor::open(&config, town.store.clone(), Arc::clone(&clock)).unwrap(),
            config,
        });
        Self {
            app,
            sequencer: Some(sequencer),
        }
    }

    /// A session of an office, or a device's token.
    fn token(&self, person: &str, device: Option<DeviceId>) -> String {
        let bearer = Bearer {
            person: person.into(),
            device,
        };
        self.app.tokens.issue(&bearer, NOW, 1 << 40).unwrap()
    }

    /// The status and the JSON that a request gets.
    fn ask(&self, method: Method, path: &str, token: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let response = router(self.app.clone()).oneshot(request).await.unwrap();
            let status = response.status();
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
        })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(sequencer) = self.sequencer.take() {
            sequencer.stop();
        }
    }
}

fn code(answer: &(StatusCode, Value)) -> (u16, &str) {
    (answer.0.as_u16(), answer.1["code"].as_str().unwrap_or(""))
}
