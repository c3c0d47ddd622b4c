//! The JSON bodies of `POST /v1/enrol`: how an installation becomes a device.

use serde::{Deserialize, Serialize};

/// What an installation sends once, with signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// Staff number.
    pub person: String,
    /// The person's password.
    pub password: String,
    /// The fresh actor of the installation's store, 32 hex digits.
    pub actor: String,
    /// What the person calls the phone.
    pub device_name: String,
}

/// What it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// The device's id.
    pub device: String,
    /// A bearer token for `POST /v1/sync`.
    pub token: String,
    /// The key that signs pages and certificates, Ed25519, 64 hex digits. The device trusts this
    /// key from here on and no other.
    pub server_key: String,
    /// The signed certificate, hex.
    pub certificate: String,
    /// The district's code.
    pub district: String,
    /// `gridlog_domain::reference::Person` as JSON.
    pub profile: serde_json::Value,
    /// Version of that profile.
    pub profile_version: u64,
    /// The notes by which that key follows earlier ones, hex, the first one first; see
    /// [`crate::Succession`]. A device that was enrolled before follows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successions: Vec<String>,
}

/// What a refused JSON request gets, with a status of 400 or above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Stable.
    pub code: String,
    /// For a person, Chinese.
    pub zh: String,
    /// For a developer, English.
    pub en: String,
}
