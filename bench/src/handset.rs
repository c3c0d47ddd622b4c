//! One phone of a bench: a real engine over a real store and a real connection.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gridlog_cli::environment::{SystemClock, SystemEntropy};
use gridlog_client_core::{
    Answer, FileMarker, HttpTransport, OpenOptions, Phone, PhoneError, Query, StoreKey,
    SyncOptions, Transport, TransportError,
};
use gridlog_domain::environment::{Clock as _, Entropy};
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::{LogPosition, RecordView, Value};

use crate::error::BenchError;
use crate::generator::{Content, Generator, Writer};
use crate::orders::{Edit, Field, Handset, News};

/// What everybody signs in with; a bench has nothing to protect.
pub(crate) const PASSWORD: &str = "bench-password";

/// How often a phone goes on at once after the server asked for patience.
const MOST_TRIES: u32 = 20;

/// An open phone.
pub(crate) struct OpenHandset {
    handset: Handset,
    phone: Phone,
    transport: HttpTransport,
}

impl OpenHandset {
    /// Opens a phone, and enrols it if it is new.
    pub(crate) fn open(handset: Handset, server: &str) -> Result<Self, BenchError> {
        std::fs::create_dir_all(&handset.folder)
            .map_err(BenchError::file(&handset.folder, "created"))?;
        let mut key = [0; 32];
        key[..4].copy_from_slice(&handset.device.to_be_bytes());
        let phone = Phone::open(OpenOptions {
            path: handset.folder.join("phone.db"),
            key: StoreKey::new(key),
            clock: Arc::new(SystemClock),
            entropy: Box::new(SystemEntropy),
            marker: Arc::new(FileMarker::new(handset.folder.join("generation"))),
        })?;
        let transport = HttpTransport::new(server)?;
        if phone.identity()?.is_none() {
            let name = format!("bench {}", handset.device);
            phone.enrol(&transport, &handset.person, PASSWORD, &name)?;
        }
        Ok(Self {
            handset,
            phone,
            transport,
        })
    }

    /// Its number.
    pub(crate) const fn device(&self) -> u32 {
        self.handset.device
    }

    /// Records, and says how long it took. What is recorded is made up beforehand.
    pub(crate) fn record(
        &self,
        generator: &Generator,
        first: u32,
        count: u32,
    ) -> Result<News, BenchError> {
        let status = self.phone.status()?;
        let writer = Writer {
            person: self.handset.person.clone(),
            now_ms: SystemClock.now_ms(),
            offset_ms: status.clock_offset_ms,
            seen: LogPosition {
                epoch: status.epoch,
                seq: status.seq,
            },
            references: self.phone.reference()?.versions().clone(),
        };
        let entry_id = || EntryId::new(writer.now_ms, &mut SystemEntropy as &mut dyn Entropy);
        let ready: Vec<_> = (first..first + count)
            .map(|number| generator.content(&self.handset.grid, self.device(), number))
            .map(|content: Content| content.commands(&writer, entry_id))
            .collect();
        let begun = Instant::now();
        let records = ready
            .into_iter()
            .map(|(new, also)| self.phone.create(new, also))
            .collect::<Result<Vec<RecordId>, PhoneError>>()?;
        Ok(News::Recorded {
            device: self.device(),
            seconds: begun.elapsed().as_secs_f64(),
            records,
        })
    }

    /// Makes an edit from what the phone shows now.
    pub(crate) fn edit(&self, edit: &Edit) -> Result<(), BenchError> {
        let view = self.view(edit.record)?;
        let standing = view.text(edit.field.name());
        let text: Vec<char> = standing.chars().collect();
        match edit.field {
            Field::Title => {
                let rest = text.iter().skip(edit.token.chars().count());
                let title = edit.token.chars().chain(rest.copied()).collect();
                let fields = [(edit.field.name(), Value::Text(title))];
                self.phone.edit(edit.record, &fields)?;
            }
            Field::Description => {
                // Every other device writes at the very same place.
                let at = match edit.device % 2 {
                    0 => text.len() / 2,
                    _ => (edit.device as usize * 17) % text.len().max(1),
                };
                let (front, back) = text.split_at(at);
                let to: String = front
                    .iter()
                    .copied()
                    .chain(edit.token.chars())
                    .chain(back.iter().copied())
                    .collect();
                self.phone
                    .edit_prose(edit.record, edit.field.name(), None, &to)?;
            }
        }
        Ok(())
    }

    /// Syncs. `tell` hears when everything is durable on the server, then where the phone stands.
    pub(crate) fn sync(&self, tell: &dyn Fn(News)) -> Result<(), BenchError> {
        let transport = Stopwatch {
            inner: &self.transport,
            answered: Cell::new(Instant::now()),
        };
        let durable = Cell::new(false);
        let progress = |progress: gridlog_client_core::SyncProgress| {
            if progress.unsent == 0 && !durable.replace(true) {
                tell(News::Durable {
                    device: self.device(),
                    ago_s: transport.answered.get().elapsed().as_secs_f64(),
                });
            }
        };
        let options = SyncOptions {
            progress: Some(&progress),
            ..SyncOptions::default()
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let wait = match self.phone.sync(&transport, options) {
                Ok(report) => report.retry_after_ms,
                Err(PhoneError::Busy { retry_after_ms }) => Some(retry_after_ms),
                Err(error) => return Err(error.into()),
            };
            match wait {
                Some(wait) if tries < MOST_TRIES => {
                    std::thread::sleep(Duration::from_millis(wait));
                }
                _ => break,
            }
        }
        let status = self.phone.status()?;
        tell(News::Synced {
            device: self.device(),
            seq: status.seq,
            undecided: status.recorded - status.admitted - status.needs_you,
            refused: status.needs_you,
        });
        Ok(())
    }

    /// The tokens of the edits that the phone shows, as a value or as a conflict. Edits in records
    /// that it does not have are not shown.
    pub(crate) fn look(&self, edits: &[Edit]) -> Result<News, BenchError> {
        let mut tokens = Vec::new();
        for edit in edits {
            let Some(detail) = self.phone.show(edit.record)? else {
                continue;
            };
            if shows(&detail.view, edit) {
                tokens.push(edit.token.clone());
            }
        }
        Ok(News::Shown {
            device: self.device(),
            tokens,
        })
    }

    /// How many records it lists.
    pub(crate) fn count(&self) -> Result<News, BenchError> {
        let all = Query {
            limit: u32::MAX,
            ..Query::default()
        };
        Ok(News::Counted {
            device: self.device(),
            records: self.phone.list(&all)?.len() as u64,
        })
    }

    fn view(&self, record: RecordId) -> Result<RecordView, BenchError> {
        let shown = self.phone.show(record)?;
        let shown = shown.ok_or(PhoneError::UnknownRecord { record })?;
        Ok(shown.view)
    }
}

/// Whether a view shows an edit.
fn shows(view: &RecordView, edit: &Edit) -> bool {
    let has = |value: &Value| {
        value
            .as_text()
            .is_some_and(|text| text.contains(&edit.token))
    };
    let in_conflict = view
        .conflicts
        .iter()
        .filter(|conflict| conflict.place == edit.field.name())
        .any(|conflict| {
            conflict.shown.as_ref().is_some_and(has)
                || conflict.lost.iter().any(|lost| has(&lost.value))
        });
    in_conflict || view.fields.get(edit.field.name()).is_some_and(has)
}

/// Notes when an answer arrived, before the phone has worked on it.
struct Stopwatch<'a> {
    inner: &'a HttpTransport,
    answered: Cell<Instant>,
}

impl Transport for Stopwatch<'_> {
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        let answer = self.inner.post(path, bearer, content_type, body);
        self.answered.set(Instant::now());
        answer
    }
}
