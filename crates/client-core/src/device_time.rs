//! The device's clock against the server's (DESIGN section 10).
//!
//! Every act carries the offset that the last sync measured. A clock that was set since makes that
//! offset worthless, so the offset is dropped until the next sync and acts are flagged. Only a wall
//! clock is injected here, and it shows a jump only when it goes back: a reading more than
//! [`TOLERANCE_MS`] before the last one that the store remembers. A jump forward looks like time
//! that passed; the server's clamp between pull and receipt bounds what it can do, and what then seems to lie
//! after its receipt is flagged ([`gridlog_domain::time`]).

use gridlog_domain::environment::Clock;
use rusqlite::Connection;

use crate::error::PhoneError;
use crate::store::meta;

/// How far back a clock may be adjusted by the network before it counts as a jump, milliseconds.
const TOLERANCE_MS: i64 = 5_000;

/// Longer than this no exchange takes, milliseconds: the server and the transport both give up before.
/// A clock that says so was set meanwhile.
const LONGEST_EXCHANGE_MS: i64 = 120_000;

/// What the device knows about now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Device time, milliseconds since the Unix epoch.
    pub(crate) now_ms: i64,
    /// Server time minus device time; `None` if unknown.
    pub(crate) offset_ms: Option<i64>,
}

impl Moment {
    /// The server's time, as far as it is known: what lists are sorted by, so that a phone whose clock
    /// is years off sorts its records among those of others.
    pub(crate) fn server_ms(self) -> i64 {
        self.now_ms.saturating_add(self.offset_ms.unwrap_or(0))
    }
}

/// Reads the clock.
pub(crate) fn read(connection: &Connection, clock: &dyn Clock) -> Result<Moment, PhoneError> {
    // The Unix epoch is the earliest time that a change can carry.
    let now_ms = clock.now_ms().max(0);
    let last = meta::LAST_SEEN_MS.get(connection)?.unwrap_or(now_ms);
    let went_back = now_ms.saturating_add(TOLERANCE_MS) < last;
    let offset_ms = meta::CLOCK_OFFSET.get(connection)?;
    Ok(Moment {
        now_ms,
        offset_ms: offset_ms.filter(|_| !went_back),
    })
}

/// Reads the clock, and remembers the reading.
pub(crate) fn now(connection: &Connection, clock: &dyn Clock) -> Result<Moment, PhoneError> {
    let moment = read(connection, clock)?;
    if moment.offset_ms.is_none() {
        meta::CLOCK_OFFSET.clear(connection)?;
    }
    meta::LAST_SEEN_MS.set(connection, moment.now_ms)?;
    Ok(moment)
}

/// Measures the offset by one exchange: the server's time belongs to its middle. Over one during which
/// the clock was set, nothing can be measured.
pub(crate) fn measure(
    connection: &Connection,
    asked_ms: i64,
    answered_ms: i64,
    server_ms: i64,
) -> Result<(), PhoneError> {
    meta::LAST_SEEN_MS.set(connection, answered_ms)?;
    let took = answered_ms.saturating_sub(asked_ms);
    if !(0..=LONGEST_EXCHANGE_MS).contains(&took) {
        return meta::CLOCK_OFFSET.clear(connection);
    }
    let middle = asked_ms.saturating_add(took / 2);
    meta::CLOCK_OFFSET.set(connection, server_ms.saturating_sub(middle))
}
