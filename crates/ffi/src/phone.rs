//! The phone: opening it, and recording.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use gridlog_client_core::system::{SystemClock, SystemEntropy};
use gridlog_client_core::{
    CancelFlag, HttpTransport, Identity, NewReport, NewVisit, Phone, PhoneError,
};
use gridlog_domain::environment::{Clock, Entropy};
use gridlog_domain::id::{AreaCode, EntryId, RecordId};
use gridlog_domain::record::{Finding, Place, StepDetails, Value};
use gridlog_domain::workflow::Step;

use crate::connectivity::AppTransport;
use crate::error::GridlogError;
use crate::files::Allowed;
use crate::guard::guarded;
use crate::host::{AppMarker, GenerationMarker, KeyStore, take_key};
use crate::running::{Running, Work};

/// Where a phone's store is and which server it works with.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct OpenOptions {
    /// Path of the store's file; its folder must exist. It is made at first use.
    pub store_path: String,
    /// The district's server, for example `https://grid.example`. Nothing is sent before
    /// [`GridlogPhone::enrol`].
    pub server: String,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, uniffi::Enum)]
pub enum FieldValue {
    /// A line, a word, prose or the id of a record.
    Text {
        /// The text.
        text: String,
    },
    /// A moment.
    Moment {
        /// Milliseconds since the Unix epoch.
        ms: i64,
    },
    /// A place.
    Location {
        /// The place.
        place: Place,
    },
}

impl From<FieldValue> for Value {
    fn from(value: FieldValue) -> Self {
        match value {
            FieldValue::Text { text } => Self::Text(text),
            FieldValue::Moment { ms } => Self::Millis(ms),
            FieldValue::Location { place } => Self::Place(place),
        }
    }
}

/// The phone's engine: one encrypted store, shared by every screen.
///
/// Calls may come from any thread. Those that record return when their change is committed to the
/// disk; those that read open no document; both take milliseconds and belong on a background
/// thread all the same. What takes longer is async.
#[derive(uniffi::Object)]
pub struct GridlogPhone {
    /// Nothing once it is shut down.
    phone: RwLock<Option<Phone>>,
    transport: AppTransport,
    running: Running,
    allowed: Allowed,
}

impl fmt::Debug for GridlogPhone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GridlogPhone").finish_non_exhaustive()
    }
}

impl GridlogPhone {
    /// Opens a phone with a clock and a source of randomness of one's own.
    fn open_with(
        options: OpenOptions,
        keys: &dyn KeyStore,
        marker: Arc<dyn GenerationMarker>,
        clock: Arc<dyn Clock>,
        entropy: Box<dyn Entropy>,
    ) -> Result<Arc<Self>, GridlogError> {
        guarded(|| {
            let transport = HttpTransport::new(&options.server).map_err(PhoneError::from)?;
            let phone = Phone::open(gridlog_client_core::OpenOptions {
                path: PathBuf::from(options.store_path),
                key: take_key(keys)?,
                clock,
                entropy,
                marker: Arc::new(AppMarker::new(marker)),
            })?;
            let allowed = Allowed::at_start(phone.file_policy()?);
            Ok(Arc::new(Self {
                phone: RwLock::new(Some(phone)),
                transport: AppTransport::new(transport),
                running: Running::default(),
                allowed,
            }))
        })
    }

    /// The engine and the transport, for long work that shutting down ends by its flag.
    pub(crate) fn begin(
        &self,
        cancel: &CancelFlag,
    ) -> Result<(Phone, AppTransport, Work), GridlogError> {
        // Under the lock, so that a shutdown that comes in between does not miss it.
        let phone = self.phone.read().unwrap_or_else(PoisonError::into_inner);
        let engine = phone.clone().ok_or_else(GridlogError::shut_down)?;
        let work = self.running.begin(cancel.clone());
        Ok((engine, self.transport.clone(), work))
    }

    /// The engine, for work that outlives the call.
    pub(crate) fn phone(&self) -> Result<Phone, GridlogError> {
        let phone = self.phone.read().unwrap_or_else(PoisonError::into_inner);
        phone.clone().ok_or_else(GridlogError::shut_down)
    }

    /// Whether nothing runs that takes long.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Over what files may go.
    pub(crate) const fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    pub(crate) fn transport(&self) -> AppTransport {
        self.transport.clone()
    }

    /// Asks the engine, under guard.
    pub(crate) fn ask<T>(
        &self,
        work: impl FnOnce(&Phone) -> Result<T, PhoneError>,
    ) -> Result<T, GridlogError> {
        let phone = self.phone()?;
        guarded(|| Ok(work(&phone)?))
    }
}

#[uniffi::export]
impl GridlogPhone {
    /// Opens the store, makes it if it is missing, and migrates it if an older version wrote it.
    ///
    /// # Errors
    /// [`GridlogError::Store`] with `wrong_key`, `bad_key`, `key_store_failed`, `store_newer`,
    /// `marker_failed` or `store_failed`; a store that is not opened is left untouched.
    /// [`GridlogError::Input`] with `bad_address`.
    #[uniffi::constructor]
    pub fn open(
        options: OpenOptions,
        keys: Arc<dyn KeyStore>,
        marker: Arc<dyn GenerationMarker>,
    ) -> Result<Arc<Self>, GridlogError> {
        Self::open_with(
            options,
            keys.as_ref(),
            marker,
            Arc::new(SystemClock),
            Box::new(SystemEntropy),
        )
    }

    /// Closes the store, once the calls that run have ended: a sync ends after the request that is under
    /// way, and `stay_in_sync` too. Later calls fail with `shut_down`; watches end. Everything that a call
    /// recorded is on the disk already.
    pub fn shut_down(&self) {
        let closed = {
            let mut phone = self.phone.write().unwrap_or_else(PoisonError::into_inner);
            self.running.cancel_all();
            phone.take()
        };
        drop(closed);
    }

    /// Who enrolled this phone; nothing before [`GridlogPhone::enrol`].
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn identity(&self) -> Result<Option<Identity>, GridlogError> {
        self.ask(Phone::identity)
    }

    /// Reports a problem: the case and the proposal to report it, in one change. A `draft` that it was so far
    /// goes with the same commit, or stays if this fails.
    ///
    /// # Errors
    /// [`GridlogError::SignIn`], [`GridlogError::Input`], [`GridlogError::Store`], as for every
    /// call that records.
    #[uniffi::method(default(draft = None))]
    pub fn report(&self, new: NewReport, draft: Option<EntryId>) -> Result<RecordId, GridlogError> {
        self.ask(|phone| match draft {
            Some(draft) => phone.report_from_draft(draft, new),
            None => phone.report(new),
        })
    }

    /// Notes a problem without reporting it: the case stays 未上报 until a step is proposed. A `draft` goes
    /// as with [`GridlogPhone::report`].
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    #[uniffi::method(default(draft = None))]
    pub fn note_case(
        &self,
        new: NewReport,
        draft: Option<EntryId>,
    ) -> Result<RecordId, GridlogError> {
        self.ask(|phone| match draft {
            Some(draft) => phone.note_case_from_draft(draft, new),
            None => phone.note_case(new),
        })
    }

    /// Records a visit. A `draft` goes as with [`GridlogPhone::report`].
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    #[uniffi::method(default(draft = None))]
    pub fn visit(&self, new: NewVisit, draft: Option<EntryId>) -> Result<RecordId, GridlogError> {
        self.ask(|phone| match draft {
            Some(draft) => phone.visit_from_draft(draft, new),
            None => phone.visit(new),
        })
    }

    /// Starts a patrol. The area is the worker's own if none is named.
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    #[uniffi::method(default(area = None, route = None))]
    pub fn start_patrol(
        &self,
        area: Option<AreaCode>,
        route: Option<String>,
    ) -> Result<RecordId, GridlogError> {
        self.ask(|phone| phone.start_patrol(area, route.as_deref()))
    }

    /// Enters the finding of one checklist item of a patrol.
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    #[uniffi::method(default(note = ""))]
    pub fn inspect(
        &self,
        patrol: RecordId,
        item: String,
        finding: Finding,
        note: String,
    ) -> Result<EntryId, GridlogError> {
        self.ask(|phone| phone.inspect(patrol, &item, finding, &note))
    }

    /// Ends a patrol; `notes` are added to those that stand.
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    #[uniffi::method(default(notes = None))]
    pub fn finish_patrol(
        &self,
        patrol: RecordId,
        notes: Option<String>,
    ) -> Result<(), GridlogError> {
        self.ask(|phone| phone.finish_patrol(patrol, notes.as_deref()))
    }

    /// Replaces fields, all in one change. Concurrent values that lose stay visible as conflicts.
    ///
    /// `shown` is the `revision` of the detail that the worker had before them: a value that a sync brought
    /// since then, which they did not see, is kept beside theirs as a conflict. Without it they are taken to
    /// have seen what stands now.
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`]; [`GridlogError::Input`] with `bad_revision`.
    #[uniffi::method(default(shown = None))]
    pub fn edit(
        &self,
        record: RecordId,
        fields: HashMap<String, FieldValue>,
        shown: Option<String>,
    ) -> Result<(), GridlogError> {
        let mut fields: Vec<(String, Value)> = fields
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        // A map has no order; equal edits shall make equal changes.
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        let named: Vec<(&str, Value)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        self.ask(|phone| match shown {
            Some(shown) => phone.edit_as_shown(record, &shown.parse()?, &named),
            None => phone.edit(record, &named),
        })
    }

    /// Rewrites prose. `before` is what the worker had before them when they began; without it,
    /// what stands now. Only what differs is written, so that edits elsewhere in the text survive.
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    #[uniffi::method(default(before = None))]
    pub fn edit_prose(
        &self,
        record: RecordId,
        field: String,
        after: String,
        before: Option<String>,
    ) -> Result<(), GridlogError> {
        self.ask(|phone| phone.edit_prose(record, &field, before.as_deref(), &after))
    }

    /// Says something.
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    pub fn comment(&self, record: RecordId, text: String) -> Result<EntryId, GridlogError> {
        self.ask(|phone| phone.comment(record, &text))
    }

    /// Asks for a workflow step; the server rules on it.
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    pub fn propose(
        &self,
        record: RecordId,
        step: Step,
        details: StepDetails,
    ) -> Result<EntryId, GridlogError> {
        self.ask(|phone| phone.propose(record, step, details))
    }

    /// Asks to take back a step. Nothing written is ever unwritten.
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    pub fn withdraw(&self, record: RecordId, proposal: EntryId) -> Result<EntryId, GridlogError> {
        self.ask(|phone| phone.withdraw(record, proposal))
    }

    /// Marks a record as deleted.
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    pub fn delete_record(&self, record: RecordId) -> Result<(), GridlogError> {
        self.ask(|phone| phone.delete(record))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::host::HostError;

    pub(crate) struct Keys(pub(crate) Result<Vec<u8>, HostError>);

    impl KeyStore for Keys {
        fn store_key(&self) -> Result<Vec<u8>, HostError> {
            self.0.clone()
        }
    }

    #[derive(Default)]
    pub(crate) struct Marker(Mutex<Option<Vec<u8>>>);

    impl GenerationMarker for Marker {
        fn read(&self) -> Result<Option<Vec<u8>>, HostError> {
            Ok(self.0.lock().unwrap().clone())
        }

        fn write(&self, generation: Vec<u8>) -> Result<(), HostError> {
            *self.0.lock().unwrap() = Some(generation);
            Ok(())
        }
    }

    #[derive(Default)]
    pub(crate) struct BrittleClock(AtomicBool);

    impl Clock for BrittleClock {
        fn now_ms(&self) -> i64 {
            assert!(!self.0.load(Ordering::SeqCst), "住户张三的电话");
            1_790_000_000_000
        }
    }

    pub(crate) fn options(folder: &Path) -> OpenOptions {
        OpenOptions {
            store_path: folder.join("phone.db").to_str().unwrap().to_owned(),
            server: "http://127.0.0.1:9".to_owned(),
        }
    }

    pub(crate) fn open(folder: &Path, clock: Arc<BrittleClock>) -> Arc<GridlogPhone> {
        let marker = Arc::new(Marker::default());
        let entropy = Box::new(SystemEntropy);
        let keys = Keys(Ok(vec![7; 32]));
        GridlogPhone::open_with(options(folder), &keys, marker, clock, entropy).unwrap()
    }

    pub(crate) fn open_at(folder: &Path, server: &str) -> Arc<GridlogPhone> {
        let options = OpenOptions {
            server: server.to_owned(),
            ..options(folder)
        };
        let keys = Arc::new(Keys(Ok(vec![7; 32])));
        GridlogPhone::open(options, keys, Arc::new(Marker::default())).unwrap()
    }

    fn open_with_key(folder: &Path, key: Result<Vec<u8>, HostError>) -> Result<(), String> {
        let keys = Arc::new(Keys(key));
        match GridlogPhone::open(options(folder), keys, Arc::new(Marker::default())) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.code().to_owned()),
        }
    }

    #[test]
    fn a_key_that_is_missing_wrong_or_none_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(open_with_key(folder.path(), Ok(vec![7; 32])), Ok(()));
        let refused = |key| open_with_key(folder.path(), key).unwrap_err();
        assert_eq!(refused(Ok(vec![8; 32])), "wrong_key");
        assert_eq!(refused(Ok(vec![7; 31])), "bad_key");
        assert_eq!(refused(Err(HostError::Threw)), "key_store_failed");
        assert_eq!(open_with_key(folder.path(), Ok(vec![7; 32])), Ok(()));
    }

    #[test]
    fn a_panic_in_the_engine_is_an_error_and_the_store_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(BrittleClock::default());
        let phone = open(folder.path(), Arc::clone(&clock));
        let engine = phone.phone().unwrap();
        let draft = engine.save_draft(None, "{}").unwrap();
        clock.0.store(true, Ordering::SeqCst);
        let failed = phone.ask(|engine| engine.save_draft(None, "{}"));
        let error = failed.unwrap_err();
        assert_eq!(error.code(), "panicked");
        assert!(!format!("{error:?} {error}").contains("张三"));
        clock.0.store(false, Ordering::SeqCst);
        assert_eq!(engine.drafts().unwrap().len(), 1);
        phone
            .ask(|engine| engine.save_draft(Some(draft), "[]"))
            .unwrap();
        assert_eq!(engine.draft(draft).unwrap().json, "[]");
    }

    #[test]
    fn a_phone_that_is_shut_down_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let phone = open(folder.path(), Arc::default());
        assert_eq!(phone.identity(), Ok(None));
        phone.shut_down();
        phone.shut_down();
        assert_eq!(phone.identity().unwrap_err().code(), "shut_down");
    }

    #[test]
    fn nobody_records_before_they_enrolled() {
        let folder = tempfile::tempdir().unwrap();
        let phone = open(folder.path(), Arc::default());
        let error = phone.report(NewReport::default(), None).unwrap_err();
        assert!(matches!(error, GridlogError::SignIn { .. }), "{error:?}");
    }
}
