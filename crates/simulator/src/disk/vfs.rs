//! The disk as SQLite sees it: the default file system of this process.

use std::ffi::CString;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use sqlite_plugin::flags::{AccessFlags, CreateMode, LockLevel, OpenMode, OpenOpts, ShmLockMode};
use sqlite_plugin::vars;
use sqlite_plugin::vfs::{RegisterOpts, Vfs, VfsHandle, VfsResult, register_static};

use super::error::DiskError;
use super::fault::Trouble;
use super::registry;
use super::sharing::Access;
use super::volume::{Opening, Volume};
use super::wal_index::Region;

/// Makes the simulated disk SQLite's default file system, once in a process.
pub(crate) fn register() -> Result<(), DiskError> {
    static REGISTERED: OnceLock<Result<(), i32>> = OnceLock::new();
    REGISTERED
        .get_or_init(|| {
            register_static(
                CString::from(c"gridlog-simulated-disk"),
                SimulatedVfs,
                RegisterOpts { make_default: true },
            )
            .map(|_logger| ())
        })
        .map_err(|code| DiskError::NotRegistered { code })
}

struct SimulatedVfs;

/// An open file.
enum Handle {
    /// A file of a machine. `mapped` keeps shared memory alive for as long as SQLite may use it.
    Named {
        volume: Arc<Mutex<Volume>>,
        access: Access,
        mapped: Vec<Region>,
    },
    /// A temporary file, which no fault touches and no crash outlives.
    Scratch(Vec<u8>),
}

impl VfsHandle for Handle {
    fn readonly(&self) -> bool {
        match self {
            Self::Named { access, .. } => access.readonly,
            Self::Scratch(_) => false,
        }
    }

    fn in_memory(&self) -> bool {
        false
    }
}

impl Handle {
    fn named(&self, code: i32) -> VfsResult<(MutexGuard<'_, Volume>, Access)> {
        match self {
            Self::Named { volume, access, .. } => Ok((lock(volume), *access)),
            Self::Scratch(_) => Err(code),
        }
    }
}

/// A panic elsewhere left the volume as a crash of the process would: between two steps.
pub(crate) fn lock(volume: &Mutex<Volume>) -> MutexGuard<'_, Volume> {
    volume.lock().unwrap_or_else(PoisonError::into_inner)
}

/// SQLite's code for a trouble; `failed` is the one that belongs to the call.
fn code(failed: i32) -> impl Fn(Trouble) -> i32 {
    move |trouble| match trouble {
        Trouble::Down | Trouble::Io => failed,
        Trouble::Full => vars::SQLITE_FULL,
        Trouble::Name => vars::SQLITE_CANTOPEN,
        Trouble::ReadOnly => vars::SQLITE_READONLY,
    }
}

/// SQLite's answer to a lock that was taken, or not.
fn taken(lock: bool) -> VfsResult<()> {
    if lock { Ok(()) } else { Err(vars::SQLITE_BUSY) }
}

fn opening(mode: &OpenMode) -> Opening {
    Opening {
        readonly: mode.is_readonly(),
        create: matches!(
            mode,
            OpenMode::ReadWrite {
                create: CreateMode::Create | CreateMode::MustCreate
            }
        ),
        must_be_new: mode.must_create(),
    }
}

impl Vfs for SimulatedVfs {
    type Handle = Handle;

    fn open(&self, path: Option<&str>, opts: OpenOpts) -> VfsResult<Handle> {
        let Some(path) = path.filter(|_| !opts.delete_on_close()) else {
            return Ok(Handle::Scratch(Vec::new()));
        };
        let (volume, name) = registry::locate(path).ok_or(vars::SQLITE_CANTOPEN)?;
        let access = lock(&volume)
            .open(name, opening(&opts.mode()))
            .map_err(code(vars::SQLITE_IOERR))?;
        Ok(Handle::Named {
            volume,
            access,
            mapped: Vec::new(),
        })
    }

    fn delete(&self, path: &str) -> VfsResult<()> {
        let (volume, name) = registry::locate(path).ok_or(vars::SQLITE_IOERR_DELETE_NOENT)?;
        match lock(&volume).delete(name) {
            Err(Trouble::Name) => Err(vars::SQLITE_IOERR_DELETE_NOENT),
            other => other.map_err(code(vars::SQLITE_IOERR_DELETE)),
        }
    }

    fn access(&self, path: &str, _flags: AccessFlags) -> VfsResult<bool> {
        registry::locate(path).map_or(Ok(false), |(volume, name)| {
            lock(&volume)
                .holds(name)
                .map_err(code(vars::SQLITE_IOERR_ACCESS))
        })
    }

    fn file_size(&self, handle: &mut Handle) -> VfsResult<usize> {
        if let Handle::Scratch(bytes) = handle {
            return Ok(bytes.len());
        }
        let failed = vars::SQLITE_IOERR_FSTAT;
        let (mut volume, access) = handle.named(failed)?;
        volume.len(access).map_err(code(failed))
    }

    fn truncate(&self, handle: &mut Handle, size: usize) -> VfsResult<()> {
        if let Handle::Scratch(bytes) = handle {
            bytes.resize(size, 0);
            return Ok(());
        }
        let failed = vars::SQLITE_IOERR_TRUNCATE;
        let (mut volume, access) = handle.named(failed)?;
        volume.set_len(access, size).map_err(code(failed))
    }

    fn write(&self, handle: &mut Handle, offset: usize, data: &[u8]) -> VfsResult<usize> {
        if let Handle::Scratch(bytes) = handle {
            let end = offset + data.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[offset..end].copy_from_slice(data);
            return Ok(data.len());
        }
        let failed = vars::SQLITE_IOERR_WRITE;
        let (mut volume, access) = handle.named(failed)?;
        volume.write(access, offset, data).map_err(code(failed))?;
        Ok(data.len())
    }

    fn read(&self, handle: &mut Handle, offset: usize, data: &mut [u8]) -> VfsResult<usize> {
        if let Handle::Scratch(bytes) = handle {
            let there = bytes.get(offset..).unwrap_or_default();
            let count = there.len().min(data.len());
            data[..count].copy_from_slice(&there[..count]);
            return Ok(count);
        }
        let failed = vars::SQLITE_IOERR_READ;
        let (mut volume, access) = handle.named(failed)?;
        volume.read(access, offset, data).map_err(code(failed))
    }

    fn sync(&self, handle: &mut Handle) -> VfsResult<()> {
        if let Handle::Scratch(_) = handle {
            return Ok(());
        }
        let failed = vars::SQLITE_IOERR_FSYNC;
        let (mut volume, access) = handle.named(failed)?;
        volume.sync(access).map_err(code(failed))
    }

    fn lock(&self, handle: &mut Handle, level: LockLevel) -> VfsResult<()> {
        if let Handle::Scratch(_) = handle {
            return Ok(());
        }
        let failed = vars::SQLITE_IOERR_LOCK;
        let (mut volume, access) = handle.named(failed)?;
        let sharing = volume.sharing(access).map_err(code(failed))?;
        taken(sharing.lock(access, level))
    }

    fn unlock(&self, handle: &mut Handle, level: LockLevel) -> VfsResult<()> {
        if let Ok((mut volume, access)) = handle.named(vars::SQLITE_IOERR_UNLOCK)
            && let Ok(sharing) = volume.sharing(access)
        {
            sharing.unlock(access, level);
        }
        Ok(())
    }

    fn check_reserved_lock(&self, handle: &mut Handle) -> VfsResult<bool> {
        if let Handle::Scratch(_) = handle {
            return Ok(false);
        }
        let failed = vars::SQLITE_IOERR_CHECKRESERVEDLOCK;
        let (mut volume, access) = handle.named(failed)?;
        let sharing = volume.sharing(access).map_err(code(failed))?;
        Ok(sharing.reserved(access))
    }

    fn close(&self, handle: Handle) -> VfsResult<()> {
        if let Ok((mut volume, access)) = handle.named(vars::SQLITE_IOERR_CLOSE) {
            volume.close(access);
        }
        Ok(())
    }

    /// As of a file on a plain Unix system: what was not written does not change, and nothing more
    /// is promised. A promise of order would let SQLite leave out syncs that this disk needs.
    fn device_characteristics(&self, _handle: &mut Handle) -> VfsResult<i32> {
        Ok(vars::SQLITE_IOCAP_POWERSAFE_OVERWRITE)
    }

    fn shm_map(
        &self,
        handle: &mut Handle,
        region_idx: usize,
        region_size: usize,
        extend: bool,
    ) -> VfsResult<Option<NonNull<u8>>> {
        let failed = vars::SQLITE_IOERR_SHMMAP;
        let region = {
            let (mut volume, access) = handle.named(failed)?;
            let sharing = volume.sharing(access).map_err(code(failed))?;
            sharing.map(access, region_idx, region_size, extend)
        };
        let start = region.as_ref().map(Region::start);
        if let (Handle::Named { mapped, .. }, Some(region)) = (handle, region) {
            mapped.push(region);
        }
        Ok(start)
    }

    fn shm_lock(
        &self,
        handle: &mut Handle,
        offset: u32,
        count: u32,
        mode: ShmLockMode,
    ) -> VfsResult<()> {
        let unlocks = matches!(
            mode,
            ShmLockMode::UnlockShared | ShmLockMode::UnlockExclusive
        );
        let failed = vars::SQLITE_IOERR_SHMLOCK;
        let (mut volume, access) = handle.named(failed)?;
        match volume.sharing(access) {
            Ok(sharing) => taken(sharing.lock_index(access, offset, count, mode)),
            Err(_) if unlocks => Ok(()),
            Err(trouble) => Err(code(failed)(trouble)),
        }
    }

    fn shm_unmap(&self, handle: &mut Handle, delete: bool) -> VfsResult<()> {
        if let Ok((mut volume, access)) = handle.named(vars::SQLITE_IOERR)
            && let Ok(sharing) = volume.sharing(access)
        {
            sharing.unmap(access, delete);
        }
        if let Handle::Named { mapped, .. } = handle {
            mapped.clear();
        }
        Ok(())
    }
}
