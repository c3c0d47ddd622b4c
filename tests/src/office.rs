//! Offices, over the real JSON API.

use gridlog_domain::id::{PersonId, RecordId};
use serde_json::{Value, json};

use crate::district::PASSWORD;

/// Somebody of an office with a session.
pub struct Office {
    url: String,
    token: String,
    /// Who it is.
    pub person: PersonId,
}

/// A status and a JSON body.
type Answer = (u16, Value);

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into()
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut answer = answer.expect("the server answers");
    let status = answer.status().as_u16();
    let text = answer
        .body_mut()
        .read_to_string()
        .expect("the body arrives");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

impl Office {
    /// Signs in.
    pub fn sign_in(url: &str, person: &PersonId) -> Self {
        let body = json!({ "person": person.as_str(), "password": PASSWORD });
        let (status, answer) = read(agent().post(format!("{url}/v1/sign-in")).send_json(body));
        assert_eq!(status, 200, "{answer}");
        let token = answer["token"]
            .as_str()
            .expect("a session has a token")
            .to_owned();
        Self {
            url: url.to_owned(),
            token,
            person: person.clone(),
        }
    }

    /// `GET` of a path below `/v1/office`.
    pub fn get(&self, path: &str) -> Answer {
        let request = agent().get(format!("{}/v1/office/{path}", self.url));
        read(
            request
                .header("authorization", format!("Bearer {}", self.token))
                .call(),
        )
    }

    /// The bytes of a file of a record.
    pub fn file(&self, record: RecordId, sha256: &str) -> Vec<u8> {
        self.bytes(&format!("/v1/files/{record}/{sha256}"))
    }

    /// The bytes of its preview.
    pub fn preview(&self, record: RecordId, sha256: &str) -> Vec<u8> {
        self.bytes(&format!("/v1/files/{record}/{sha256}/preview"))
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        let request = agent().get(format!("{}{path}", self.url));
        let bearer = format!("Bearer {}", self.token);
        let answer = request.header("authorization", bearer).call();
        let mut answer = answer.expect("the server answers");
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        let body = answer.body_mut().with_config().limit(64 << 20);
        body.read_to_vec().expect("the body arrives")
    }

    /// `POST` of JSON to a path below `/v1/office`.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let request = agent().post(format!("{}/v1/office/{path}", self.url));
        read(
            request
                .header("authorization", format!("Bearer {}", self.token))
                .send_json(body),
        )
    }

    /// `PUT` of JSON to a path below `/v1/office`.
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        let request = agent().put(format!("{}/v1/office/{path}", self.url));
        read(
            request
                .header("authorization", format!("Bearer {}", self.token))
                .send_json(body),
        )
    }

    /// `POST` of a CSV file.
    pub fn post_csv(&self, path: &str, file: &str) -> Answer {
        let request = agent()
            .post(format!("{}/v1/office/{path}", self.url))
            .header("content-type", "text/csv");
        read(
            request
                .header("authorization", format!("Bearer {}", self.token))
                .send(file),
        )
    }

    /// Takes a step.
    pub fn step(&self, record: RecordId, step: &str, details: Value) -> Answer {
        let body = json!({ "step": step, "details": details });
        self.post(&format!("records/{record}/steps"), &body)
    }

    /// The whole log.
    pub fn log(&self) -> Vec<Value> {
        let mut entries: Vec<Value> = Vec::new();
        loop {
            let (status, page) = self.get(&format!("log?after={}&limit=1000", entries.len()));
            assert_eq!(status, 200, "{page}");
            let page = page.as_array().expect("a list").clone();
            if page.is_empty() {
                return entries;
            }
            entries.extend(page);
        }
    }
}
