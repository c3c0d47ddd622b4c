//! What a run leaves on the disk, and how fast the disk is.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

/// How many writes the disk is judged by.
const WRITES: usize = 33;

/// Bytes of all files in a folder.
pub(crate) fn size_of(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            bytes += size_of(&entry.path())?;
        } else if kind.is_file() {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// How long it takes here to write 4 KB durably, in milliseconds: the median of some. Every figure
/// about durability is to be read beside it.
pub(crate) fn fsync_ms(folder: &Path) -> io::Result<f64> {
    let path = folder.join("fsync-probe");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let begun = Instant::now();
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    drop(file);
    fs::remove_file(&path)?;
    times.sort_by(f64::total_cmp);
    Ok(times[WRITES / 2])
}

/// How long it takes to copy files of these sizes, each durable before the next is begun, in seconds.
pub(crate) fn copying_s(folder: &Path, sizes: &[u64]) -> io::Result<f64> {
    let place = tempfile::tempdir_in(folder)?;
    let path = |name: String| place.path().join(name);
    for (number, size) in sizes.iter().enumerate() {
        let bytes = vec![7; usize::try_from(*size).unwrap_or(0)];
        fs::write(path(format!("{number}.jpg")), bytes)?;
    }
    let begun = Instant::now();
    for number in 0..sizes.len() {
        let copy = path(format!("{number}.copy"));
        fs::copy(path(format!("{number}.jpg")), &copy)?;
        File::open(&copy)?.sync_all()?;
        File::open(place.path())?.sync_all()?;
    }
    Ok(begun.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_as_large_as_all_the_files_in_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("a"), [0; 10]).unwrap();
        fs::write(folder.path().join("inner").join("b"), [0; 5]).unwrap();
        assert_eq!(size_of(folder.path()).unwrap(), 15);
        assert!(fsync_ms(folder.path()).unwrap() >= 0.0);
        assert_eq!(size_of(folder.path()).unwrap(), 15);
    }
}
