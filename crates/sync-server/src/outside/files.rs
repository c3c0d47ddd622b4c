//! [`Outside`] in four small text files.
//!
//! The ledger of erasures has a line for each: record, time in milliseconds since the Unix epoch,
//! reason, and who decided. That of revoked devices: device, time, and whose it was. That of actors:
//! actor, device or `-`, time, and whose it is. The fourth file begins with the newest epoch; then comes a
//! line for each that began: epoch, the one before it, and the last entry that it took over.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use gridlog_domain::id::PersonId;

use super::{Claim, EpochBegun, Erasure, ErasureReason, Outside, OutsideError, Revocation};

/// The four files.
#[derive(Debug)]
pub struct OutsideFiles {
    erased: PathBuf,
    revoked: PathBuf,
    actors: PathBuf,
    epoch: PathBuf,
    /// Held while one of them is written.
    writing: Mutex<()>,
}

impl OutsideFiles {
    /// Uses these files; a file that does not exist holds nothing.
    pub const fn new(erased: PathBuf, revoked: PathBuf, actors: PathBuf, epoch: PathBuf) -> Self {
        Self {
            erased,
            revoked,
            actors,
            epoch,
            writing: Mutex::new(()),
        }
    }
}

impl OutsideFiles {
    fn replace_epochs(&self, newest: u64, begun: &[EpochBegun]) -> Result<(), OutsideError> {
        let lines = begun.iter().map(begun_line);
        let text: String = std::iter::once(format!("{newest}\n"))
            .chain(lines)
            .collect();
        replace(&self.epoch, &text).map_err(failed(&self.epoch))
    }
}

fn begun_line(begun: &EpochBegun) -> String {
    format!("{} {} {}\n", begun.epoch, begun.before, begun.base)
}

fn read_begun(line: &str) -> Option<EpochBegun> {
    let mut words = line.split(' ').map(str::parse);
    Some(EpochBegun {
        epoch: words.next()?.ok()?,
        before: words.next()?.ok()?,
        base: words.next()?.ok()?,
    })
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> OutsideError {
    let path = path.to_owned();
    move |source| OutsideError::File { path, source }
}

/// The whole lines of a file, none if there is no file. A line that a power cut left half written was
/// never relied on.
fn whole_lines(path: &Path) -> Result<Vec<String>, OutsideError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed(path)(error)),
    };
    bytes[..end_of_lines(&bytes)]
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
        .map(|(index, line)| {
            let text = std::str::from_utf8(line).map(|line| line.trim_end_matches('\n'));
            let damaged = |_| damaged(path, index + 1);
            text.map(str::to_owned).map_err(damaged)
        })
        .collect()
}

fn damaged(path: &Path, line: usize) -> OutsideError {
    OutsideError::Damaged {
        path: path.to_owned(),
        line,
    }
}

/// How many bytes are whole lines.
fn end_of_lines(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte == b'\n');
    last.map_or(0, |last| last + 1)
}

/// Makes a new or renamed file's name durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Replaces a file whole, so that after a power cut it is as before or as after.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    sync_folder_of(path)
}

fn append(path: &Path, lines: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let mut held = Vec::new();
    file.read_to_end(&mut held)?;
    file.set_len(end_of_lines(&held) as u64)?;
    file.seek(SeekFrom::End(0))?;
    file.write_all(lines.as_bytes())?;
    file.sync_all()?;
    sync_folder_of(path)
}

/// A staff number without what would end its line.
fn on_one_line(person: &PersonId) -> String {
    let person = person.as_str().chars();
    person.filter(|c| !c.is_control()).collect()
}

fn line(erasure: &Erasure) -> String {
    let by = on_one_line(&erasure.by);
    format!(
        "{} {} {} {by}\n",
        erasure.record,
        erasure.at_ms,
        erasure.reason.code()
    )
}

fn revocation_line(revoked: &Revocation) -> String {
    let person = on_one_line(&revoked.person);
    format!("{} {} {person}\n", revoked.device, revoked.at_ms)
}

fn read_revocation(line: &str) -> Option<Revocation> {
    let mut words = line.splitn(3, ' ');
    Some(Revocation {
        device: words.next()?.parse().ok()?,
        at_ms: words.next()?.parse().ok()?,
        person: PersonId::new(words.next()?),
    })
}

fn claim_line(claim: &Claim) -> String {
    let actor = hex::encode(claim.actor);
    let device = claim.device.map_or("-".to_owned(), |id| id.to_string());
    let person = on_one_line(&claim.person);
    format!("{actor} {device} {} {person}\n", claim.at_ms)
}

fn read_claim(line: &str) -> Option<Claim> {
    let mut words = line.splitn(4, ' ');
    let mut actor = [0; 16];
    hex::decode_to_slice(words.next()?, &mut actor).ok()?;
    Some(Claim {
        actor,
        device: match words.next()? {
            "-" => None,
            device => Some(device.parse().ok()?),
        },
        at_ms: words.next()?.parse().ok()?,
        person: PersonId::new(words.next()?),
    })
}

/// The lines of a ledger, each read by `read`.
fn read_ledger<T>(path: &Path, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, OutsideError> {
    let lines = whole_lines(path)?;
    let lines = lines.iter().enumerate();
    lines
        .map(|(index, line)| read(line).ok_or_else(|| damaged(path, index + 1)))
        .collect()
}

fn read_line(line: &str) -> Option<Erasure> {
    let mut words = line.splitn(4, ' ');
    Some(Erasure {
        record: words.next()?.parse().ok()?,
        at_ms: words.next()?.parse().ok()?,
        reason: ErasureReason::from_code(words.next()?)?,
        by: PersonId::new(words.next()?),
    })
}

impl Outside for OutsideFiles {
    fn note_erased(&self, erased: &[Erasure]) -> Result<(), OutsideError> {
        let _writing = self.writing.lock();
        let lines: String = erased.iter().map(line).collect();
        append(&self.erased, &lines).map_err(failed(&self.erased))
    }

    fn erased(&self) -> Result<Vec<Erasure>, OutsideError> {
        read_ledger(&self.erased, read_line)
    }

    fn note_revoked(&self, revoked: &Revocation) -> Result<(), OutsideError> {
        let _writing = self.writing.lock();
        append(&self.revoked, &revocation_line(revoked)).map_err(failed(&self.revoked))
    }

    fn revoked(&self) -> Result<Vec<Revocation>, OutsideError> {
        read_ledger(&self.revoked, read_revocation)
    }

    fn note_claims(&self, claims: &[Claim]) -> Result<(), OutsideError> {
        let _writing = self.writing.lock();
        let lines: String = claims.iter().map(claim_line).collect();
        append(&self.actors, &lines).map_err(failed(&self.actors))
    }

    fn claims(&self) -> Result<Vec<Claim>, OutsideError> {
        read_ledger(&self.actors, read_claim)
    }

    fn note_epoch(&self, epoch: u64) -> Result<(), OutsideError> {
        let _writing = self.writing.lock();
        if epoch <= self.newest_epoch()? {
            return Ok(());
        }
        self.replace_epochs(epoch, &self.begun()?)
    }

    fn note_begun(&self, begun: EpochBegun) -> Result<(), OutsideError> {
        let _writing = self.writing.lock();
        let mut all = self.begun()?;
        all.retain(|known| known.epoch != begun.epoch);
        all.push(begun);
        self.replace_epochs(self.newest_epoch()?.max(begun.epoch), &all)
    }

    fn begun(&self) -> Result<Vec<EpochBegun>, OutsideError> {
        let lines = whole_lines(&self.epoch)?;
        let lines = lines.iter().enumerate().skip(1);
        lines
            .map(|(index, line)| read_begun(line).ok_or_else(|| damaged(&self.epoch, index + 1)))
            .collect()
    }

    fn newest_epoch(&self) -> Result<u64, OutsideError> {
        match whole_lines(&self.epoch)?.first() {
            None => Ok(0),
            Some(line) => line.parse().map_err(|_| damaged(&self.epoch, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridlog_domain::id::{DeviceId, RecordId};

    fn erasure(n: u8) -> Erasure {
        Erasure {
            record: RecordId::from_bytes([n; 16]),
            at_ms: i64::from(n),
            reason: ErasureReason::PersonAsked,
            by: "员 001".into(),
        }
    }

    fn claim(n: u8) -> Claim {
        Claim {
            actor: [n; 16],
            device: Some(DeviceId::from_bytes([n; 16])),
            person: "员 003".into(),
            at_ms: i64::from(n),
        }
    }

    fn open(folder: &tempfile::TempDir) -> OutsideFiles {
        let path = |name: &str| folder.path().join(name);
        let ledgers = ["erased.log", "revoked.log", "actors.log"].map(path);
        let [erased, revoked, actors] = ledgers;
        OutsideFiles::new(erased, revoked, actors, path("epoch"))
    }

    fn files() -> (OutsideFiles, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (open(&folder), folder)
    }

    fn revocation(n: u8) -> Revocation {
        Revocation {
            device: DeviceId::from_bytes([n; 16]),
            person: "员 002".into(),
            at_ms: i64::from(n),
        }
    }

    #[test]
    fn what_was_noted_is_there_when_the_server_starts_again() {
        let (files, folder) = files();
        assert_eq!(files.erased().unwrap(), []);
        assert_eq!(files.newest_epoch().unwrap(), 0);
        files.note_erased(&[erasure(1)]).unwrap();
        files.note_erased(&[erasure(2), erasure(3)]).unwrap();
        files.note_revoked(&revocation(5)).unwrap();
        files.note_revoked(&revocation(6)).unwrap();
        let office = Claim {
            device: None,
            person: "".into(),
            ..claim(8)
        };
        files.note_claims(&[claim(7), office.clone()]).unwrap();
        files.note_epoch(4).unwrap();
        files.note_epoch(2).unwrap();
        let begun = |epoch| EpochBegun {
            epoch,
            before: 1,
            base: 70,
        };
        files.note_begun(begun(4)).unwrap();
        files.note_begun(begun(5)).unwrap();
        files.note_epoch(6).unwrap();
        let again = open(&folder);
        assert_eq!(again.claims().unwrap(), [claim(7), office]);
        assert_eq!(again.revoked().unwrap(), [5, 6].map(revocation));
        assert_eq!(again.erased().unwrap(), [1, 2, 3].map(erasure));
        assert_eq!(again.newest_epoch().unwrap(), 6);
        assert_eq!(again.begun().unwrap(), [4, 5].map(begun));
    }

    #[test]
    fn a_line_that_a_power_cut_left_half_written_counts_for_nothing() {
        let (files, _folder) = files();
        files.note_erased(&[erasure(1), erasure(2)]).unwrap();
        let whole = std::fs::read(&files.erased).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&files.erased, &whole[..cut]).unwrap();
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(files.erased().unwrap().len(), lines);
            files.note_erased(&[erasure(9)]).unwrap();
            let read = files.erased().unwrap();
            assert_eq!((read.len(), read.last()), (lines + 1, Some(&erasure(9))));
        }
    }

    #[test]
    fn a_damaged_ledger_is_named_with_its_line_and_not_passed_over() {
        let (files, _folder) = files();
        files.note_erased(&[erasure(1)]).unwrap();
        let text = std::fs::read_to_string(&files.erased).unwrap();
        std::fs::write(&files.erased, format!("{text}who knows\n{text}")).unwrap();
        let error = files.erased().unwrap_err();
        assert!(matches!(error, OutsideError::Damaged { line: 2, .. }));
        std::fs::write(&files.epoch, "4\n4 1\n").unwrap();
        let error = files.begun().unwrap_err();
        assert!(matches!(error, OutsideError::Damaged { line: 2, .. }));
        assert!(files.note_epoch(5).is_err());
        std::fs::write(&files.epoch, "many\n").unwrap();
        assert!(files.newest_epoch().is_err());
        assert!(files.note_epoch(3).is_err());
    }

    #[test]
    fn words_in_a_staff_number_do_not_make_another_line() {
        let (files, _folder) = files();
        let strange = Erasure {
            by: "A1\nB2".into(),
            ..erasure(1)
        };
        files.note_erased(&[strange, erasure(2)]).unwrap();
        assert_eq!(files.erased().unwrap().len(), 2);
    }
}
