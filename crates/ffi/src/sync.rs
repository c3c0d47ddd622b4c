//! Enrolment and sync: what needs signal and takes its time.

use std::sync::Arc;

use gridlog_client_core::{CancelFlag, Identity, SyncOptions, SyncReport};
use gridlog_domain::id::PersonId;

use crate::error::GridlogError;
use crate::long_work::off_thread;
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

/// Cancels a sync from anywhere, between two requests. One for each sync.
#[derive(Debug, Default, uniffi::Object)]
pub struct SyncCancel {
    flag: CancelFlag,
}

#[uniffi::export]
impl SyncCancel {
    /// One that is not cancelled.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Asks the sync to end after the request that is under way.
    pub fn cancel(&self) {
        self.flag.cancel();
    }

    /// Whether it was asked to end.
    pub fn is_cancelled(&self) -> bool {
        self.flag.is_cancelled()
    }
}

#[uniffi::export]
impl GridlogPhone {
    /// Makes this phone a device of a person. From here on it trusts the key of the server that
    /// answered, and no other. An enrolment that is dropped under way may still come to its end.
    ///
    /// # Errors
    /// [`GridlogError::Server`] for example for a wrong password; [`GridlogError::SignIn`] with
    /// `other_person`; [`GridlogError::TryLater`]. The store is as it was then.
    pub async fn enrol(&self, options: EnrolOptions) -> Result<Identity, GridlogError> {
        let (phone, transport) = (self.phone()?, self.transport());
        off_thread(CancelFlag::new(), move || {
            Ok(phone.enrol(
                &transport,
                &options.person,
                &options.password,
                &options.device_name,
            )?)
        })
        .await
    }

    /// Signs the same person in again, after `sign_in_again`. Everything on the phone is kept.
    ///
    /// # Errors
    /// As for [`GridlogPhone::enrol`].
    pub async fn sign_in(&self, password: String) -> Result<Identity, GridlogError> {
        let (phone, transport) = (self.phone()?, self.transport());
        off_thread(CancelFlag::new(), move || {
            Ok(phone.sign_in(&transport, &password)?)
        })
        .await
    }

    /// Sends everything unsent and pulls everything new. It may be called at any time and again
    /// after any failure; whatever was exchanged is kept. Dropping it cancels it.
    ///
    /// # Errors
    /// [`GridlogError::TryLater`] without signal, from a busy server, or while a sync runs;
    /// [`GridlogError::SignIn`] with `sign_in_again`; [`GridlogError::Cancelled`];
    /// [`GridlogError::Server`]; [`GridlogError::Store`].
    #[uniffi::method(default(cancel = None))]
    pub async fn sync(&self, cancel: Option<Arc<SyncCancel>>) -> Result<SyncReport, GridlogError> {
        let (phone, transport) = (self.phone()?, self.transport());
        let flag = cancel.map_or_else(CancelFlag::new, |cancel| cancel.flag.clone());
        off_thread(flag.clone(), move || {
            let options = SyncOptions {
                cancel: Some(&flag),
                ..SyncOptions::default()
            };
            Ok(phone.sync(&transport, options)?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
