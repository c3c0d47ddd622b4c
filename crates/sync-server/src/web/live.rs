//! `GET /v1/live`: server-sent events that say when there is something to pull, and nothing else.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderName;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

use super::app::App;
use super::authentication::OfDeviceInTurn;
use super::error::ApiError;
use crate::exchange::Work;
use crate::live::{Heard, Line, Wake};

/// A comment keeps the line open, this often.
const KEEP_ALIVE: Duration = Duration::from_secs(25);
/// After this time the device opens a new line, which finds those that nobody listens to any more.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// How long after its line ended a device comes back, in milliseconds: spread, so that not all come
/// at once.
const COMES_BACK_MS: (u64, u64) = (1_000, 30_000);
/// Asks proxies of the nginx family to pass events on as they come.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// Up to where the device has pulled.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pulled {
    epoch: u64,
    seq: u64,
}

/// The handler.
pub(super) async fn live(
    State(app): State<App>,
    OfDeviceInTurn { of, turn }: OfDeviceInTurn,
    pulled: Result<Query<Pulled>, QueryRejection>,
) -> Result<Response, ApiError> {
    // Who does not say it well is told once more than necessary.
    let Query(pulled) = pulled.unwrap_or_default();
    let enabled = app
        .directory
        .now()
        .person(&of.person)
        .is_some_and(|person| person.enabled);
    let device = of.device;
    app.let_ask(device, Work::of_body(0))?;
    let found = app.work(move |app| Ok(app.store.device(device)?)).await?;
    let known = found.ok_or(ApiError::UnknownDevice)?;
    if !enabled || known.revoked_ms.is_some() || known.person != of.person {
        return Err(ApiError::Forbidden);
    }
    // Opened before the log is read: what is published in between is heard.
    let line = app.live.open(device, of.person).map_err(|_| app.busy())?;
    let head = app.work(|app| Ok(app.store.head()?)).await?;
    drop(turn);
    let begins_at = Wake {
        epoch: head.epoch,
        seq: head.seq,
        directory: false,
    };
    let is_behind = (head.epoch, head.seq) != (pulled.epoch, pulled.seq);
    let listening = Listening {
        line,
        begins_at,
        is_behind,
        ends: Instant::now() + LONGEST,
        comes_back: Duration::from_millis(app.random_between(COMES_BACK_MS)),
    };
    let events = Sse::new(events(listening)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(([UNBUFFERED], events).into_response())
}

/// Where a line is.
struct Listening {
    line: Line,
    /// Where the log stood when it was opened.
    begins_at: Wake,
    /// Whether the device has not pulled that, and was not told yet.
    is_behind: bool,
    ends: Instant,
    comes_back: Duration,
}

impl Listening {
    /// What there is to say next.
    async fn next(&mut self) -> Heard {
        if std::mem::take(&mut self.is_behind) {
            return Heard::Wake(self.begins_at);
        }
        loop {
            let heard = tokio::select! {
                heard = self.line.hear() => heard,
                () = sleep_until(self.ends) => Heard::Closing,
            };
            match heard {
                Heard::Wake(wake) if self.is_old(wake) => {}
                heard => return heard,
            }
        }
    }

    /// Whether a wake is of before the line was opened: what commits make known is told a moment later.
    fn is_old(&self, wake: Wake) -> bool {
        let begins_at = self.begins_at;
        !wake.directory && wake.epoch == begins_at.epoch && wake.seq <= begins_at.seq
    }
}

/// The events of a line, until it ends.
fn events(listening: Listening) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(Some(listening), |listening| async {
        let mut listening = listening?;
        match listening.next().await {
            Heard::Wake(wake) => Some((Ok(woken(wake)), Some(listening))),
            Heard::Closing => Some((Ok(Event::default().retry(listening.comes_back)), None)),
            Heard::Over => None,
        }
    })
}

fn woken(wake: Wake) -> Event {
    let (epoch, seq) = (wake.epoch, wake.seq);
    let directory = if wake.directory {
        r#","directory":true"#
    } else {
        ""
    };
    let data = format!(r#"{{"epoch":{epoch},"seq":{seq}{directory}}}"#);
    Event::default().event("wake").data(data)
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use gridlog_domain::id::DeviceId;

    use super::*;
    use crate::live::Live;

    async fn text(
        events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
    ) -> String {
        let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
        let body = to_bytes(sse.into_response().into_body(), 1 << 20).await;
        String::from_utf8(body.unwrap().to_vec()).unwrap()
    }

    fn line(live: &Live) -> Line {
        live.open(DeviceId::from_bytes([1; 16]), "W1".into())
            .unwrap()
    }

    const OPENED: Wake = Wake {
        epoch: 2,
        seq: 40,
        directory: false,
    };

    fn listening(line: Line, is_behind: bool) -> Listening {
        Listening {
            line,
            begins_at: OPENED,
            is_behind,
            ends: Instant::now() + LONGEST,
            comes_back: Duration::from_secs(7),
        }
    }

    #[tokio::test]
    async fn what_a_line_began_with_is_not_said_again_when_it_is_made_known_late() {
        let live = Live::new(1);
        let listening = listening(line(&live), false);
        let wake = |epoch, seq, directory| Wake {
            epoch,
            seq,
            directory,
        };
        for old in [wake(2, 39, false), OPENED] {
            assert!(listening.is_old(old));
        }
        for new in [wake(2, 41, false), wake(3, 1, false), wake(2, 40, true)] {
            assert!(!listening.is_old(new));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_is_kept_open_and_ends_with_when_to_come_back() {
        let live = Live::new(1);
        let began = Instant::now();
        let said = text(events(listening(line(&live), true))).await;
        assert_eq!(began.elapsed(), LONGEST);
        let said = said.strip_prefix("event: wake\ndata: {\"epoch\":2,\"seq\":40}\n\n");
        let kept_open = said.unwrap().strip_suffix("retry: 7000\n\n").unwrap();
        let comments = kept_open.matches(":\n\n").count();
        assert_eq!(kept_open.len(), comments * 3);
        assert!((70..=72).contains(&comments), "{comments}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_whose_place_is_taken_ends_without_a_word() {
        let live = Live::new(1);
        let older = line(&live);
        let _newer = line(&live);
        assert_eq!(text(events(listening(older, false))).await, "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_says_when_to_come_back() {
        let live = Live::new(1);
        let open = line(&live);
        live.close();
        let said = text(events(listening(open, false))).await;
        assert_eq!(said, "retry: 7000\n\n");
    }
}
