//! A phone of the baseline.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gridlog_cli::environment::{SystemClock, SystemEntropy};
use gridlog_domain::environment::Clock as _;
use gridlog_domain::id::RecordId;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::pocket::Pocket;
use super::wire::{Change, Fields, NewDevice, Page, Push, Token};
use super::{BaselineError, gzip};
use crate::edits;
use crate::error::BenchError;
use crate::generator::Generator;
use crate::handset::{Attempt, OpenHandset};
use crate::orders::{Edit, Exchange, Handset, News, Standing};

/// Longest time for one request, as on the real phone.
const LONGEST: Duration = Duration::from_secs(90);

/// Largest page, in bytes.
const MOST: u64 = 16 * 1024 * 1024;

/// An open phone.
pub(crate) struct JsonPhone {
    handset: Handset,
    pocket: Mutex<Pocket>,
    agent: Agent,
    server: String,
    token: String,
    gzip: bool,
}

impl JsonPhone {
    /// Opens a phone, and makes it known to the server if it is new.
    pub(crate) fn open(handset: Handset, server: &str, gzip: bool) -> Result<Self, BenchError> {
        std::fs::create_dir_all(&handset.folder)
            .map_err(BenchError::file(&handset.folder, "created"))?;
        let pocket = Pocket::open(&handset.folder.join("pocket.db"))?;
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(LONGEST))
            .build()
            .into();
        let mut phone = Self {
            token: pocket.token()?.unwrap_or_default(),
            handset,
            pocket: Mutex::new(pocket),
            agent,
            server: server.to_owned(),
            gzip,
        };
        if phone.token.is_empty() {
            phone.token = phone.introduce_itself()?;
            phone.pocket().set_token(&phone.token)?;
        }
        Ok(phone)
    }

    fn introduce_itself(&self) -> Result<String, BaselineError> {
        let new = NewDevice {
            grid: self.handset.grid.as_str().to_owned(),
        };
        let request = self
            .agent
            .post(format!("{}/v1/devices", self.server))
            .header("content-type", "application/json");
        let answer = request.send(&serde_json::to_vec(&new)?[..])?;
        let token: Token = serde_json::from_slice(&read(answer)?.1)?;
        Ok(token.token)
    }

    /// A panic of another thread left no half-written transaction.
    fn pocket(&self) -> MutexGuard<'_, Pocket> {
        self.pocket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, id: RecordId, fields: Fields) -> Result<(), BaselineError> {
        self.pocket().write(&Change {
            id: id.to_string(),
            at_ms: SystemClock.now_ms(),
            fields,
        })
    }

    fn push(&self, changes: Vec<Change>) -> Result<Exchange, BaselineError> {
        let mut body = serde_json::to_vec(&Push { changes })?;
        let mut request = self
            .agent
            .post(format!("{}/v1/changes", self.server))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        if self.gzip {
            body = gzip::pack(&body)?;
            request = request.header("content-encoding", gzip::NAME);
        }
        let (body_down, _) = read(request.send(&body[..])?)?;
        Ok(Exchange {
            requests: 1,
            body_up: body.len() as u64,
            body_down,
        })
    }

    fn pull(&self, after: i64) -> Result<(Exchange, Page), BaselineError> {
        let mut request = self
            .agent
            .get(format!("{}/v1/records?after={after}", self.server))
            .header("authorization", format!("Bearer {}", self.token));
        if self.gzip {
            request = request.header("accept-encoding", gzip::NAME);
        }
        let (body_down, page) = read(request.call()?)?;
        let exchange = Exchange {
            requests: 1,
            body_up: 0,
            body_down,
        };
        Ok((exchange, serde_json::from_slice(&page)?))
    }

    /// Sends what is unsent, then pulls what is new.
    fn sync(&self, durable: &dyn Fn(Instant)) -> Result<Exchange, BaselineError> {
        let mut exchange = Exchange::default();
        let answered = Cell::new(Instant::now());
        loop {
            let unsent = self.pocket().unsent()?;
            let Some(mut unsent) = unsent else {
                break;
            };
            exchange += self.push(std::mem::take(&mut unsent.changes))?;
            answered.set(Instant::now());
            self.pocket().sent(&unsent)?;
        }
        durable(answered.get());
        loop {
            let after = self.pocket().cursor()?;
            let (pulled, page) = self.pull(after)?;
            exchange += pulled;
            let more = page.more;
            self.pocket().take(page)?;
            if !more {
                return Ok(exchange);
            }
        }
    }
}

/// How many bytes an answer's body had as it travelled, and what it says.
fn read(mut answer: Response<Body>) -> Result<(u64, Vec<u8>), BaselineError> {
    let status = answer.status().as_u16();
    if !answer.status().is_success() {
        return Err(BaselineError::Refused { status });
    }
    let packed = answer
        .headers()
        .get("content-encoding")
        .is_some_and(|encoding| encoding == gzip::NAME);
    let body = answer.body_mut().with_config().limit(MOST).read_to_vec()?;
    let travelled = body.len() as u64;
    let body = if packed { gzip::unpack(&body)? } else { body };
    Ok((travelled, body))
}

impl OpenHandset for JsonPhone {
    fn device(&self) -> u32 {
        self.handset.device
    }

    fn record(&self, generator: &Generator, first: u32, count: u32) -> Result<News, BenchError> {
        let now_ms = SystemClock.now_ms();
        let ready = (first..first + count)
            .map(|number| {
                let content = generator.content(&self.handset.grid, self.device(), number);
                let id = RecordId::new(now_ms, &mut SystemEntropy);
                Ok((id, content.plain(&self.handset.person, now_ms)?))
            })
            .collect::<Result<Vec<_>, BaselineError>>()?;
        let begun = Instant::now();
        let mut records = Vec::with_capacity(ready.len());
        for (id, fields) in ready {
            self.write(id, fields)?;
            records.push(id);
        }
        Ok(News::Recorded {
            device: self.device(),
            seconds: begun.elapsed().as_secs_f64(),
            records,
        })
    }

    fn edit(&self, edit: &Edit) -> Result<(), BenchError> {
        let shown = self.pocket().show(&edit.record.to_string())?;
        let name = edit.field.name();
        let standing = shown.as_ref().and_then(|fields| fields.get(name)?.as_str());
        let to = edits::rewritten(standing.unwrap_or_default(), edit);
        let fields = Fields::from_iter([(name.to_owned(), to.into())]);
        Ok(self.write(edit.record, fields)?)
    }

    fn attempt(&self, durable: &dyn Fn(Instant)) -> Result<Attempt, BenchError> {
        Ok(Attempt {
            wait: None,
            exchange: self.sync(durable)?,
        })
    }

    fn standing(&self) -> Result<Standing, BenchError> {
        let pocket = self.pocket();
        Ok(Standing {
            seq: pocket.cursor()?.unsigned_abs(),
            undecided: pocket.unsent_count()?.unsigned_abs(),
            refused: 0,
        })
    }

    fn shows(&self, edit: &Edit) -> Result<bool, BenchError> {
        let shown = self.pocket().show(&edit.record.to_string())?;
        let text = shown
            .as_ref()
            .and_then(|fields| fields.get(edit.field.name())?.as_str());
        Ok(text.is_some_and(|text| text.contains(&edit.token)))
    }

    fn count(&self) -> Result<u64, BenchError> {
        Ok(self.pocket().count()?.unsigned_abs())
    }
}
