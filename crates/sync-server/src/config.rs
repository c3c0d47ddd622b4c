//! Configuration: defaults, then a TOML file, then `GRIDLOG_SERVER_…` environment variables.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

use crate::exchange::Work;
use crate::fairness::Allowance;
use crate::ingest::RoundBounds;
use crate::outside::OutsideFiles;

/// What an operator sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen. Put TLS in front of it for anything but this machine.
    pub listen: SocketAddr,
    /// Folder of the database.
    pub data: PathBuf,
    /// File of the signing key; by default `keys/server.key` in `data`. Keep it out of backups of
    /// the database.
    pub key_file: Option<PathBuf>,
    /// The district's code.
    pub district: String,
    /// Longest time that a push waits for its rulings before it is answered `received`, in
    /// milliseconds.
    pub ruling_wait_ms: u64,
    /// How long a sign-in of an office lasts, in minutes.
    pub office_token_minutes: u32,
    /// How long a device's token lasts, in days. A phone that was away longer signs in again and
    /// then pushes what it holds.
    pub device_token_days: u32,
    /// Days after the end of its token for which a device still pushes that cannot get another one, as
    /// its person's account is disabled or it was handed over. What it pushes waits in review, and it
    /// pulls nothing.
    pub late_push_days: u32,
    /// Most requests that are worked on at once; more are asked to come back.
    pub max_requests: usize,
    /// Most devices that are told at once when there is something to pull; more are asked to come
    /// back.
    pub max_live: usize,
    /// Undecided items after which devices are asked to wait before they sync again.
    pub busy_after_items: usize,
    /// How many items of one device may wait for changes that are not here; more are refused.
    pub max_waiting_items: usize,
    /// How much work one device may ask for at once, in milliseconds of one core's time as the server
    /// estimates it.
    pub device_work_ms: u64,
    /// How much of it comes back to the device every second.
    pub device_work_ms_per_second: u64,
    /// Ledger of erased records; by default `erased.log` in `data`. It is in none of the database's
    /// backups, so keep a copy of it elsewhere.
    pub erased_file: Option<PathBuf>,
    /// Ledger of revoked devices; by default `revoked.log` in `data`. Like the one of erased records,
    /// it is in none of the database's backups.
    pub revoked_file: Option<PathBuf>,
    /// Ledger of whose each actor is; by default `actors.log` in `data`. Like the one of erased records,
    /// it is in none of the database's backups.
    pub actors_file: Option<PathBuf>,
    /// Days, or parts of one, after which a case that is over leaves the phones; 0 for never. It stays in
    /// the log, in office lists, and is found online.
    pub archive_after_days: f64,
    /// Hours after a restore in which the clock does nothing to cases, so that phones can give back what the server
    /// lost before anything is called overdue.
    pub restore_grace_hours: u32,
    /// How many changes after its snapshot a record has before it gets a new one; 0 for never.
    pub snapshot_after_changes: u64,
    /// Within how many metres another case may be the same one.
    pub similar_metres: f64,
    /// Within how many days.
    pub similar_days: u32,
    /// The door for other cities' apps, Open311; closed unless it has clients.
    pub open311: Open311,
    /// Photos and other files.
    pub files: Files,
    /// What is logged, in the syntax of `tracing`'s `EnvFilter`.
    pub log: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8930)),
            data: PathBuf::from("gridlog-data"),
            key_file: None,
            district: "430111".to_owned(),
            ruling_wait_ms: 1_500,
            office_token_minutes: 12 * 60,
            device_token_days: 180,
            late_push_days: 180,
            max_requests: 256,
            max_live: 5_000,
            busy_after_items: 5_000,
            max_waiting_items: 2_000,
            device_work_ms: 20_000,
            device_work_ms_per_second: 200,
            erased_file: None,
            revoked_file: None,
            actors_file: None,
            archive_after_days: 90.0,
            restore_grace_hours: 24,
            snapshot_after_changes: 8,
            similar_metres: 200.0,
            similar_days: 30,
            open311: Open311::default(),
            files: Files::default(),
            log: "info".to_owned(),
        }
    }
}

/// Open311 GeoReport v2; see `docs/open311.md`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Open311 {
    /// Who may report through it. Without any, the door is closed.
    pub clients: Vec<Open311Client>,
    /// The `jurisdiction_id` that a request may name; the district's code by default.
    pub jurisdiction: Option<String>,
    /// Public address of the endpoint, as its discovery names it.
    pub url: String,
    /// Whom to ask about the endpoint, for people.
    pub contact: String,
    /// How to get a key, for people.
    pub key_service: String,
    /// Whether a report is answered with a token, by which its number is asked for.
    pub tokens: bool,
    /// Whether answers tell anybody what a resident wrote. Residents write names and numbers of
    /// telephones, so by default they do not.
    pub show_descriptions: bool,
}

/// An app or site that reports through Open311.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open311Client {
    /// Its name, unique.
    pub name: String,
    /// SHA-256 of its `api_key`, in hex. Make keys long and random.
    pub key_sha256: String,
    /// Staff number of whoever answers for what it reports.
    pub by: String,
}

/// Photos and other files; see `docs/files.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Files {
    /// Where they lie; by default `files` in `data`. Uploads that are not finished lie here always.
    pub folder: Option<PathBuf>,
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Most unfinished uploads of one phone, or of one person of an office.
    pub max_uploads: u64,
    /// Most bytes of them together, with those of finished files that no record refers to yet.
    pub max_unfinished_bytes: u64,
    /// Days, or parts of one, after which an upload ends that nobody goes on with.
    pub upload_days: f64,
    /// Days, or parts of one, for which a file is kept that no record refers to.
    pub keep_unreferenced_days: f64,
    /// Most uploads that are received at once, and as many files that are read.
    pub max_requests: usize,
    /// How long a connection may say nothing in the middle of a piece, in seconds.
    pub idle_seconds: u32,
    /// An S3 service instead of the folder. It takes a server built with the feature `s3`.
    pub s3: Option<S3>,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            folder: None,
            max_bytes: 10 * 1024 * 1024,
            max_uploads: 64,
            max_unfinished_bytes: 512 * 1024 * 1024,
            upload_days: 7.0,
            keep_unreferenced_days: 7.0,
            max_requests: 64,
            idle_seconds: 60,
            s3: None,
        }
    }
}

/// Where files lie in an S3 service. Its keys come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// Address of the service; absent for that of AWS.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The region.
    #[serde(default)]
    pub region: Option<String>,
}

/// A time in days as milliseconds; the longest there is if it is beyond that, none if it is no time.
fn ms_of_days(days: f64) -> i64 {
    let time = Duration::try_from_secs_f64(days * 24.0 * 60.0 * 60.0).unwrap_or_default();
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl Files {
    /// How long an upload waits for its next piece, in milliseconds.
    pub fn upload_ms(&self) -> i64 {
        ms_of_days(self.upload_days)
    }

    /// How long a file is kept that no record refers to, in milliseconds.
    pub fn keep_unreferenced_ms(&self) -> i64 {
        ms_of_days(self.keep_unreferenced_days)
    }
}

impl Config {
    /// The folder of files.
    pub fn files_folder(&self) -> PathBuf {
        let named = self.files.folder.clone();
        named.unwrap_or_else(|| self.data.join("files"))
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// If the file or a variable does not fit; the text names which.
    pub fn read(file: Option<&Path>) -> Result<Self, Box<figment::Error>> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        figment
            .merge(Env::prefixed("GRIDLOG_SERVER_"))
            .extract()
            .map_err(Box::new)
    }

    /// What one device may ask for.
    pub fn allowance(&self) -> Allowance {
        Allowance {
            burst: Work(self.device_work_ms.saturating_mul(1_000)),
            a_second: Work(self.device_work_ms_per_second.saturating_mul(1_000)),
        }
    }

    /// What bounds a round of the sequencer.
    pub fn round_bounds(&self) -> RoundBounds {
        RoundBounds {
            waiting: self.max_waiting_items,
            ..RoundBounds::default()
        }
    }

    /// The file of the database.
    pub fn database(&self) -> PathBuf {
        self.data.join("district.db")
    }

    /// The ledger of erased records.
    pub fn erased_file(&self) -> PathBuf {
        self.erased_file
            .clone()
            .unwrap_or_else(|| self.data.join("erased.log"))
    }

    /// The ledger of revoked devices.
    pub fn revoked_file(&self) -> PathBuf {
        self.revoked_file
            .clone()
            .unwrap_or_else(|| self.data.join("revoked.log"))
    }

    /// The ledger of actors.
    pub fn actors_file(&self) -> PathBuf {
        self.actors_file
            .clone()
            .unwrap_or_else(|| self.data.join("actors.log"))
    }

    /// The file that holds the newest epoch of the log.
    pub fn epoch_file(&self) -> PathBuf {
        self.data.join("epoch")
    }

    /// What must outlive a restore of the database.
    pub fn outside(&self) -> OutsideFiles {
        OutsideFiles::new(
            self.erased_file(),
            self.revoked_file(),
            self.actors_file(),
            self.epoch_file(),
        )
    }

    /// How long ago a case must have come to its end to leave the phones, in milliseconds; `None` if
    /// it never does.
    pub fn archive_after_ms(&self) -> Option<i64> {
        let days = Duration::try_from_secs_f64(self.archive_after_days * 24.0 * 60.0 * 60.0);
        let ms = i64::try_from(days.ok()?.as_millis()).ok()?;
        Some(ms).filter(|ms| *ms > 0)
    }

    /// How long the clock leaves a log alone that was put back, in milliseconds.
    pub fn restore_grace_ms(&self) -> i64 {
        i64::from(self.restore_grace_hours) * 60 * 60 * 1000
    }

    /// The file of the signing key.
    pub fn key_file(&self) -> PathBuf {
        self.key_file
            .clone()
            .unwrap_or_else(|| self.data.join("keys").join("server.key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_is_an_error_and_not_silently_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gridlog.toml");
        std::fs::write(&file, "listne = \"127.0.0.1:1\"").unwrap();
        assert!(Config::read(Some(&file)).is_err());
        std::fs::write(&file, "district = \"1\"").unwrap();
        assert_eq!(Config::read(Some(&file)).unwrap().district, "1");
    }

    #[test]
    fn cases_leave_after_days_or_parts_of_one_and_not_at_all_after_none() {
        let after = |days| {
            let config = Config {
                archive_after_days: days,
                ..Config::default()
            };
            config.archive_after_ms()
        };
        assert_eq!(Config::default().archive_after_ms(), Some(7_776_000_000));
        assert_eq!(after(0.5), Some(43_200_000));
        for never in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MAX] {
            assert_eq!(after(never), None, "{never}");
        }
    }

    #[test]
    fn of_files_one_setting_may_be_given_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gridlog.toml");
        std::fs::write(&file, "[files]\nmax_bytes = 7\ns3 = { bucket = \"b\" }").unwrap();
        let files = Config::read(Some(&file)).unwrap().files;
        assert_eq!((files.max_bytes, files.max_uploads), (7, 64));
        assert_eq!(files.s3.unwrap().bucket, "b");
        std::fs::write(&file, "[files]\nmax_byte = 7").unwrap();
        assert!(Config::read(Some(&file)).is_err());
    }

    #[test]
    fn a_file_that_was_named_must_exist() {
        assert!(Config::read(Some(Path::new("no-such-file.toml"))).is_err());
    }
}
