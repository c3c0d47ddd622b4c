//! The simulator's own list of every word that somebody recorded.
//!
//! A word is unique and can be found in any bytes: the simulator does not have to trust an engine
//! to say what became of it.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{Change, ScalarValue, legacy::OpType};
use gridlog_domain::id::RecordId;
use gridlog_domain::record::Command;

/// What must become of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The call that recorded it returned: it must never be lost.
    Kept,
    /// It may be there, once: a fault struck the call, or the phone that held it was destroyed or put
    /// back to an old copy and nobody else had it.
    Unsure,
    /// The worker let it go.
    LetGo,
}

/// One word.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    /// Which phone recorded it; `None` for an office.
    pub(crate) handset: Option<usize>,
    /// Where.
    pub(crate) record: Option<RecordId>,
    /// What must become of it.
    pub(crate) claim: Claim,
    /// How many were noted before it.
    pub(crate) number: usize,
}

/// All words.
#[derive(Debug, Default)]
pub(crate) struct Words {
    all: BTreeMap<String, Word>,
    values: BTreeSet<String>,
}

/// The word of that turn and place in it.
pub(crate) fn word(turn: u32, place: u8) -> String {
    let letter = char::from(b'a' + place % 25);
    format!("w{turn}{letter}z")
}

/// Every word in some bytes, as often as it stands there.
pub(crate) fn found_in(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for (start, byte) in bytes.iter().enumerate() {
        if *byte == b'w' {
            found.extend(read(&bytes[start..]));
        }
    }
    found
}

/// Every word in what a change writes, and in none of its names: in the bytes of thousands of hashes one
/// stands sooner or later by chance.
pub(crate) fn written_by(change: &[u8]) -> BTreeSet<String> {
    let Ok(change) = Change::try_from(change) else {
        return found_in(change).into_iter().collect();
    };
    let mut written = String::new();
    for op in change.decode().operations {
        if let OpType::Put(ScalarValue::Str(text)) = &op.action {
            // Prose is written letter by letter, anything else as a whole.
            if !op.insert {
                written.push('\n');
            }
            written.push_str(text);
        }
    }
    found_in(written.as_bytes()).into_iter().collect()
}

/// The words that somebody meant to write, not those that they had before them.
pub(crate) fn meant_by(commands: &[Command]) -> Vec<String> {
    let words = |command: &Command| match command {
        Command::Rewrite { rewrite, .. } => {
            let before = found_in(rewrite.from.as_bytes());
            let mut after = found_in(rewrite.to.as_bytes());
            after.retain(|word| !before.contains(word));
            after
        }
        other => found_in(serde_json::to_string(other).unwrap_or_default().as_bytes()),
    };
    commands.iter().flat_map(words).collect()
}

fn read(bytes: &[u8]) -> Option<String> {
    let digits = bytes[1..].iter().take_while(|byte| byte.is_ascii_digit());
    let end = 1 + digits.count();
    let tail = bytes.get(end..end + 2)?;
    let is_word = end > 1 && tail[0].is_ascii_lowercase() && tail[1] == b'z';
    let text = bytes.get(..end + 2).filter(|_| is_word)?;
    String::from_utf8(text.to_vec()).ok()
}

impl Words {
    /// Notes a word.
    pub(crate) fn note(&mut self, text: String, word: Word) {
        let number = self.all.len();
        self.all.insert(text, Word { number, ..word });
    }

    /// Every word.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Word)> {
        self.all.iter()
    }

    /// A word turned out to stand in that record.
    pub(crate) fn place(&mut self, text: &str, record: RecordId) {
        if let Some(word) = self.all.get_mut(text) {
            word.record = Some(record);
        }
    }

    /// The records of the words that were noted last, the last one first.
    pub(crate) fn last(&self, fits: impl Fn(&&Word) -> bool) -> impl Iterator<Item = RecordId> {
        let mut words: Vec<&Word> = self.all.values().filter(fits).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.number));
        words.into_iter().filter_map(|word| word.record)
    }

    /// The word is a field's value. Whoever edits the field while it is in conflict carries the value
    /// along, so that it stays visible: it may stand in several changes.
    pub(crate) fn is_value(&mut self, text: &str) {
        self.values.insert(text.to_owned());
    }

    /// Whether the word may stand in several changes.
    pub(crate) fn may_be_carried_along(&self, text: &str) -> bool {
        self.values.contains(text)
    }

    /// The word of that text.
    pub(crate) fn get(&self, text: &str) -> Option<&Word> {
        self.all.get(text)
    }

    /// Changes what must become of a word.
    pub(crate) fn claim(&mut self, text: &str, claim: Claim) {
        if let Some(word) = self.all.get_mut(text) {
            word.claim = claim;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_wherever_it_stands_and_no_part_of_one() {
        let bytes = "情况w12az，w112bz ww3cz w4z w5".as_bytes();
        assert_eq!(found_in(bytes), ["w12az", "w112bz", "w3cz"]);
        assert_eq!(word(12, 0), "w12az");
    }

    #[test]
    fn a_word_is_what_a_change_writes_and_never_what_its_hashes_happen_to_spell() {
        use automerge::{ActorId, Automerge, ObjType, ROOT, transaction::Transactable};
        let mut document =
            Automerge::new().with_actor(ActorId::from(b"an actor w7tz it".as_slice()));
        let mut writing = document.transaction();
        let prose = writing
            .put_object(ROOT, "prose", ObjType::Text)
            .expect("made");
        writing
            .splice_text(&prose, 0, 0, "情况w12az，")
            .expect("spliced");
        writing.put(ROOT, "title", "w13az").expect("put");
        writing.commit();
        let bytes = document
            .get_last_local_change()
            .expect("one")
            .raw_bytes()
            .to_vec();
        assert_eq!(found_in(&bytes).len(), 3);
        let written: Vec<String> = written_by(&bytes).into_iter().collect();
        assert_eq!(written, ["w12az", "w13az"]);
    }
}
