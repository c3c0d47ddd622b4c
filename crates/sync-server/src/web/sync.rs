//! `POST /v1/sync`: push, ask and pull in one request (DESIGN section 7).

use std::cell::RefCell;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use gridlog_domain::id::DeviceId;
use gridlog_protocol::limits::MAX_WIRE_BYTES;
use gridlog_protocol::{Digest, ProtocolError};

use super::app::App;
use super::authentication::OfSyncingDevice;
use super::error::ApiError;
use crate::exchange::{Asker, Hands, Work};
use crate::fairness::Core;
use crate::ingest::{GivenBack, OfficeError};
use crate::store::{ItemStatus, NewItem, StoreError};

/// The handler.
pub(super) async fn sync(
    State(app): State<App>,
    OfSyncingDevice { of, turn, is_late }: OfSyncingDevice,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = body.map_err(|_| ProtocolError::TooLarge {
        limit: MAX_WIRE_BYTES,
    })?;
    let answer = app
        .work(move |app| {
            // Also if the device hangs up, the request is under way until it is answered.
            let _turn = turn;
            if is_late {
                app.require_late_push(&of)?;
            }
            let asker = Asker {
                device: of.device,
                person: of.person,
            };
            app.let_ask(asker.device, Work::of_body(body.len()))?;
            let now = || app.now_ms();
            let hands = Threads {
                app,
                device: asker.device,
                core: RefCell::new(app.cores.take()),
            };
            Ok(app.exchange.answer(&asker, &body, &hands, &now)?)
        })
        .await?;
    let cbor = HeaderValue::from_static("application/cbor");
    Ok(([(header::CONTENT_TYPE, cbor)], answer).into_response())
}

/// Threads that keep and decide. While the request waits for them, others work.
struct Threads<'a> {
    app: &'a App,
    device: DeviceId,
    core: RefCell<Core>,
}

impl Threads<'_> {
    fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.core.borrow_mut().lend(wait)
    }
}

/// What the sequencer's thread answers, in the words of a store.
fn of_store(error: OfficeError) -> StoreError {
    match error {
        OfficeError::Store(error) => error,
        _ => StoreError::Poisoned,
    }
}

impl Hands for Threads<'_> {
    fn receive(&self, items: Vec<NewItem>) -> Result<Vec<ItemStatus>, StoreError> {
        self.waiting(|| self.app.receiver.receive(items))
    }

    fn await_decisions(&self, items: &[Digest]) -> Result<(), StoreError> {
        self.app.sequencer.wake();
        let limit_ms = self.app.config.ruling_wait_ms;
        if self.app.sequencer.backlog().lasts_ms() > limit_ms {
            // They will not be there in time, and others want the place.
            return Ok(());
        }
        let limit = Duration::from_millis(limit_ms);
        self.waiting(|| {
            self.app.sequencer.wait_until(limit, || {
                // Every round wakes everybody: they look one after the other.
                let _core = self.app.cores.take();
                let statuses = self.app.store.item_statuses(items)?;
                Ok(!statuses.contains(&Some(ItemStatus::Received)))
            })
        })
    }

    fn take_back(&self, given: Vec<GivenBack>) -> Result<u64, StoreError> {
        self.waiting(|| self.app.sequencer.take_back(given))
            .map_err(of_store)
    }

    fn begin_epoch(&self, current: u64, next: u64) -> Result<(), StoreError> {
        self.waiting(|| self.app.sequencer.begin_epoch(current, next))
            .map_err(of_store)
    }

    fn charge(&self, work: Work) {
        let now_ms = self.app.now_ms();
        self.app.allowances.charge(self.device, work, now_ms);
    }

    fn wait_ms(&self, device: DeviceId) -> Option<u64> {
        let threshold = self.app.config.busy_after_items;
        self.app.sequencer.backlog().wait_ms(device, threshold)
    }
}
