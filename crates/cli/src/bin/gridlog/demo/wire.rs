//! A phone's line to the server, which remembers what the phone sent.
//!
//! What was sent is sent once more at the end of the day, byte for byte, to see that it changes
//! nothing.

use std::sync::{Mutex, PoisonError};

use gridlog_client_core::{Answer, HttpTransport, Transport, TransportError};

/// One request as it went out.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    path: String,
    bearer: Option<String>,
    content_type: String,
    body: Vec<u8>,
}

/// The line.
#[derive(Debug)]
pub(super) struct Wire {
    line: HttpTransport,
    sent: Mutex<Vec<Sent>>,
}

impl Wire {
    /// A line to that address.
    pub(super) fn to(address: &str) -> Result<Self, TransportError> {
        Ok(Self {
            line: HttpTransport::new(address)?,
            sent: Mutex::new(Vec::new()),
        })
    }

    /// Sends every sync request once more, in order; how many there were.
    pub(super) fn send_again(&self) -> Result<usize, TransportError> {
        let sent = self
            .sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for request in &sent {
            self.line.post(
                &request.path,
                request.bearer.as_deref(),
                &request.content_type,
                &request.body,
            )?;
        }
        Ok(sent.len())
    }
}

impl Transport for Wire {
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        // Not the enrolment: its password is nobody's to keep.
        if bearer.is_some() {
            self.sent
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Sent {
                    path: path.to_owned(),
                    bearer: bearer.map(str::to_owned),
                    content_type: content_type.to_owned(),
                    body: body.to_vec(),
                });
        }
        self.line.post(path, bearer, content_type, body)
    }
}
