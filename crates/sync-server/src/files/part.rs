//! The bytes of an upload that is not whole yet: a local file that only grows at its end. Its length is the
//! upload's offset, so that survives whatever ends the server.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use axum::body::Bytes;
use gridlog_protocol::Digest;
use sha2::{Digest as _, Sha256};

use crate::outside::sync_folder_of;

/// How much is read or written at once, in bytes.
pub(crate) const BUFFER: usize = 64 * 1024;

/// An upload's file, open for writing at its end. Every method blocks.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    length: u64,
}

impl Part {
    /// How many bytes are there.
    pub(crate) fn length_of(path: &Path) -> io::Result<u64> {
        match path.metadata() {
            Ok(found) => Ok(found.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Makes sure that what is there stays there when the power goes.
    pub(crate) fn sync_at(path: &Path) -> io::Result<()> {
        match File::open(path) {
            Ok(file) => {
                file.sync_data()?;
                sync_folder_of(path)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Opens the file, creating it if nothing came yet.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.create(true).open(path)?;
        Ok(Self {
            length: file.metadata()?.len(),
            file,
        })
    }

    /// How many bytes are there.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Writes at the end, all or nothing.
    pub(crate) fn append(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        for piece in pieces {
            if let Err(error) = self.file.write_all(piece) {
                // A full disk may have taken some of it.
                self.file.set_len(self.length)?;
                return Err(error);
            }
        }
        self.length += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        Ok(())
    }

    /// Takes back what came after that byte.
    pub(crate) fn cut_to(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        Ok(())
    }

    /// Returns once the bytes are on the disk. Under this name they are there after [`Self::sync_at`] only.
    pub(crate) fn sync_bytes(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Some bytes from there on; none behind the end.
    pub(crate) fn read_at(path: &Path, at: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The hash of what is there.
    pub(crate) fn hash_at(path: &Path) -> io::Result<Digest> {
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(Digest(hash.finalize().into())),
                read => hash.update(&buffer[..read]),
            }
        }
    }

    /// Throws the file away, if there is one.
    pub(crate) fn remove(path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
