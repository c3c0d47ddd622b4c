//! Photos and files across the border: taken, sent when the app allows it, fetched when somebody looks.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gridlog_client_core::{
    Attached, FileCounts, FileHash, FilePolicy, FileProgress, FileReport, FileRules, FileStanding,
    HeldBack, Network, SendOptions,
};
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::PhotoRole;

use crate::error::GridlogError;
use crate::long_work::off_thread;
use crate::phone::GridlogPhone;
use crate::sync::{SyncCancel, flag_of};

uniffi::custom_type!(FileHash, String, {
    remote,
    lower: |hash| hash.to_string(),
    try_lift: |text| Ok(text.parse::<FileHash>().map_err(GridlogError::from)?),
});

/// A photo that is on this phone and in its record.
#[uniffi::remote(Record)]
pub struct Attached {
    /// The reference in the record.
    pub id: EntryId,
    /// The file's name by content, as it will be sent.
    pub sha256: FileHash,
    /// Its size as it will be sent, bytes.
    pub bytes: u64,
    /// Whether what says something of place, device and person was taken out of it. False for what is no picture,
    /// which goes as it is, and for a HEIC where the rules keep what cameras say.
    pub is_clean: bool,
    /// Its preview, if there is one.
    pub preview: Option<FileHash>,
}

/// What may be attached, and what is taken out of it before: the district's configuration.
#[uniffi::remote(Record)]
pub struct FileRules {
    /// Largest file, bytes.
    pub max_file_bytes: u64,
    /// Most bytes of all files of one record, previews aside.
    pub max_record_bytes: u64,
    /// Keeps place, time and device in photos, where the district has decided so and told its people.
    pub keeps_exif: bool,
}

/// What became of a photo that was attached here.
#[uniffi::remote(Enum)]
pub enum FileStanding {
    /// 已上传: the server has it for its record.
    OnServer,
    /// 上传中: the server has a part of it.
    OnTheWay,
    /// 在本机: the server has nothing of it.
    OnThisPhone,
    /// 需要您处理: the server does not take it, or what lies here is damaged.
    NeedsYou,
}

/// How far a photo is.
#[uniffi::remote(Record)]
pub struct FileProgress {
    /// The record that refers to it.
    pub record: RecordId,
    /// The file.
    pub sha256: FileHash,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many of them the server has, as far as was noted here last: every 2 MiB, and whenever sending ends.
    pub sent_bytes: u64,
    /// Where it stands.
    pub standing: FileStanding,
    /// When it was attached, device time.
    pub attached_ms: i64,
    /// Why it needs the worker, or why it did not go the last time; a stable code.
    pub code: Option<String>,
    /// The same for the worker.
    pub zh: Option<String>,
    /// The same for developers.
    pub en: Option<String>,
}

/// Where the photos stand that were attached here. They add up.
#[uniffi::remote(Record)]
pub struct FileCounts {
    /// Photos of which the server has nothing.
    pub on_this_phone: u64,
    /// Photos of which it has a part.
    pub on_the_way: u64,
    /// Photos that it has.
    pub on_server: u64,
    /// Photos that it does not take, or that are damaged here.
    pub needs_you: u64,
    /// Bytes of those on this phone and on the way.
    pub bytes_to_send: u64,
    /// How many of them the server has.
    pub bytes_sent: u64,
}

/// Over what the worker lets files go.
#[uniffi::remote(Enum)]
pub enum FilePolicy {
    /// Over whatever network there is.
    AnyNetwork,
    /// Only where bytes cost nothing.
    UnmeteredOnly,
    /// Not at all for now.
    Paused,
}

/// What network there is, as the system tells the app.
#[uniffi::remote(Enum)]
pub enum Network {
    /// None.
    None,
    /// One where bytes cost something.
    Metered,
    /// One where they do not.
    Unmetered,
}

/// Why files are held back.
#[uniffi::remote(Enum)]
pub enum HeldBack {
    /// The worker paused them.
    Paused,
    /// There is only a network where bytes cost something.
    Metered,
    /// There is no network.
    NoNetwork,
}

/// What a run of sending did.
#[uniffi::remote(Record)]
pub struct FileReport {
    /// Files that the server has since then, previews included.
    pub files_sent: u64,
    /// Bytes of files that were taken.
    pub bytes_sent: u64,
    /// Bytes that were sent and not taken, as after a cut.
    pub bytes_again: u64,
    /// Requests that were answered.
    pub requests: u64,
    /// Requests that were not.
    pub cuts: u64,
    /// Files that the server refused for good; the worker decides.
    pub needs_you: u64,
    /// Files that are left for a later run, previews included.
    pub left: u64,
    /// Bytes of them.
    pub bytes_left: u64,
    /// How long the server wants to be left alone, milliseconds; the run ended for that.
    pub retry_after_ms: Option<u64>,
    /// Why the run ended before everything was sent, if the app wanted it so.
    pub held_back: Option<HeldBack>,
}

/// What the app allows, shared with the sending that runs.
#[derive(Clone)]
pub(crate) struct Allowed(Arc<Mutex<(FilePolicy, Network)>>);

impl Allowed {
    /// What the worker chose last. Until the app says what network there is, it may be one that costs.
    pub(crate) fn at_start(policy: FilePolicy) -> Self {
        Self(Arc::new(Mutex::new((policy, Network::Metered))))
    }

    fn set(&self, policy: FilePolicy, network: Network) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (policy, network);
    }

    pub(crate) fn now(&self) -> (FilePolicy, Network) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[uniffi::export]
impl GridlogPhone {
    /// Takes the photo at `path` into a record: takes place and device out of it, makes its preview, encrypts both
    /// beside the store, and commits. The file at `path` is the app's and stays as it is. A photo that the record
    /// has already in the same role is that one. It takes up to a second for a large photo, so it is async.
    /// Cancelling or dropping it ends it before the commit; after that the photo is attached.
    ///
    /// # Errors
    /// [`GridlogError::Input`] with `file_not_cleanable` for a HEIC, AVIF or broken picture, unless the rules keep what
    /// cameras say: hand over a JPEG; with `file_too_large`, `record_full`, `file_empty` or `file_unreadable`; all before
    /// anything is stored; [`GridlogError::Store`] with `disk_full` or `file_store_failed`; [`GridlogError::Cancelled`]; else as
    /// for [`GridlogPhone::report`]. Nothing is left behind then.
    #[uniffi::method(default(cancel = None))]
    pub async fn attach(
        &self,
        record: RecordId,
        path: String,
        role: PhotoRole,
        cancel: Option<Arc<SyncCancel>>,
    ) -> Result<Attached, GridlogError> {
        let flag = flag_of(cancel);
        let (phone, _, work) = self.begin(&flag)?;
        off_thread(flag.clone(), move || {
            let _work = work;
            Ok(phone.attach_unless(record, &PathBuf::from(path), role, &flag)?)
        })
        .await
    }

    /// What may be attached here.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn file_rules(&self) -> Result<FileRules, GridlogError> {
        self.ask(|phone| phone.file_rules())
    }

    /// Sets what may be attached from here on; it is kept.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn set_file_rules(&self, rules: FileRules) -> Result<(), GridlogError> {
        self.ask(|phone| phone.set_file_rules(rules))
    }

    /// The photos that were attached here, of one record or of all, and where each stands. `status` has the
    /// sums, and a watched list says in `photos_here` of which records photos are only here.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    #[uniffi::method(default(record = None))]
    pub fn files(&self, record: Option<RecordId>) -> Result<Vec<FileProgress>, GridlogError> {
        self.ask(|phone| phone.files(record))
    }

    /// Says over what files may go, and what network there is. It holds until it is said again, also for the
    /// sending that runs: that looks before every piece, and `stay_in_sync` begins to send at once when more is
    /// allowed.
    ///
    /// The policy is kept with the store; at first files go over any network. The network is not: until it is said
    /// after a start, it counts as one that costs. A policy that the store could not keep holds until the app ends,
    /// and the log says so.
    pub fn allow_files(&self, policy: FilePolicy, network: Network) {
        let (former, _) = self.allowed().now();
        self.allowed().set(policy, network);
        // A phone that is shut down sends nothing.
        let Ok(phone) = self.phone() else {
            return;
        };
        if policy != former
            && let Err(error) = self.ask(|phone| phone.set_file_policy(policy))
        {
            tracing::warn!(code = error.code(), "over what files may go was not kept");
        }
        phone.look_again();
    }

    /// Over what files may go, as [`GridlogPhone::allow_files`] said last, also before a restart.
    pub fn file_policy(&self) -> FilePolicy {
        self.allowed().now().0
    }

    /// Sends the files that are only on this phone: previews first, then photos of the newest case first.
    /// Files of records that the server does not have wait; sync first. It runs beside a sync and while people record.
    /// Dropping it cancels it; each file goes on the next time where the server has it.
    ///
    /// # Errors
    /// [`GridlogError::TryLater`] without signal, from a busy server, or with `sending_files` while it runs already;
    /// [`GridlogError::SignIn`] with `sign_in_again`; [`GridlogError::Cancelled`]; [`GridlogError::Store`].
    #[uniffi::method(default(cancel = None))]
    pub async fn send_files(
        &self,
        cancel: Option<Arc<SyncCancel>>,
    ) -> Result<FileReport, GridlogError> {
        let flag = flag_of(cancel);
        let (phone, transport, work) = self.begin(&flag)?;
        let allowed = self.allowed().clone();
        off_thread(flag.clone(), move || {
            let _work = work;
            let may_send = || allowed.now();
            let options = SendOptions {
                may_send: Some(&may_send),
                cancel: Some(&flag),
                ..SendOptions::default()
            };
            Ok(phone.send_files(&transport, options)?)
        })
        .await
    }

    /// Lets a photo that needs the worker be sent again.
    ///
    /// # Errors
    /// [`GridlogError::Input`] with `unknown_file`; [`GridlogError::Store`].
    pub fn retry_file(&self, record: RecordId, file: FileHash) -> Result<(), GridlogError> {
        self.ask(|phone| phone.retry_file(record, file))
    }

    /// Gives up sending a photo that needs the worker.
    ///
    /// # Errors
    /// As for [`GridlogPhone::retry_file`].
    pub fn give_up_file(&self, record: RecordId, file: FileHash) -> Result<(), GridlogError> {
        self.ask(|phone| phone.give_up_file(record, file))
    }

    /// The preview of a photo, a small JPEG, if it is on this phone; else fetch it.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn preview(&self, photo: FileHash) -> Result<Option<Vec<u8>>, GridlogError> {
        self.ask(|phone| phone.preview(photo))
    }

    /// Fetches the preview of somebody else's photo, keeps it, and gives it back. It needs signal, unless it
    /// is here already. Whoever cancels or drops it is answered at once.
    ///
    /// # Errors
    /// [`GridlogError::Server`] with `no_preview`; [`GridlogError::Input`], [`GridlogError::TryLater`],
    /// [`GridlogError::SignIn`], [`GridlogError::Store`]; [`GridlogError::Cancelled`].
    #[uniffi::method(default(cancel = None))]
    pub async fn fetch_preview(
        &self,
        record: RecordId,
        photo: FileHash,
        cancel: Option<Arc<SyncCancel>>,
    ) -> Result<Vec<u8>, GridlogError> {
        self.ask_server(cancel, move |phone, transport, flag| {
            phone.fetch_preview_unless(transport, record, photo, flag)
        })
        .await
    }

    /// Fetches somebody else's photo and keeps it encrypted beside the others, for
    /// [`GridlogPhone::export_file`]. It needs signal, unless it is here already. Whoever cancels or drops it is
    /// answered at once; the part that is under way is the last, and nothing is kept of it.
    ///
    /// # Errors
    /// [`GridlogError::Server`] with `file_not_here` while its author has not sent it, or `bad_answer` if other
    /// bytes came; else as for [`GridlogPhone::fetch_preview`].
    #[uniffi::method(default(cancel = None))]
    pub async fn fetch_file(
        &self,
        record: RecordId,
        file: FileHash,
        cancel: Option<Arc<SyncCancel>>,
    ) -> Result<(), GridlogError> {
        self.ask_server(cancel, move |phone, transport, flag| {
            phone.fetch_file_unless(transport, record, file, flag)
        })
        .await
    }

    /// Writes a file that is on this phone to `path`, unencrypted, where nothing may be yet: for a viewer. Whoever
    /// asked for it removes it again. Cancelling or dropping it ends it between two pieces.
    ///
    /// # Errors
    /// [`GridlogError::Input`] with `unknown_file` or `file_unwritable`; [`GridlogError::Store`] with
    /// `file_damaged` or `disk_full`; [`GridlogError::Cancelled`]. Nothing is left at `path` then.
    #[uniffi::method(default(cancel = None))]
    pub async fn export_file(
        &self,
        file: FileHash,
        path: String,
        cancel: Option<Arc<SyncCancel>>,
    ) -> Result<(), GridlogError> {
        let flag = flag_of(cancel);
        let (phone, _, work) = self.begin(&flag)?;
        off_thread(flag.clone(), move || {
            let _work = work;
            Ok(phone.export_attachment_unless(file, &PathBuf::from(path), &flag)?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::long_work::first_of;
    use crate::phone::tests::open_at;

    #[test]
    fn what_the_app_allows_holds_for_the_sending_that_runs() {
        let allowed = Allowed::at_start(FilePolicy::AnyNetwork);
        let running = allowed.clone();
        let (policy, network) = running.now();
        assert_eq!(policy.holds_back(network), None);
        allowed.set(FilePolicy::UnmeteredOnly, Network::Metered);
        let (policy, network) = running.now();
        assert_eq!(policy.holds_back(network), Some(HeldBack::Metered));
    }

    #[test]
    fn what_the_worker_chose_holds_after_a_restart_and_costs_nothing_until_the_network_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let open = || open_at(folder.path(), "http://127.0.0.1:9");
        let held_back = |phone: &GridlogPhone| {
            let (policy, network) = phone.allowed().now();
            policy.holds_back(network)
        };
        let phone = open();
        assert_eq!(held_back(&phone), None);
        phone.allow_files(FilePolicy::UnmeteredOnly, Network::Unmetered);
        assert_eq!(held_back(&phone), None);
        phone.shut_down();
        drop(phone);

        let phone = open();
        assert_eq!(phone.file_policy(), FilePolicy::UnmeteredOnly);
        assert_eq!(held_back(&phone), Some(HeldBack::Metered));
        phone.allow_files(phone.file_policy(), Network::Unmetered);
        assert_eq!(held_back(&phone), None);
    }

    #[test]
    fn a_text_that_names_no_file_is_told_so() {
        let error = GridlogError::from("..".parse::<FileHash>().unwrap_err());
        assert_eq!(error.code(), "invalid_file");
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    }

    fn names() -> (RecordId, FileHash) {
        (RecordId::from_bytes([1; 16]), FileHash::of(b"a photo"))
    }

    #[test]
    fn work_with_photos_that_is_cancelled_before_it_begins_does_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let phone = open_at(folder.path(), "http://127.0.0.1:9");
        let (record, file) = names();
        let cancel = SyncCancel::new();
        cancel.cancel();
        let cancel = || Some(Arc::clone(&cancel));
        let out = folder.path().join("out.jpg").to_str().unwrap().to_owned();
        let none = out.clone();
        let ended: [Result<(), GridlogError>; 4] = runtime().block_on(async {
            [
                phone
                    .attach(record, none, PhotoRole::Near, cancel())
                    .await
                    .map(drop),
                phone.fetch_preview(record, file, cancel()).await.map(drop),
                phone.fetch_file(record, file, cancel()).await,
                phone.export_file(file, out.clone(), cancel()).await,
            ]
        });
        for ended in ended {
            assert_eq!(ended.unwrap_err().code(), "cancelled");
        }
        assert!(!PathBuf::from(out).exists());
    }

    /// A file of the app that does not end: how many bytes of it were read before somebody had enough. Once some
    /// were, `act` is called.
    #[cfg(unix)]
    fn endless(
        path: &std::path::Path,
        act: impl FnOnce() + Send + 'static,
    ) -> std::thread::JoinHandle<usize> {
        use std::io::Write as _;

        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
        let path = path.to_owned();
        std::thread::spawn(move || {
            let mut pipe = std::fs::File::options().write(true).open(path).unwrap();
            let mut act = Some(act);
            for written in 0.. {
                if pipe.write_all(&[7; 1024 * 1024]).is_err() {
                    return written;
                }
                if let Some(act) = act.take() {
                    act();
                }
            }
            unreachable!("there is always a next number")
        })
    }

    #[test]
    #[cfg(unix)]
    fn attaching_ends_half_way_when_it_is_cancelled_or_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let phone = open_at(folder.path(), "http://127.0.0.1:9");
        let (record, _) = names();
        let far = usize::try_from(FileRules::default().max_file_bytes >> 20).unwrap();
        let attach = |path: PathBuf, cancel| {
            let path = path.to_str().unwrap().to_owned();
            phone.attach(record, path, PhotoRole::Near, cancel)
        };

        let cancel = SyncCancel::new();
        let from_elsewhere = Arc::clone(&cancel);
        let path = folder.path().join("cancelled.jpg");
        let read = endless(&path, move || from_elsewhere.cancel());
        let ended = runtime().block_on(attach(path, Some(cancel)));
        assert_eq!(ended.unwrap_err().code(), "cancelled");
        assert!(read.join().unwrap() < far);

        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let path = folder.path().join("dropped.jpg");
        let (drop_it, was_dropped) = std::sync::mpsc::channel::<()>();
        let read = endless(&path, move || {
            begun.send(()).unwrap();
            was_dropped.recv().unwrap_err();
        });
        let ended = runtime().block_on(first_of(attach(path, None), async {
            has_begun.await.unwrap();
            GridlogError::shut_down()
        }));
        assert_eq!(ended.unwrap_err().code(), "shut_down");
        drop(drop_it);
        assert!(read.join().unwrap() < far);
    }
}
