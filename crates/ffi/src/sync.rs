//! Enrolment and sync: what needs signal and takes its time.

use std::sync::Arc;

use gridlog_client_core::{
    CancelFlag, FoundOnline, Identity, Phone, PhoneError, StayFiles, StayOptions, SyncOptions,
    SyncReport, Transport,
};
use gridlog_domain::id::PersonId;
use tokio::sync::Notify;

use crate::connectivity::AppTransport;
use crate::error::GridlogError;
use crate::long_work::{first_of, off_thread};
use crate::phone::GridlogPhone;

/// Who enrols a phone.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct EnrolOptions {
    /// Staff number.
    pub person: PersonId,
    /// Their password; it is sent and not kept.
    pub password: String,
    /// What the person calls the phone.
    pub device_name: String,
}

impl std::fmt::Debug for EnrolOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolOptions")
            .field("person", &self.person)
            .finish_non_exhaustive()
    }
}

/// Cancels long work from anywhere: a sync ends between two requests, `attach` and `export_file` between two pieces,
/// anything else at once. One for each.
#[derive(Debug, Default, uniffi::Object)]
pub struct SyncCancel {
    flag: CancelFlag,
    told: Notify,
}

impl SyncCancel {
    /// Ready, as an error, once it was asked to end.
    async fn wanted(&self) -> GridlogError {
        let told = self.told.notified();
        if !self.flag.is_cancelled() {
            told.await;
        }
        PhoneError::Cancelled.into()
    }
}

#[uniffi::export]
impl SyncCancel {
    /// One that is not cancelled.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Asks the work to end; a sync ends after the request that is under way, and so does sending.
    pub fn cancel(&self) {
        self.flag.cancel();
        self.told.notify_waiters();
    }

    /// Whether it was asked to end.
    pub fn is_cancelled(&self) -> bool {
        self.flag.is_cancelled()
    }
}

#[uniffi::export]
impl GridlogPhone {
    /// Makes this phone a device of a person. From here on it trusts the key of the server that
    /// answered, and no other. An enrolment that is cancelled or dropped under way may still come to its end.
    ///
    /// # Errors
    /// [`GridlogError::Server`] for example for a wrong password; [`GridlogError::SignIn`] with
    /// `other_person`; [`GridlogError::TryLater`]. The store is as it was then. [`GridlogError::Cancelled`].
    #[uniffi::method(default(cancel = None))]
    pub async fn enrol(
        &self,
        options: EnrolOptions,
        cancel: Option<Arc<SyncCancel>>,
    ) -> Result<Identity, GridlogError> {
        self.ask_server(cancel, move |phone, transport, _| {
            let EnrolOptions {
                person,
                password,
                device_name,
            } = &options;
            phone.enrol(transport, person, password, device_name)
        })
        .await
    }

    /// Signs the same person in again, after `sign_in_again`. Everything on the phone is kept.
    ///
    /// # Errors
    /// As for [`GridlogPhone::enrol`].
    #[uniffi::method(default(cancel = None))]
    pub async fn sign_in(
        &self,
        password: String,
        cancel: Option<Arc<SyncCancel>>,
    ) -> Result<Identity, GridlogError> {
        self.ask_server(cancel, move |phone, transport, _| {
            phone.sign_in(transport, &password)
        })
        .await
    }

    /// Sends everything unsent and pulls everything new. It may be called at any time and again
    /// after any failure; whatever was exchanged is kept. Dropping it cancels it.
    ///
    /// # Errors
    /// [`GridlogError::TryLater`] without signal, from a busy server, while a sync runs, or with
    /// `asked_to_wait` while the server wants to be left alone: nothing is sent then, also if somebody
    /// pressed a button, and `waits_until_ms` of the status says until when;
    /// [`GridlogError::SignIn`] with `sign_in_again`; [`GridlogError::Cancelled`];
    /// [`GridlogError::Server`]; [`GridlogError::Store`].
    #[uniffi::method(default(cancel = None))]
    pub async fn sync(&self, cancel: Option<Arc<SyncCancel>>) -> Result<SyncReport, GridlogError> {
        self.exchange(cancel, Phone::sync).await
    }

    /// Syncs, and compares every record with the server's, whether anything seems to differ or not.
    /// `differing` of the report says in how many they differed; those were mended. It reads everything
    /// that is here, and takes its time.
    ///
    /// # Errors
    /// As for [`GridlogPhone::sync`].
    #[uniffi::method(default(cancel = None))]
    pub async fn verify(
        &self,
        cancel: Option<Arc<SyncCancel>>,
    ) -> Result<SyncReport, GridlogError> {
        self.exchange(cancel, Phone::verify).await
    }

    /// Asks the server for records whose headline holds `text`, 1 to 64 characters, such as cases that
    /// have left the phones: those that the person may see, at most `limit` and at most 50. It needs
    /// signal, and keeps nothing.
    ///
    /// # Errors
    /// [`GridlogError::TryLater`], [`GridlogError::SignIn`], [`GridlogError::Server`],
    /// [`GridlogError::Store`].
    #[uniffi::method(default(limit = 50, cancel = None))]
    pub async fn search_online(
        &self,
        text: String,
        limit: u32,
        cancel: Option<Arc<SyncCancel>>,
    ) -> Result<Vec<FoundOnline>, GridlogError> {
        self.ask_server(cancel, move |phone, transport, _| {
            phone.search_online(transport, &text, limit)
        })
        .await
    }

    /// Keeps this phone in sync until it is cancelled, dropped, or the phone is shut down: for as long as the
    /// app is open. It
    /// syncs when something is recorded here or published there, tries again later each time when
    /// there is no signal, and leaves the server alone for as long as the server asks. Photos go beside it, as far
    /// as `allow_files` lets them, so `send_files` is for an app that does not stay in sync. Watches and
    /// `status` show what came of it.
    ///
    /// # Errors
    /// What time does not mend: [`GridlogError::SignIn`] with `sign_in_again`,
    /// [`GridlogError::Store`].
    #[uniffi::method(default(cancel = None))]
    pub async fn stay_in_sync(&self, cancel: Option<Arc<SyncCancel>>) -> Result<(), GridlogError> {
        let flag = flag_of(cancel);
        let (phone, transport, work) = self.begin(&flag)?;
        let allowed = self.allowed().clone();
        off_thread(flag.clone(), move || {
            let _work = work;
            let for_files = transport.clone();
            let transport: Arc<dyn Transport + Send + Sync> = Arc::new(transport);
            let may_send = || allowed.now();
            let options = StayOptions {
                files: Some(StayFiles {
                    transport: &for_files,
                    may_send: &may_send,
                }),
                ..StayOptions::default()
            };
            Ok(phone.stay_in_sync(&transport, options, &flag)?)
        })
        .await
    }
}

/// The flag that ends what begins: the app's, or one of its own.
pub(crate) fn flag_of(cancel: Option<Arc<SyncCancel>>) -> CancelFlag {
    cancel.map_or_else(CancelFlag::new, |cancel| cancel.flag.clone())
}

/// A way to exchange everything with the server.
type Exchange = fn(&Phone, &dyn Transport, SyncOptions<'_>) -> Result<SyncReport, PhoneError>;

impl GridlogPhone {
    /// Asks the server something: who cancels it is answered at once, and what comes back later is nobody's any
    /// more. What is more than one request looks at the flag in between.
    pub(crate) async fn ask_server<T: Send + 'static>(
        &self,
        cancel: Option<Arc<SyncCancel>>,
        ask: impl FnOnce(&Phone, &AppTransport, &CancelFlag) -> Result<T, PhoneError> + Send + 'static,
    ) -> Result<T, GridlogError> {
        let cancel = cancel.unwrap_or_default();
        let flag = cancel.flag.clone();
        let (phone, transport, work) = self.begin(&flag)?;
        let asking = off_thread(flag.clone(), move || {
            let _work = work;
            if flag.is_cancelled() {
                return Err(PhoneError::Cancelled.into());
            }
            Ok(ask(&phone, &transport, &flag)?)
        });
        first_of(asking, cancel.wanted()).await
    }

    async fn exchange(
        &self,
        cancel: Option<Arc<SyncCancel>>,
        exchange: Exchange,
    ) -> Result<SyncReport, GridlogError> {
        let flag = flag_of(cancel);
        let (phone, transport, work) = self.begin(&flag)?;
        off_thread(flag.clone(), move || {
            let _work = work;
            let options = SyncOptions {
                cancel: Some(&flag),
                ..SyncOptions::default()
            };
            Ok(exchange(&phone, &transport, options)?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::phone::tests::open_at;

    #[test]
    fn who_cancels_an_enrolment_is_answered_while_the_server_is_silent() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", silent.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let phone = open_at(folder.path(), &server);
        let cancel = SyncCancel::new();
        let from_elsewhere = Arc::clone(&cancel);
        let reached = std::thread::spawn(move || {
            let line = silent.accept().unwrap();
            from_elsewhere.cancel();
            line
        });
        let options = EnrolOptions {
            person: PersonId::from("W001"),
            password: "correct horse".to_owned(),
            device_name: "phone".to_owned(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let enrolled = runtime.block_on(phone.enrol(options, Some(cancel)));
        let error = enrolled.unwrap_err();
        assert!(matches!(error, GridlogError::Cancelled { .. }), "{error:?}");
        drop(reached.join().unwrap());
    }

    #[test]
    fn what_is_cancelled_before_it_begins_asks_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let phone = open_at(folder.path(), &server);
        let cancel = SyncCancel::new();
        cancel.cancel();
        let cancelled = || Some(Arc::clone(&cancel));
        let options = EnrolOptions {
            person: PersonId::from("W001"),
            password: "correct horse".to_owned(),
            device_name: "phone".to_owned(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let ended: [Result<(), GridlogError>; 3] = runtime.block_on(async {
            let text = "井盖".to_owned();
            [
                phone.enrol(options, cancelled()).await.map(drop),
                phone.sign_in(String::new(), cancelled()).await.map(drop),
                phone.search_online(text, 5, cancelled()).await.map(drop),
            ]
        });
        for ended in ended {
            assert_eq!(ended.unwrap_err().code(), "cancelled");
        }
        while !phone.is_idle() {
            std::thread::yield_now();
        }
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "somebody asked");
    }

    #[test]
    fn a_password_is_never_shown() {
        let options = EnrolOptions {
            person: PersonId::from("W001"),
            password: "correct horse".to_owned(),
            device_name: "phone".to_owned(),
        };
        assert!(!format!("{options:?}").contains("horse"));
    }
}
