//! A phone of Gridlog: a real engine over a real store and a real connection.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gridlog_cli::environment::{SystemClock, SystemEntropy};
use gridlog_client_core::{
    Answer, FileMarker, HttpTransport, NewReport, OpenOptions, Phone, PhoneError, Query,
    SendOptions, StoreKey, SyncOptions, SyncProgress, Transport, TransportError,
};
use gridlog_domain::environment::Clock as _;
use gridlog_domain::id::{EntryIds, RecordId};
use gridlog_domain::record::{LogPosition, PhotoRole, RecordView, Value};
use gridlog_picture_guard::gallery;

use crate::content::{Content, Writer};
use crate::edits;
use crate::error::BenchError;
use crate::generator::Generator;
use crate::handset::{Attempt, OpenHandset};
use crate::orders::{Edit, Exchange, Field, Film, Handset, News, Standing};

/// What everybody signs in with; a bench has nothing to protect.
pub(crate) const PASSWORD: &str = "bench-password";

/// An open phone.
pub(crate) struct GridlogPhone {
    handset: Handset,
    phone: Phone,
    transport: HttpTransport,
}

impl GridlogPhone {
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

    fn view(&self, record: RecordId) -> Result<RecordView, BenchError> {
        let shown = self.phone.show(record)?;
        let shown = shown.ok_or(PhoneError::UnknownRecord { record })?;
        Ok(shown.view)
    }
}

impl OpenHandset for GridlogPhone {
    fn device(&self) -> u32 {
        self.handset.device
    }

    fn record(&self, generator: &Generator, first: u32, count: u32) -> Result<News, BenchError> {
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
        let ready: Vec<_> = (first..first + count)
            .map(|number| generator.content(&self.handset.grid, self.device(), number))
            .map(|content: Content| {
                // Each record is a form of its own.
                let mut ids = EntryIds::default();
                content.commands(&writer, || ids.make(writer.now_ms, &mut SystemEntropy))
            })
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

    fn edit(&self, edit: &Edit) -> Result<(), BenchError> {
        let view = self.view(edit.record)?;
        let to = edits::rewritten(view.text(edit.field.name()), edit);
        let name = edit.field.name();
        match edit.field {
            Field::Title => {
                let fields = [(name, Value::Text(to))];
                self.phone.edit(edit.record, &fields)?;
            }
            Field::Description => {
                self.phone.edit_prose(edit.record, name, None, &to)?;
            }
        }
        Ok(())
    }

    fn attempt(&self, durable: &dyn Fn(Instant)) -> Result<Attempt, BenchError> {
        let transport = Observed {
            inner: &self.transport,
            answered: Cell::new(Instant::now()),
            exchange: Cell::new(Exchange::default()),
        };
        let progress = |progress: SyncProgress| {
            if progress.unsent == 0 {
                durable(transport.answered.get());
            }
        };
        let options = SyncOptions {
            progress: Some(&progress),
            ..SyncOptions::default()
        };
        let wait_ms = match self.phone.sync(&transport, options) {
            Ok(report) => report.retry_after_ms,
            Err(
                PhoneError::Busy { retry_after_ms, .. }
                | PhoneError::AskedToWait { retry_after_ms, .. },
            ) => Some(retry_after_ms),
            Err(error) => return Err(error.into()),
        };
        Ok(Attempt {
            wait: wait_ms.map(Duration::from_millis),
            exchange: transport.exchange.get(),
        })
    }

    fn standing(&self) -> Result<Standing, BenchError> {
        let status = self.phone.status()?;
        Ok(Standing {
            seq: status.seq,
            undecided: status.recorded - status.admitted - status.needs_you,
            refused: status.needs_you,
        })
    }

    fn shows(&self, edit: &Edit) -> Result<bool, BenchError> {
        let shown = self.phone.show(edit.record)?;
        Ok(shown.is_some_and(|detail| shows(&detail.view, edit)))
    }

    fn count(&self) -> Result<u64, BenchError> {
        let all = Query {
            limit: u32::MAX,
            ..Query::default()
        };
        Ok(self.phone.list(&all)?.len() as u64)
    }

    fn photograph(&self, film: Film) -> Result<Vec<u64>, BenchError> {
        let case = self.phone.report(NewReport {
            title: "井盖缺失".to_owned(),
            category: "01014".to_owned(),
            ..NewReport::default()
        })?;
        let path = self.handset.folder.join("camera.jpg");
        let first = u64::from(film.first) + u64::from(self.device()) * u64::from(film.photos);
        let taken = (0..u64::from(film.photos)).map(|number| {
            let photo = gallery::photo(film.bytes as usize, first + number);
            std::fs::write(&path, photo).map_err(BenchError::file(&path, "written"))?;
            Ok(self.phone.attach(case, &path, PhotoRole::Near)?.bytes)
        });
        taken.collect()
    }

    fn send_photos(&self) -> Result<(u64, u64), BenchError> {
        while self
            .phone
            .send_files(&self.transport, SendOptions::default())?
            .left
            > 0
        {}
        let files = self.phone.status()?.files;
        Ok((files.on_server, files.only_here()))
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

/// Sees what travels, and when an answer arrived, before the phone has worked on it.
struct Observed<'a> {
    inner: &'a HttpTransport,
    answered: Cell<Instant>,
    exchange: Cell<Exchange>,
}

impl Transport for Observed<'_> {
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        let answer = self.inner.post(path, bearer, content_type, body);
        self.answered.set(Instant::now());
        let mut exchange = self.exchange.get();
        exchange += Exchange {
            requests: 1,
            body_up: body.len() as u64,
            body_down: answer.as_ref().map_or(0, |answer| answer.body.len() as u64),
        };
        self.exchange.set(exchange);
        answer
    }
}
