//! The job that deletes what nobody needs: uploads that nobody went on with, files that nobody holds, and what lies in
//! the folder without anybody knowing of it. It never touches a file that a record holds.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use gridlog_domain::environment::Clock;
use gridlog_protocol::Digest;

use super::{Files, blocking};
use crate::files::error::FileError;
use crate::store::UploadId;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60);
/// How long an upload that has expired still answers that it has, in milliseconds.
const SAYS_SO_MS: i64 = 24 * 60 * 60_000;
/// After how many rounds it looks for what nobody knows of: about once a day.
const STRAYS_AFTER: u32 = 24 * 60;
/// Most rows of one transaction.
const AT_ONCE: usize = 256;

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Uploads that had expired.
    pub uploads: usize,
    /// Pairs of a record and a file to which it does not refer.
    pub pairs: usize,
    /// Files that nobody held.
    pub files: usize,
    /// Files and unfinished uploads that nobody knew of.
    pub strays: usize,
}

/// The job.
#[derive(Debug)]
pub struct Collector {
    files: Files,
    /// How long a file is kept that no record refers to, in milliseconds.
    keep_ms: i64,
}

impl Collector {
    /// Keeps files so long to which no record refers, in milliseconds.
    pub fn new(files: Files, keep_ms: i64) -> Self {
        Self { files, keep_ms }
    }

    /// Works until it is dropped.
    pub(crate) async fn run(self, clock: Arc<dyn Clock>) {
        let mut rounds = 0;
        loop {
            let now_ms = clock.now_ms();
            let round = async {
                let mut collected = self.round(now_ms).await?;
                if rounds % STRAYS_AFTER == 0 {
                    collected.strays = self.strays(now_ms).await?;
                }
                Ok::<_, FileError>(collected)
            };
            match round.await {
                Ok(collected) if collected == Collected::default() => {}
                Ok(collected) => tracing::info!(?collected, "files that nobody needs were deleted"),
                Err(error) => tracing::error!(%error, "files were not looked through"),
            }
            rounds = rounds.wrapping_add(1);
            let woken = self.files.0.left.notified();
            // Woken or not, it looks.
            let _ = tokio::time::timeout(EVERY, woken).await;
        }
    }

    /// One look at what expired, is referred to by nobody or is leaving.
    ///
    /// # Errors
    /// [`FileError`]; what was deleted before stays so, and the next look goes on.
    pub async fn round(&self, now_ms: i64) -> Result<Collected, FileError> {
        let mut collected = Collected::default();
        loop {
            let ended = self.end_uploads(now_ms.saturating_sub(SAYS_SO_MS)).await?;
            collected.uploads += ended;
            if ended < AT_ONCE {
                break;
            }
        }
        loop {
            let (store, before_ms) = (self.store(), now_ms.saturating_sub(self.keep_ms));
            let dropped = blocking(move || Ok(store.drop_unreferenced(before_ms, AT_ONCE)?));
            let dropped = dropped.await?;
            collected.pairs += dropped;
            if dropped < AT_ONCE {
                break;
            }
        }
        loop {
            let store = self.store();
            let leaving = blocking(move || Ok(store.leaving_files(AT_ONCE)?)).await?;
            for sha256 in &leaving {
                collected.files += usize::from(self.delete(*sha256).await?);
            }
            if leaving.len() < AT_ONCE {
                return Ok(collected);
            }
        }
    }

    fn store(&self) -> Arc<dyn crate::store::Store> {
        Arc::clone(&self.files.0.store)
    }

    async fn end_uploads(&self, before_ms: i64) -> Result<usize, FileError> {
        let store = self.store();
        let expired = blocking(move || Ok(store.expired_uploads(before_ms, AT_ONCE)?)).await?;
        for id in &expired {
            // Whoever sends just now is told that it is over.
            let _turn = self.files.take(*id).await;
            self.files.end(*id).await?;
        }
        Ok(expired.len())
    }

    /// Deletes a file that is leaving, unless somebody sent it again meanwhile.
    async fn delete(&self, sha256: Digest) -> Result<bool, FileError> {
        let _file = self.files.0.turns.file(sha256).await;
        let store = self.store();
        if blocking(move || Ok(store.is_leaving(sha256)?)).await? != Some(true) {
            return Ok(false);
        }
        self.files.0.shelf.remove(sha256).await?;
        let store = self.store();
        blocking(move || Ok(store.forget_file(sha256)?)).await?;
        Ok(true)
    }

    /// Deletes what lies there and is in no row: after a restore of an older database, or after a server was killed in
    /// the wrong moment. Whole files have as long to be claimed as unreferenced ones.
    ///
    /// # Errors
    /// [`FileError`].
    pub async fn strays(&self, now_ms: i64) -> Result<usize, FileError> {
        let mut count = self.stray_parts().await?;
        let mut names = self.files.0.shelf.names();
        let before_ms = now_ms.saturating_sub(self.keep_ms);
        while let Some(found) = names.next().await {
            let (sha256, since_ms) = found?;
            if since_ms >= before_ms {
                continue;
            }
            let _file = self.files.0.turns.file(sha256).await;
            let store = self.store();
            if blocking(move || Ok(store.is_leaving(sha256)?))
                .await?
                .is_none()
            {
                self.files.0.shelf.remove(sha256).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn stray_parts(&self) -> Result<usize, FileError> {
        let store = self.store();
        let folder = self.files.0.shelf.unfinished().to_owned();
        blocking(move || {
            let mut count = 0;
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                let mut id: UploadId = [0; 16];
                let name = entry.file_name();
                if hex::decode_to_slice(name.as_encoded_bytes(), &mut id).is_err() {
                    continue;
                }
                // A row is there before the first byte is.
                if store.upload(id)?.is_none_or(|upload| upload.finished) {
                    super::part::Part::remove(&entry.path())?;
                    count += 1;
                }
            }
            Ok(count)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::config::Config;
    use crate::environment::SystemClock;
    use crate::files::{FileError, Kept};
    use crate::store::conformance::{Entered, erase, record};
    use crate::store::{
        Begun, FileOfRecord, FileStore as _, NewUpload, SqliteStore, Store as _, UploadLimits,
        Uploader,
    };

    /// What somebody does, with record and file.
    #[derive(Debug, Clone, Copy)]
    enum Deed {
        Sends,
        Refers,
        Erases,
    }

    fn deeds() -> impl Strategy<Value = Vec<(Deed, u8, u8, bool)>> {
        let deed = prop_oneof![
            4 => Just(Deed::Sends),
            3 => Just(Deed::Refers),
            1 => Just(Deed::Erases),
        ];
        proptest::collection::vec((deed, 1_u8..=3, 1_u8..=2, any::<bool>()), 1..24)
    }

    fn contents(file: u8) -> Vec<u8> {
        vec![file; 5_000]
    }

    fn pair(n: u8, file: u8) -> FileOfRecord {
        FileOfRecord {
            record: record(n),
            sha256: Digest(Sha256::digest(contents(file)).into()),
        }
    }

    /// A store, the files beside it, and what has become of records so far.
    struct World {
        store: Arc<SqliteStore>,
        files: Files,
        uploads: u8,
        referred: BTreeMap<u8, BTreeSet<u8>>,
        erased: BTreeSet<u8>,
        _folder: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Arc::new(SqliteStore::open(&folder.path().join("district.db")).unwrap());
            let config = Config {
                data: folder.path().to_owned(),
                ..Config::default()
            };
            let files = Files::open(&config, store.clone(), Arc::new(SystemClock)).unwrap();
            Self {
                store,
                files,
                uploads: 0,
                referred: BTreeMap::new(),
                erased: BTreeSet::new(),
                _folder: folder,
            }
        }

        async fn does(&mut self, deed: Deed, n: u8, file: u8) {
            match deed {
                Deed::Sends => self.sends(n, file).await,
                Deed::Erases => {
                    if self.erased.insert(n) {
                        erase(&*self.store, n, &["a:1"]);
                    }
                }
                Deed::Refers if !self.erased.contains(&n) => {
                    self.referred.entry(n).or_default().insert(file);
                    let photos = self.referred[&n].iter().map(|file| {
                        let sha256 = pair(n, *file).sha256;
                        format!(r#""{file}":{{"sha256":"{sha256}","by":"W001"}}"#)
                    });
                    let photos: Vec<String> = photos.collect();
                    let head = self.store.head().unwrap();
                    let mut batch = Entered::begun(n, &["a:1"]).on(head);
                    batch.records[0].view = format!("{{\"photos\":{{{}}}}}", photos.join(","));
                    self.store.commit(&batch).unwrap();
                }
                Deed::Refers => {}
            }
        }

        async fn sends(&mut self, n: u8, file: u8) {
            self.uploads += 1;
            let of = pair(n, file);
            let finished = match self.store.held_file(of).unwrap() {
                Some(held) => self.files.is_there(of.sha256, held.bytes).await.unwrap(),
                None => false,
            };
            let new = NewUpload {
                id: [self.uploads; 16],
                by: Uploader {
                    person: "W001".into(),
                    device: None,
                },
                of,
                length: 5_000,
                now_ms: 0,
                expires_ms: i64::MAX,
                finished,
            };
            let limits = UploadLimits {
                uploads: 99,
                bytes: u64::MAX,
            };
            let Begun::Upload(upload) = self.store.begin_upload(&new, limits).unwrap() else {
                panic!("there is room");
            };
            if upload.finished {
                return;
            }
            std::fs::write(self.files.part(upload.id), contents(file)).unwrap();
            let mut turn = self.files.take(upload.id).await;
            match self.files.finish(&upload, &mut turn).await {
                Ok(()) => {}
                Err(FileError::Unknown) => assert!(self.erased.contains(&n)),
                Err(error) => panic!("{error}"),
            }
        }

        fn is_held(&self, n: u8, file: u8) -> bool {
            self.store.held_file(pair(n, file)).unwrap().is_some()
        }

        async fn lies_there(&self, file: u8) -> bool {
            let sha256 = pair(1, file).sha256;
            let size = self.files.0.shelf.size(Kept::File, sha256).await.unwrap();
            assert!(size.is_none_or(|size| size == 5_000));
            size.is_some()
        }
    }

    fn collector(world: &World) -> Collector {
        Collector::new(world.files.clone(), 0)
    }

    /// After any time: everything may go that nobody needs.
    const THEN: i64 = i64::MAX;

    async fn live(deeds: Vec<(Deed, u8, u8, bool)>) {
        let mut world = World::new();
        let mut safe: BTreeSet<(u8, u8)> = BTreeSet::new();
        for (deed, n, file, meanwhile) in deeds {
            let job = collector(&world);
            let job = async {
                match meanwhile {
                    true => tokio::spawn(async move { job.round(THEN).await }).await,
                    false => Ok(Ok(Collected::default())),
                }
            };
            let (_, done) = tokio::join!(world.does(deed, n, file), job);
            done.unwrap().unwrap();
            let refers = |n: &u8, file: &u8| {
                let files = world.referred.get(n);
                !world.erased.contains(n) && files.is_some_and(|files| files.contains(file))
            };
            for n in 1..=3 {
                for file in 1..=2 {
                    if refers(&n, &file) && world.is_held(n, file) {
                        safe.insert((n, file));
                    }
                }
            }
            safe.retain(|(n, _)| !world.erased.contains(n));
            for (n, file) in &safe {
                assert!(world.is_held(*n, *file), "record {n} lost file {file}");
                assert!(world.lies_there(*file).await, "file {file} is gone");
            }
        }
        collector(&world).round(THEN).await.unwrap();
        for file in 1..=2 {
            let needed = safe.iter().any(|(_, held)| *held == file);
            assert_eq!(world.lies_there(file).await, needed, "file {file}");
        }
    }

    #[tokio::test]
    async fn whoever_sends_a_file_after_the_job_saw_it_leave_wins() {
        let mut world = World::new();
        world.does(Deed::Sends, 1, 1).await;
        assert_eq!(world.store.drop_unreferenced(THEN, 9).unwrap(), 1);
        let seen = world.store.leaving_files(9).unwrap();
        world.does(Deed::Sends, 1, 1).await;
        assert!(!collector(&world).delete(seen[0]).await.unwrap());
        assert!(world.is_held(1, 1) && world.lies_there(1).await);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn whatever_comes_while_files_are_deleted_what_is_held_and_referred_to_stays_and_nothing_else(
            deeds in deeds()
        ) {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(live(deeds));
        }
    }
}
