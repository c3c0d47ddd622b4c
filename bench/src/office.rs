//! Somebody in an office, who asks over HTTP as a browser would.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;

use crate::error::BenchError;
use crate::gridlog_phone::PASSWORD;

const LONGEST: Duration = Duration::from_secs(90);
const MOST: u64 = 64 * 1024 * 1024;

/// A session.
pub(crate) struct Office {
    agent: Agent,
    server: String,
    token: String,
}

fn failed(error: &ureq::Error) -> BenchError {
    BenchError::Office {
        what: error.to_string(),
    }
}

impl Office {
    /// Signs in.
    pub(crate) fn sign_in(server: String, person: &str) -> Result<Self, BenchError> {
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(LONGEST))
            .build()
            .into();
        let body = json!({"person": person, "password": PASSWORD}).to_string();
        let answer = agent
            .post(format!("{server}/v1/sign-in"))
            .header("content-type", "application/json")
            .send(body.as_bytes());
        let mut answer = answer.map_err(|error| failed(&error))?;
        let text = answer.body_mut().read_to_string();
        let text = text.map_err(|error| failed(&error))?;
        let said: Value = serde_json::from_str(&text).map_err(BenchError::Figures)?;
        let token = said["token"].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            agent,
            server,
            token,
        })
    }

    /// Asks, and says how long it took until the whole answer was there, in seconds.
    pub(crate) fn get(&self, path: &str) -> Result<(String, f64), BenchError> {
        let begun = Instant::now();
        let answer = self
            .agent
            .get(format!("{}{path}", self.server))
            .header("authorization", format!("Bearer {}", self.token))
            .call();
        let mut answer = answer.map_err(|error| failed(&error))?;
        let body = answer.body_mut().with_config().limit(MOST);
        let text = body.read_to_string().map_err(|error| failed(&error))?;
        Ok((text, begun.elapsed().as_secs_f64()))
    }
}
