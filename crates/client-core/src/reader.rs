//! Who reads a list, and when: what rows say of the person and of time.

use std::sync::Arc;

use gridlog_domain::workflow::{CaseState, Urgency};
use rusqlite::Connection;

use crate::device_time;
use crate::error::PhoneError;
use crate::identity;
use crate::phone::Inner;
use crate::reference::Reference;

/// The reader.
pub(crate) struct Reader {
    /// The id of the phone's person; empty before enrolment.
    pub(crate) me: String,
    reference: Arc<Reference>,
    now_ms: i64,
}

impl Inner {
    /// Who reads now.
    pub(crate) fn reader(&self, connection: &Connection) -> Result<Reader, PhoneError> {
        let identity = identity::read(connection)?;
        let me = identity.map(|identity| identity.person.id.as_str().to_owned());
        Ok(Reader {
            me: me.unwrap_or_default(),
            reference: self.reference(connection)?,
            now_ms: device_time::read(connection, self.clock.as_ref())?.server_ms(),
        })
    }
}

impl Reader {
    /// How urgent a case is, its state being JSON.
    pub(crate) fn urgency(&self, state: &str) -> Option<Urgency> {
        let state: CaseState = serde_json::from_str(state).ok()?;
        let shares = self
            .reference
            .catalogue()
            .map(|catalogue| catalogue.limits.lights);
        let timetable = self.reference.timetable()?;
        state.urgency(timetable, shares.unwrap_or_default(), self.now_ms)
    }
}
