//! Finding records that this phone does not hold, such as cases that left the phones after they were
//! over (DESIGN section 7: retention), by asking the server.

use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::record::Kind;
use gridlog_domain::workflow::Stage;
use gridlog_protocol::{
    FoundRecord, MAX_SEARCH_CHARACTERS, PROOF_PATH, SEARCH_PATH, SearchRequest,
};
use serde::Serialize;

use crate::enrol::body_of;
use crate::error::PhoneError;
use crate::phone::Phone;
use crate::store::{meta, records};
use crate::transport::{Answer, Transport};

/// A record that the server found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundOnline {
    /// Its id.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// Its headline.
    pub headline: String,
    /// Where it lives.
    pub area: AreaCode,
    /// Where it stands, if it is a case.
    pub stage: Option<Stage>,
    /// Server time of the last word in it, milliseconds since the Unix epoch.
    pub updated_ms: i64,
    /// Whether it left the phones. It comes back when something is written in it.
    pub archived: bool,
    /// Whether this phone holds it.
    pub on_this_phone: bool,
}

fn read(row: FoundRecord) -> Option<FoundOnline> {
    Some(FoundOnline {
        id: row.id.parse().ok()?,
        kind: Kind::from_code(&row.kind)?,
        headline: row.headline,
        area: AreaCode::new(row.area),
        stage: Stage::from_code(&row.stage),
        updated_ms: row.updated_ms,
        archived: row.archived,
        on_this_phone: false,
    })
}

impl Phone {
    /// Asks the server for records whose headline holds `text`, 1 to 64 characters: those that the
    /// person may see, at most `limit` and at most 50, touched last first. It needs signal, and keeps
    /// nothing.
    ///
    /// # Errors
    /// [`PhoneError::BadSearch`], before anything is sent;
    /// [`PhoneError::NotEnrolled`], [`PhoneError::SignInAgain`], [`PhoneError::Transport`],
    /// [`PhoneError::AskedToWait`], [`PhoneError::Busy`], [`PhoneError::Refused`]; [`PhoneError::BadAnswer`];
    /// [`PhoneError::Store`].
    pub fn search_online(
        &self,
        transport: &dyn Transport,
        text: &str,
        limit: u32,
    ) -> Result<Vec<FoundOnline>, PhoneError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_SEARCH_CHARACTERS {
            return Err(PhoneError::BadSearch);
        }
        let token = self.token_to_ask()?;
        let malformed = |_| PhoneError::BadAnswer { to: "search" };
        let question = SearchRequest {
            text: text.to_owned(),
            limit: Some(limit),
        };
        let question = serde_json::to_vec(&question).map_err(malformed)?;
        let answer = transport.post(SEARCH_PATH, Some(&token), "application/json", &question)?;
        let body = self.told(answer)?;
        let rows: Vec<FoundRecord> = serde_json::from_slice(&body).map_err(malformed)?;
        let found = rows.into_iter().map(read).collect::<Option<Vec<_>>>();
        let mut found = found.ok_or(PhoneError::BadAnswer { to: "search" })?;
        self.inner.store.read(|connection| {
            for row in &mut found {
                row.on_this_phone = records::get(connection, row.id)?.is_some();
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Asks the server for what shows anybody, without trusting it, that a record is in the log: the
    /// newest seal, the record's entries and their proofs, as JSON. `gridlog-verify record` checks it with
    /// nothing but the district's public key. It needs signal, and keeps nothing. What of the record is not
    /// sealed yet is named in it.
    ///
    /// # Errors
    /// As [`Phone::search_online`]; [`PhoneError::Refused`] with `not_found` for a record that is not in the
    /// log, or not the person's to see.
    pub fn proof_of(
        &self,
        transport: &dyn Transport,
        record: RecordId,
    ) -> Result<Vec<u8>, PhoneError> {
        let token = self.token_to_ask()?;
        let path = format!("{PROOF_PATH}/{record}");
        self.told(transport.get(&path, Some(&token))?)
    }

    fn token_to_ask(&self) -> Result<String, PhoneError> {
        self.inner.store.read(|connection| {
            let token = meta::TOKEN.get(connection)?;
            let token = token.ok_or(PhoneError::NotEnrolled)?;
            self.inner.mind_hold(connection)?;
            Ok(token)
        })
    }

    fn told(&self, answer: Answer) -> Result<Vec<u8>, PhoneError> {
        if answer.status == 401 {
            return Err(PhoneError::SignInAgain);
        }
        body_of(answer).inspect_err(|error| self.inner.keep_refusal(error))
    }
}
