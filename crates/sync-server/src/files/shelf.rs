//! Where whole files lie, by their content: a folder, or an S3 service.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, try_unfold};
use gridlog_protocol::Digest;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Place;
use object_store::{
    GetOptions, GetResult, GetResultPayload, ObjectStore, ObjectStoreExt as _, PutPayload,
    WriteMultipart,
};

use super::error::FileError;
use super::part::{BUFFER, Part};
use crate::config::{Config, S3};
use crate::store::{UploadId, digest_of};

/// An S3 service takes pieces of a file from this size on, in bytes.
const S3_PIECE: usize = 5 * 1024 * 1024;

/// Bytes as they are read.
pub(crate) type Reading = BoxStream<'static, Result<Bytes, object_store::Error>>;

/// What is kept under the name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The file itself.
    File,
    /// The preview that the server made of it.
    Preview,
}

impl Kept {
    const fn folder(self) -> &'static str {
        match self {
            Self::File => "files",
            Self::Preview => "previews",
        }
    }
}

/// The shelf, and the folder beside it for what is not whole yet.
pub(crate) struct Shelf {
    objects: Arc<dyn ObjectStore>,
    unfinished: PathBuf,
    /// Whether `unfinished` lies in the folder of whole files, so that a whole file is linked into its place.
    links: bool,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf")
            .field("unfinished", &self.unfinished)
            .finish_non_exhaustive()
    }
}

/// Why there is no shelf.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The folder.
    #[error("cannot use the folder of files {folder}: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The object store.
    #[error("cannot use the store of files: {0}")]
    Objects(#[from] object_store::Error),
    /// The configuration asks for what this server cannot do.
    #[error(
        "files.s3 is set, and this server was built without it; build it with the feature `s3`, or \
         take files.s3 out of the configuration"
    )]
    WithoutS3,
}

impl Shelf {
    /// Opens the shelf that the configuration names, creating its folder.
    pub(crate) fn open(config: &Config) -> Result<Self, ShelfError> {
        let folder = config.files_folder();
        let unfinished = folder.join("unfinished");
        let failed = |source| ShelfError::Folder {
            folder: folder.clone(),
            source,
        };
        create_private_folder(&folder).map_err(failed)?;
        create_private_folder(&unfinished).map_err(failed)?;
        let objects: Arc<dyn ObjectStore> = match &config.files.s3 {
            Some(s3) => open_s3(s3)?,
            None => {
                create_boards(&folder).map_err(failed)?;
                Arc::new(
                    LocalFileSystem::new_with_prefix(&folder)?
                        .with_fsync(true)
                        .with_automatic_cleanup(false),
                )
            }
        };
        Ok(Self {
            objects,
            unfinished,
            links: config.files.s3.is_none(),
        })
    }

    /// Where the bytes of an upload lie until it is whole.
    pub(crate) fn part(&self, id: UploadId) -> PathBuf {
        self.unfinished.join(hex::encode(id))
    }

    /// The folder of unfinished uploads.
    pub(crate) fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    /// Whether a whole upload is put by another name for the same bytes, so that putting it again costs nothing.
    pub(crate) fn links(&self) -> bool {
        self.links
    }

    /// Puts a whole upload, whose bytes are synced, under its name. The upload stays as it is.
    pub(crate) async fn put(&self, id: UploadId, sha256: Digest) -> Result<(), FileError> {
        let to = place(Kept::File, sha256);
        if self.links {
            let from = Place::from(format!("unfinished/{}", hex::encode(id)));
            // A file system without links is served by copying.
            if self.objects.copy(&from, &to).await.is_ok() {
                return Ok(());
            }
        }
        self.copy(self.part(id), &to).await
    }

    /// Copies a local file, some of it in memory at a time.
    async fn copy(&self, from: PathBuf, to: &Place) -> Result<(), FileError> {
        let upload = self.objects.put_multipart(to).await?;
        let mut write = WriteMultipart::new_with_chunk_size(upload, S3_PIECE);
        let mut at = 0;
        loop {
            let path = from.clone();
            let read = tokio::task::spawn_blocking(move || Part::read_at(&path, at, BUFFER));
            let bytes = read.await.map_err(|_| FileError::Thread)??;
            if bytes.is_empty() {
                break;
            }
            at += bytes.len() as u64;
            write.wait_for_capacity(1).await?;
            write.write(&bytes);
        }
        write.finish().await?;
        Ok(())
    }

    /// Keeps a preview.
    pub(crate) async fn put_preview(
        &self,
        sha256: Digest,
        bytes: Vec<u8>,
    ) -> Result<(), FileError> {
        let to = place(Kept::Preview, sha256);
        self.objects.put(&to, PutPayload::from(bytes)).await?;
        Ok(())
    }

    /// How many bytes lie under a name; `None` if nothing does.
    pub(crate) async fn size(&self, kept: Kept, sha256: Digest) -> Result<Option<u64>, FileError> {
        match self.objects.head(&place(kept, sha256)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Some of the bytes under a name; `None` if nothing is there.
    pub(crate) async fn read(
        &self,
        kept: Kept,
        sha256: Digest,
        range: Option<Range<u64>>,
    ) -> Result<Option<Reading>, FileError> {
        let options = GetOptions {
            range: range.map(Into::into),
            ..GetOptions::default()
        };
        match self.objects.get_opts(&place(kept, sha256), options).await {
            Ok(found) => Ok(Some(reading(found))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a file and its preview; those that are not there are deleted.
    pub(crate) async fn remove(&self, sha256: Digest) -> Result<(), FileError> {
        for kept in [Kept::Preview, Kept::File] {
            match self.objects.delete(&place(kept, sha256)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Every name under which a file lies, with the time since when, milliseconds since the Unix epoch.
    pub(crate) fn names(&self) -> BoxStream<'static, Result<(Digest, i64), FileError>> {
        let prefix = Place::from("files");
        let found = self.objects.list(Some(&prefix)).filter_map(async |found| {
            let found = match found {
                Ok(found) => found,
                Err(error) => return Some(Err(error.into())),
            };
            let sha256 = found.location.filename().and_then(digest_of)?;
            Some(Ok((sha256, found.last_modified.timestamp_millis())))
        });
        found.boxed()
    }
}

/// The bytes of what was found. A local file is read in larger pieces than the store would by itself, since each piece is
/// a turn of a thread.
fn reading(found: GetResult) -> Reading {
    let range = found.range.clone();
    match found.payload {
        GetResultPayload::Stream(stream) => stream,
        GetResultPayload::File(file, _) => {
            let next = move |(mut file, at, end): (File, u64, u64)| async move {
                if at >= end {
                    return Ok(None);
                }
                let read = tokio::task::spawn_blocking(move || {
                    let most = usize::try_from(end - at).unwrap_or(BUFFER).min(BUFFER);
                    let mut bytes = vec![0; most];
                    file.seek(SeekFrom::Start(at))?;
                    file.read_exact(&mut bytes)?;
                    Ok((Bytes::from(bytes), file))
                });
                let read = read.await.map_err(io::Error::from).flatten();
                let (bytes, file) = read.map_err(|source| object_store::Error::Generic {
                    store: "folder",
                    source: source.into(),
                })?;
                let at = at + bytes.len() as u64;
                Ok(Some((bytes, (file, at, end))))
            };
            try_unfold((file, range.start, range.end), next).boxed()
        }
    }
}

fn place(kept: Kept, sha256: Digest) -> Place {
    let name = sha256.to_string();
    Place::from(format!("{}/{}/{name}", kept.folder(), &name[..2]))
}

/// Creates every folder that a file may lie in. A file whose folder has to be made first takes several times as long
/// to put there durably.
fn create_boards(folder: &Path) -> io::Result<()> {
    for kept in [Kept::File, Kept::Preview] {
        let shelf = folder.join(kept.folder());
        for first in 0..=u8::MAX {
            create_private_folder(&shelf.join(hex::encode([first])))?;
        }
        File::open(shelf)?.sync_all()?;
    }
    File::open(folder)?.sync_all()
}

/// A folder that only the server's own account may enter: photos show people and their homes.
fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(feature = "s3")]
fn open_s3(settings: &S3) -> Result<Arc<dyn ObjectStore>, ShelfError> {
    let mut builder =
        object_store::aws::AmazonS3Builder::from_env().with_bucket_name(&settings.bucket);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder
            .with_endpoint(endpoint)
            .with_allow_http(endpoint.starts_with("http:"));
    }
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    Ok(Arc::new(builder.build()?))
}

#[cfg(not(feature = "s3"))]
fn open_s3(_: &S3) -> Result<Arc<dyn ObjectStore>, ShelfError> {
    Err(ShelfError::WithoutS3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Files;

    fn config(folder: &Path, s3: Option<S3>) -> Config {
        Config {
            data: folder.to_owned(),
            files: Files {
                s3,
                ..Files::default()
            },
            ..Config::default()
        }
    }

    #[cfg(not(feature = "s3"))]
    #[test]
    fn a_server_built_without_s3_says_so_instead_of_writing_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let s3 = S3 {
            bucket: "gridlog".to_owned(),
            endpoint: None,
            region: None,
        };
        let error = Shelf::open(&config(folder.path(), Some(s3))).unwrap_err();
        assert!(matches!(error, ShelfError::WithoutS3));
        assert!(error.to_string().contains("feature `s3`"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_on_the_machine_may_look_into_the_folder() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(&config(folder.path(), None)).unwrap();
        for private in [folder.path().join("files"), shelf.unfinished] {
            let mode = private.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{private:?}");
        }
    }

    #[tokio::test]
    async fn where_a_file_system_has_no_links_a_file_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf {
            links: false,
            ..Shelf::open(&config(folder.path(), None)).unwrap()
        };
        let bytes: Vec<u8> = (0..11_000_000_u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(shelf.part([1; 16]), &bytes).unwrap();
        let name = Digest([7; 32]);
        shelf.put([1; 16], name).await.unwrap();
        let size = shelf.size(Kept::File, name).await.unwrap();
        assert_eq!(size, Some(bytes.len() as u64));
        let part = shelf.read(Kept::File, name, Some(10_999_990..11_000_000));
        let mut part = part.await.unwrap().unwrap();
        let read = part.next().await.unwrap().unwrap();
        assert_eq!(read, bytes[10_999_990..]);
        shelf.remove(name).await.unwrap();
        shelf.remove(name).await.unwrap();
        assert_eq!(shelf.size(Kept::File, name).await.unwrap(), None);
    }
}
