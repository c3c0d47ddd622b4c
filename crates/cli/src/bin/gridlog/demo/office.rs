//! The office's side of the demo, over the same JSON API that the console uses.

use std::collections::BTreeMap;
use std::time::Duration;

use gridlog_domain::id::{AreaCode, PersonId, RecordId};
use gridlog_domain::record::{Kind, RecordView, StepDetails, Value as FieldValue};
use gridlog_domain::workflow::Step;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::CliError;

const PAGE: usize = 500;

/// The entrance.
#[derive(Debug)]
pub(super) struct Office {
    agent: ureq::Agent,
    base: String,
}

/// Somebody who signed in.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    office: &'a Office,
    token: String,
}

/// A row of a list.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    /// The record.
    pub(super) id: RecordId,
    /// The code of its stage; empty unless it is a case.
    pub(super) stage: String,
    /// Where it lives.
    pub(super) area: String,
    /// Who has it.
    pub(super) department: String,
}

/// Everything about one record.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Shown {
    /// What it says.
    pub(super) view: RecordView,
    /// Its heads, hex.
    pub(super) heads: Vec<String>,
}

/// What waits for the office.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Waiting {
    /// Names the item.
    pub(super) item: String,
    /// The record that it belongs to.
    pub(super) record: RecordId,
    /// `review` or `refused`.
    pub(super) status: String,
    /// Why, as a code.
    pub(super) code: String,
}

/// What became of a step.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Written {
    /// The reason's code.
    pub(super) refused: Option<String>,
}

/// One entry of the log.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LogLine {
    /// Its number.
    pub(super) seq: u64,
    /// Its hash.
    pub(super) hash: String,
    /// Its bytes, hex.
    pub(super) canonical: String,
}

#[derive(Deserialize)]
struct Begun {
    record: RecordId,
}

#[derive(Deserialize)]
struct Decided {
    status: String,
}

#[derive(Deserialize)]
struct SignedIn {
    token: String,
}

impl Office {
    /// The office of the server at that address.
    pub(super) fn at(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self {
            agent: config.into(),
            base: base.to_owned(),
        }
    }

    /// Signs somebody in.
    pub(super) fn sign_in(&self, person: &PersonId, password: &str) -> Result<Desk<'_>, CliError> {
        let body = json!({ "person": person, "password": password });
        let signed: SignedIn = self.post("/v1/sign-in", None, &body)?;
        Ok(Desk {
            office: self,
            token: signed.token,
        })
    }

    fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<T, CliError> {
        self.send(path, token, "application/json", &body.to_string())
    }

    fn send<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&str>,
        content_type: &str,
        body: &str,
    ) -> Result<T, CliError> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("content-type", content_type);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let sent = request.send(body.as_bytes());
        read(path, sent)
    }

    fn get<T: DeserializeOwned>(&self, path: &str, token: &str) -> Result<T, CliError> {
        let asked = self
            .agent
            .get(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {token}"))
            .call();
        read(path, asked)
    }
}

fn read<T: DeserializeOwned>(
    path: &str,
    answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<T, CliError> {
    let failed = |en: String| CliError::Demo {
        code: "office_request",
        zh: format!("社区接口 {path} 没有给出预期的应答"),
        en: format!("{path}: {en}"),
    };
    let mut response = answered.map_err(|error| failed(error.to_string()))?;
    let status = response.status();
    let text = response
        .body_mut()
        .read_to_string()
        .map_err(|error| failed(error.to_string()))?;
    if !status.is_success() {
        let code = serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|body| body["code"].as_str().map(str::to_owned));
        return Err(failed(format!("{status} {}", code.unwrap_or_default())));
    }
    serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
}

impl Desk<'_> {
    /// All cases that the person may see, or those in one stage.
    pub(super) fn cases(&self, stage: Option<&str>) -> Result<Vec<Row>, CliError> {
        let stage = stage.map_or(String::new(), |stage| format!("&stage={stage}"));
        self.rows(&format!("kind=case{stage}"))
    }

    /// All records that the person may see.
    pub(super) fn records(&self) -> Result<Vec<Row>, CliError> {
        self.rows("")
    }

    fn rows(&self, filter: &str) -> Result<Vec<Row>, CliError> {
        let mut rows = Vec::new();
        loop {
            let offset = rows.len();
            let path = format!("/v1/office/records?limit={PAGE}&offset={offset}&{filter}");
            let page: Vec<Row> = self.office.get(path.trim_end_matches('&'), &self.token)?;
            let full = page.len() == PAGE;
            rows.extend(page);
            if !full {
                return Ok(rows);
            }
        }
    }

    /// Everything about one record.
    pub(super) fn show(&self, record: RecordId) -> Result<Shown, CliError> {
        let path = format!("/v1/office/records/{record}");
        self.office.get(&path, &self.token)
    }

    /// A file of a record; `None` if the office cannot open it.
    pub(super) fn file(&self, record: RecordId, sha256: &str) -> Result<Option<Vec<u8>>, CliError> {
        let path = format!("/v1/files/{record}/{sha256}");
        let failed = |error: ureq::Error| CliError::Demo {
            code: "office_request",
            zh: format!("社区接口 {path} 没有给出预期的应答"),
            en: format!("{path}: {error}"),
        };
        let asked = self.office.agent.get(format!("{}{path}", self.office.base));
        let bearer = format!("Bearer {}", self.token);
        let mut answered = asked
            .header("authorization", bearer)
            .call()
            .map_err(failed)?;
        if !answered.status().is_success() {
            return Ok(None);
        }
        answered.body_mut().read_to_vec().map(Some).map_err(failed)
    }

    /// Begins a record that is no case.
    pub(super) fn begin(
        &self,
        kind: Kind,
        area: &AreaCode,
        fields: &[(&str, &str)],
    ) -> Result<RecordId, CliError> {
        let fields: BTreeMap<&str, FieldValue> = fields
            .iter()
            .map(|(field, value)| (*field, FieldValue::Text((*value).to_owned())))
            .collect();
        let body = json!({ "kind": kind.code(), "area": area, "fields": fields });
        let begun: Begun = self
            .office
            .post("/v1/office/records", Some(&self.token), &body)?;
        Ok(begun.record)
    }

    /// What waits in review, and what was refused.
    pub(super) fn review(&self) -> Result<Vec<Waiting>, CliError> {
        let path = format!("/v1/office/review?limit={PAGE}");
        self.office.get(&path, &self.token)
    }

    /// Lets an item of the review list in; the code of where it stands then.
    pub(super) fn admit(&self, item: &str, reason: &str) -> Result<String, CliError> {
        let path = format!("/v1/office/review/{item}/admit");
        let body = json!({ "reason": reason });
        let decided: Decided = self.office.post(&path, Some(&self.token), &body)?;
        Ok(decided.status)
    }

    /// Imports people, with their assignments.
    pub(super) fn import_people(&self, csv: &str) -> Result<(), CliError> {
        let path = "/v1/office/people.csv";
        let taken: Result<Value, CliError> =
            self.office.send(path, Some(&self.token), "text/csv", csv);
        taken.map(drop)
    }

    /// Takes a step.
    pub(super) fn step(
        &self,
        record: RecordId,
        step: Step,
        details: &StepDetails,
    ) -> Result<Written, CliError> {
        let path = format!("/v1/office/records/{record}/steps");
        let body = json!({ "step": step.code(), "details": details });
        self.office.post(&path, Some(&self.token), &body)
    }

    /// The whole log.
    pub(super) fn log(&self) -> Result<Vec<LogLine>, CliError> {
        let mut lines: Vec<LogLine> = Vec::new();
        loop {
            let after = lines.last().map_or(0, |line| line.seq);
            let path = format!("/v1/office/log?limit=1000&after={after}");
            let page: Vec<LogLine> = self.office.get(&path, &self.token)?;
            if page.is_empty() {
                return Ok(lines);
            }
            lines.extend(page);
        }
    }
}
