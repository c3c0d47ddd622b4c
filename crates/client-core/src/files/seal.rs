//! Files encrypted at rest, in pieces, so that any part can be read without the rest.
//!
//! XChaCha20-Poly1305 in the STREAM construction: each chunk is sealed under its number and whether it is
//! the last one, and under the file's name. A chunk that was changed, moved, left out or taken from another
//! file does not open, nor does the last chunk of a file that was cut.
//!
//! The keys are derived from the store's key for this alone, so that neither says anything of the other.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use aead_stream::{NewStream, StreamBE32, StreamPrimitive};
use chacha20poly1305::XChaCha20Poly1305;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::FileHash;
use crate::key::StoreKey;

/// Bytes of the file in one chunk.
pub(super) const CHUNK: usize = 64 * 1024;
/// What sealing adds to each.
const TAG: usize = 16;
const SEALED_CHUNK: usize = CHUNK + TAG;
/// Says which form the file has.
const MAGIC: &[u8; 4] = b"GLF1";
/// Random for each file; the rest of a nonce is the chunk's number and whether it is the last.
pub(super) const NONCE: usize = 19;
const HEAD: usize = MAGIC.len() + NONCE;

type Stream = StreamBE32<XChaCha20Poly1305>;

/// What files are sealed with and named by.
#[derive(ZeroizeOnDrop)]
pub(crate) struct FileKeys {
    contents: [u8; 32],
    names: [u8; 32],
}

impl FileKeys {
    /// Derives them from the store's key.
    pub(super) fn derive(store: &StoreKey) -> Self {
        let mut keys = Self {
            contents: [0; 32],
            names: [0; 32],
        };
        let source = Hkdf::<Sha256>::new(None, store.bytes());
        for (purpose, key) in [
            (&b"gridlog files: contents 1"[..], &mut keys.contents),
            (b"gridlog files: names 1", &mut keys.names),
        ] {
            source
                .expand(purpose, key)
                .expect("32 bytes are within what HKDF can give");
        }
        keys
    }

    /// How a file is called on the disk: whoever has the disk and not the key cannot tell whether a picture
    /// that they know is among them.
    pub(super) fn name(&self, hash: FileHash) -> String {
        let mut name = [0; 16];
        Hkdf::<Sha256>::new(Some(&self.names), hash.as_bytes())
            .expand(b"name", &mut name)
            .expect("16 bytes are within what HKDF can give");
        hex::encode(name)
    }

    fn stream(&self, nonce: &[u8; NONCE]) -> Stream {
        Stream::new(&self.contents.into(), &(*nonce).into())
    }
}

/// A file that is being sealed.
pub(super) struct Sealing<W: Write> {
    out: W,
    stream: Stream,
    hash: FileHash,
    chunk: Zeroizing<Vec<u8>>,
    position: u32,
}

impl<W: Write> Sealing<W> {
    /// Begins the file of that name. `nonce` must never have been used before.
    pub(super) fn begin(
        keys: &FileKeys,
        hash: FileHash,
        nonce: &[u8; NONCE],
        mut out: W,
    ) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        out.write_all(nonce)?;
        Ok(Self {
            out,
            stream: keys.stream(nonce),
            hash,
            chunk: Zeroizing::new(Vec::with_capacity(SEALED_CHUNK)),
            position: 0,
        })
    }

    /// Seals what comes next.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // The last chunk is known only by nothing coming after it.
            if self.chunk.len() == CHUNK {
                self.seal_chunk(false)?;
            }
            let room = CHUNK - self.chunk.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Seals the end, and gives back what was written to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.seal_chunk(true)?;
        Ok(self.out)
    }

    fn seal_chunk(&mut self, is_last: bool) -> io::Result<()> {
        let name = *self.hash.as_bytes();
        self.stream
            .encrypt_in_place(self.position, is_last, &name, &mut *self.chunk)
            .map_err(|_| io::Error::other("a chunk could not be sealed"))?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        self.position = self
            .position
            .checked_add(1)
            .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok(())
    }
}

/// Why a part of a sealed file is not read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is not what was sealed.
    Damaged,
    /// The disk failed.
    Io(io::Error),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => Self::Damaged,
            _ => Self::Io(error),
        }
    }
}

/// A sealed file, open for reading.
pub(super) struct Sealed {
    file: File,
    stream: Stream,
    hash: FileHash,
    bytes: u64,
    /// The chunk that was opened last.
    open: Option<(u32, Zeroizing<Vec<u8>>)>,
}

impl Sealed {
    /// Opens a file that is to have `bytes` bytes.
    pub(super) fn open(
        keys: &FileKeys,
        hash: FileHash,
        bytes: u64,
        mut file: File,
    ) -> Result<Self, Unreadable> {
        let mut head = [0; HEAD];
        file.read_exact(&mut head)?;
        let (magic, nonce) = head.split_at(MAGIC.len());
        let nonce = nonce.first_chunk().ok_or(Unreadable::Damaged)?;
        if magic != MAGIC || file.metadata()?.len() != sealed_bytes(bytes) {
            return Err(Unreadable::Damaged);
        }
        Ok(Self {
            stream: keys.stream(nonce),
            file,
            hash,
            bytes,
            open: None,
        })
    }

    /// Reads from `offset` on, at most as much as `into` takes and at most to the end of a chunk. Nothing
    /// is left at the end of the file.
    pub(super) fn read_at(&mut self, offset: u64, into: &mut [u8]) -> Result<usize, Unreadable> {
        if offset >= self.bytes || into.is_empty() {
            return Ok(0);
        }
        let chunk_bytes = CHUNK as u64;
        let number = u32::try_from(offset / chunk_bytes).map_err(|_| Unreadable::Damaged)?;
        let within = usize::try_from(offset % chunk_bytes).map_err(|_| Unreadable::Damaged)?;
        if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
            self.open = Some((number, self.chunk(number)?));
        }
        let chunk = self.open.as_ref().map_or(&[][..], |(_, chunk)| chunk);
        let part = chunk.get(within..).ok_or(Unreadable::Damaged)?;
        let count = part.len().min(into.len());
        into[..count].copy_from_slice(&part[..count]);
        Ok(count)
    }

    fn chunk(&mut self, number: u32) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let last = (chunks(self.bytes) - 1).try_into();
        let is_last = last == Ok(number);
        let place = HEAD as u64 + u64::from(number) * SEALED_CHUNK as u64;
        self.file.seek(SeekFrom::Start(place))?;
        let mut chunk = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK));
        (&mut self.file)
            .take(SEALED_CHUNK as u64)
            .read_to_end(&mut chunk)?;
        self.stream
            .decrypt_in_place(number, is_last, self.hash.as_bytes(), &mut *chunk)
            .map_err(|_| Unreadable::Damaged)?;
        Ok(chunk)
    }
}

/// In how many chunks a file of that size lies.
const fn chunks(bytes: u64) -> u64 {
    let chunks = bytes.div_ceil(CHUNK as u64);
    if chunks == 0 { 1 } else { chunks }
}

/// How large a file of that size is when it is sealed.
const fn sealed_bytes(bytes: u64) -> u64 {
    HEAD as u64 + bytes + chunks(bytes) * TAG as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: FileHash = FileHash::new([5; 32]);

    fn keys() -> FileKeys {
        FileKeys::derive(&StoreKey::new([7; 32]))
    }

    fn sealed(hash: FileHash, contents: &[u8]) -> Vec<u8> {
        let mut sealing = Sealing::begin(&keys(), hash, &[3; NONCE], Vec::new()).unwrap();
        for part in contents.chunks(10_000) {
            sealing.write(part).unwrap();
        }
        sealing.finish().unwrap()
    }

    fn contents(bytes: usize) -> Vec<u8> {
        let numbers = (0_u32..).flat_map(u32::to_le_bytes);
        numbers.take(bytes).collect()
    }

    fn open(hash: FileHash, bytes: usize, sealed: &[u8]) -> Result<Sealed, Unreadable> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(sealed).unwrap();
        file.rewind().unwrap();
        Sealed::open(&keys(), hash, bytes as u64, file)
    }

    fn read_all(sealed: &mut Sealed) -> Result<Vec<u8>, Unreadable> {
        let mut all = Vec::new();
        let mut part = vec![0; 50_000];
        loop {
            match sealed.read_at(all.len() as u64, &mut part)? {
                0 => return Ok(all),
                count => all.extend_from_slice(&part[..count]),
            }
        }
    }

    const SIZES: [usize; 6] = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK];

    #[test]
    fn a_file_of_any_size_comes_back_and_its_bytes_are_not_on_the_disk() {
        for bytes in SIZES {
            let plain = contents(bytes);
            let sealed = sealed(HASH, &plain);
            assert_eq!(sealed.len() as u64, sealed_bytes(bytes as u64));
            let mut opened = open(HASH, bytes, &sealed).ok().unwrap();
            assert_eq!(read_all(&mut opened).unwrap(), plain, "{bytes} bytes");
            if bytes > 16 {
                assert!(!sealed.windows(16).any(|window| window == &plain[..16]));
            }
        }
    }

    #[test]
    fn any_part_is_read_without_the_rest() {
        let plain = contents(3 * CHUNK);
        let mut opened = open(HASH, plain.len(), &sealed(HASH, &plain)).ok().unwrap();
        for offset in [3 * CHUNK - 1, 0, CHUNK - 5, 2 * CHUNK, 70_000] {
            let mut part = [0; 5];
            let count = opened.read_at(offset as u64, &mut part).unwrap();
            assert_eq!(part[..count], plain[offset..offset + count]);
            assert!(count > 0);
        }
        assert_eq!(opened.read_at(3 * CHUNK as u64, &mut [0; 5]).unwrap(), 0);
    }

    #[test]
    fn what_was_changed_moved_cut_or_taken_from_another_file_does_not_open() {
        let plain = contents(3 * CHUNK);
        let honest = sealed(HASH, &plain);
        let swapped = {
            let (head, chunks) = honest.split_at(HEAD);
            let (first, rest) = chunks.split_at(SEALED_CHUNK);
            let (second, third) = rest.split_at(SEALED_CHUNK);
            [head, second, first, third].concat()
        };
        let mut flipped = honest.clone();
        flipped[HEAD + 2 * SEALED_CHUNK + 9] ^= 1;
        let mut other_nonce = honest.clone();
        other_nonce[MAGIC.len()] ^= 1;
        for (what, bytes, sealed) in [
            ("swapped", plain.len(), swapped),
            ("flipped", plain.len(), flipped),
            ("another nonce", plain.len(), other_nonce),
            (
                "of another name",
                plain.len(),
                sealed(FileHash::new([6; 32]), &plain),
            ),
            (
                "cut at a chunk",
                2 * CHUNK,
                honest[..HEAD + 2 * SEALED_CHUNK].to_vec(),
            ),
            (
                "cut anywhere",
                plain.len(),
                honest[..honest.len() - 1].to_vec(),
            ),
            ("prolonged", plain.len(), [&honest[..], &[0]].concat()),
            ("empty", plain.len(), Vec::new()),
        ] {
            let read = open(HASH, bytes, &sealed).and_then(|mut sealed| read_all(&mut sealed));
            assert!(matches!(read, Err(Unreadable::Damaged)), "{what}");
        }
    }

    #[test]
    fn names_say_nothing_without_the_key() {
        let (ours, theirs) = (keys(), FileKeys::derive(&StoreKey::new([8; 32])));
        assert_eq!(ours.name(HASH), keys().name(HASH));
        assert_ne!(ours.name(HASH), theirs.name(HASH));
        assert_ne!(ours.name(HASH), ours.name(FileHash::new([6; 32])));
        assert!(!HASH.to_string().contains(&ours.name(HASH)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_as_one() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let begun = Sealing::begin(&keys(), HASH, &[3; NONCE], full);
        let error = begun.and_then(Sealing::finish).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
