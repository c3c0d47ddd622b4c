//! The records that every workload writes: cases of about 1.5 KB as JSON.
//!
//! Each has an id, a grid, a category, a title of 20 characters, a description of 120, a place, six
//! checklist items with notes and two photo references. Their size decides what sync costs, so it
//! must not shrink to nothing under compression as repeated sample text would. So the texts are the
//! words of `data/matters.json` and the catalogue taken apart into pieces of one and two characters
//! and put together at random, with house numbers and measures in between: the alphabet of real
//! records, without sentences that come back. A test holds 200 of them to at least 580 bytes each
//! under gzip.

#[cfg(test)]
use std::collections::BTreeSet;

use gridlog_cli::{matters, street};
use gridlog_domain::id::AreaCode;
use gridlog_domain::record::{Crs, Finding, Fix, PhotoRole, Place};

use crate::content::{Content, Item, Photo};
use crate::dice::Dice;
use crate::error::BenchError;

/// What dictionaries were trained on.
#[cfg(test)]
#[path = "../../crates/protocol/examples/train_dictionary/letters.rs"]
mod training_letters;

/// Characters of a title.
const TITLE: usize = 20;
/// Characters of a description.
const DESCRIPTION: usize = 120;
/// Characters of the note of one checklist item.
const NOTE: usize = 22;
/// The checklist template of six items (问题六清).
const TEMPLATE: &str = "clear-six";

/// What addresses are made of, beside numbers: estate, building, entrance.
const PLACE: [&str; 3] = ["造化塘小区", "栋", "单元"];

/// See [`Generator::vocabulary`].
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vocabulary {
    /// Single letters: two thirds of the pieces that texts are put together from.
    pub(crate) letters: BTreeSet<char>,
    /// Pieces of two letters: the other third.
    pub(crate) pairs: BTreeSet<String>,
    /// Words that stand in records as they are: checklist items, codes of categories and what an
    /// address is made of.
    pub(crate) fixed: BTreeSet<String>,
}

/// Makes records from the project's own words.
#[derive(Debug)]
pub(crate) struct Generator {
    seed: u64,
    letters: Vec<char>,
    categories: Vec<String>,
    items: Vec<String>,
}

impl Generator {
    /// Reads the words.
    pub(crate) fn new(seed: u64) -> Result<Self, BenchError> {
        let catalogue = street::catalogue()?;
        let checklists = street::checklists()?;
        let matters = matters::load().map_err(|source| BenchError::Matters { source })?;
        let mut words: Vec<String> = matters
            .into_iter()
            .flat_map(|matter| [matter.title, matter.description])
            .collect();
        for minor in catalogue.minors() {
            words.push(minor.name.clone());
            words.extend(minor.filing_conditions.iter().map(|c| c.name.clone()));
        }
        let is_word = |letter: &char| letter.is_alphabetic() && !letter.is_ascii();
        let template = checklists
            .templates
            .iter()
            .find(|template| template.id == TEMPLATE);
        Ok(Self {
            seed,
            letters: words.concat().chars().filter(is_word).collect(),
            categories: catalogue.minors().map(|minor| minor.code.clone()).collect(),
            items: template.map(|t| t.items.clone()).unwrap_or_default(),
        })
    }

    /// What the record of that number on that device says.
    pub(crate) fn content(&self, grid: &AreaCode, device: u32, number: u32) -> Content {
        let mut dice = Dice::of(self.seed, device, number);
        let dice = &mut dice;
        Content {
            grid: grid.clone(),
            category: dice.pick(&self.categories).cloned().unwrap_or_default(),
            title: self.text(dice, TITLE),
            description: self.text(dice, DESCRIPTION),
            place: place(dice),
            checks: self
                .items
                .iter()
                .map(|item| Item {
                    item: item.clone(),
                    finding: match dice.between(0, 3) {
                        0 => Finding::Ok,
                        1 => Finding::Problem,
                        _ => Finding::NotApplicable,
                    },
                    note: self.text(dice, NOTE),
                })
                .collect(),
            photos: [PhotoRole::Near, PhotoRole::Far]
                .into_iter()
                .map(|role| Photo {
                    sha256: hex(&dice.bytes::<32>()),
                    role,
                    bytes: dice.between(200_000, 4_000_000),
                })
                .collect(),
        }
    }

    /// All that texts are made of, so that a test can hold it apart from what a compression
    /// dictionary was trained on: a dictionary that knew these words would make the figures better
    /// than those of real records.
    #[cfg(test)]
    pub(crate) fn vocabulary(&self) -> Vocabulary {
        let pairs = self.letters.windows(2).map(|pair| pair.iter().collect());
        Vocabulary {
            letters: self.letters.iter().copied().collect(),
            pairs: pairs.collect(),
            fixed: self
                .items
                .iter()
                .chain(&self.categories)
                .map(String::as_str)
                .chain(PLACE)
                .map(str::to_owned)
                .collect(),
        }
    }

    /// Exactly `length` characters.
    fn text(&self, dice: &mut Dice, length: usize) -> String {
        let mut text: Vec<char> = Vec::with_capacity(length + 3);
        while text.len() < length {
            if dice.once_in(13) {
                text.extend(dice.between(1, 1_000).to_string().chars());
                continue;
            }
            let piece = if dice.once_in(3) { 2 } else { 1 };
            let last = self.letters.len().saturating_sub(piece);
            let at = usize::try_from(dice.between(0, last as u64)).unwrap_or(0);
            text.extend(self.letters.iter().skip(at).take(piece));
        }
        text.truncate(length);
        text.into_iter().collect()
    }
}

fn place(dice: &mut Dice) -> Place {
    /// A millionth of a degree is a decimetre; phones give as much.
    fn degrees(dice: &mut Dice, from: u32) -> f64 {
        let millionths = u32::try_from(dice.between(0, 30_000)).unwrap_or(0);
        f64::from(from + millionths) / 1_000_000.0
    }
    let [estate, building, entrance] = PLACE;
    Place {
        address: vec![
            estate.to_owned(),
            format!("{}{building}", dice.between(1, 40)),
            format!("{}{entrance}", dice.between(1, 6)),
        ],
        fix: Some(Fix {
            crs: Crs::Gcj02,
            lon: degrees(dice, 112_980_000),
            lat: degrees(dice, 28_150_000),
            accuracy_m: u32::try_from(dice.between(30, 250))
                .ok()
                .map(|decimetres| f64::from(decimetres) / 10.0),
            fixed_at_ms: 1_790_000_000_000 + dice.between(0, 100_000_000).cast_signed(),
        }),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use gridlog_domain::environment::SeededEntropy;
    use gridlog_domain::id::RecordId;

    use super::*;

    fn contents(count: u32) -> Vec<Content> {
        let generator = Generator::new(1).unwrap();
        let grid = AreaCode::from("43011100300101");
        (0..count)
            .map(|number| generator.content(&grid, number % 20, number))
            .collect()
    }

    /// One JSON object a line, with an id as phones make them.
    fn json(contents: &[Content]) -> Vec<u8> {
        let mut entropy = SeededEntropy::new(3);
        let mut lines = Vec::new();
        for (at, content) in (0_i64..).zip(contents) {
            let mut line = serde_json::to_value(content).unwrap();
            let id = RecordId::new(1_790_000_000_000 + at * 60_000, &mut entropy);
            line["id"] = id.to_string().into();
            serde_json::to_writer(&mut lines, &line).unwrap();
            lines.push(b'\n');
        }
        lines
    }

    #[test]
    fn a_record_has_the_parts_and_lengths_that_the_figures_are_stated_for() {
        for content in contents(50) {
            assert_eq!(content.title.chars().count(), 20);
            assert_eq!(content.description.chars().count(), 120);
            assert_eq!((content.checks.len(), content.photos.len()), (6, 2));
            assert!(content.checks.iter().all(|item| !item.note.is_empty()));
        }
    }

    #[test]
    fn two_hundred_records_are_of_1500_bytes_each_and_of_at_least_580_under_gzip() {
        let lines = json(&contents(200));
        let each = lines.len() / 200;
        assert!((1_400..=1_650).contains(&each), "{each} bytes each");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&lines).unwrap();
        let packed = gzip.finish().unwrap().len() / 200;
        assert!(packed >= 580, "{packed} bytes each under gzip");
    }

    #[test]
    fn the_vocabulary_lists_every_word_of_every_record() {
        let vocabulary = Generator::new(1).unwrap().vocabulary();
        assert!(vocabulary.pairs.len() > vocabulary.letters.len());
        let is_known =
            |letter: char| letter.is_ascii_digit() || vocabulary.letters.contains(&letter);
        let is_fixed = |word: &str| {
            let word = word.trim_start_matches(|letter: char| letter.is_ascii_digit());
            vocabulary.fixed.contains(word)
        };
        for content in contents(50) {
            let notes: String = content.checks.iter().map(|check| &*check.note).collect();
            let texts = [content.title, content.description, notes].concat();
            assert!(texts.chars().all(is_known), "{texts}");
            assert!(vocabulary.fixed.contains(&content.category));
            assert!(content.place.address.iter().all(|word| is_fixed(word)));
            assert!(content.checks.iter().all(|check| is_fixed(&check.item)));
        }
    }

    #[test]
    fn dictionaries_are_trained_on_letters_that_no_measured_text_has() {
        let trained: BTreeSet<char> = training_letters::letters().into_iter().collect();
        assert!(trained.len() > 500);
        let measured = Generator::new(1).unwrap().vocabulary();
        assert_eq!(measured.letters.intersection(&trained).next(), None);
        let is_ideograph = |letter: &char| !letter.is_ascii();
        for word in &measured.fixed {
            let mut letters = word.chars().filter(is_ideograph).peekable();
            let is_code = letters.peek().is_none();
            assert!(is_code || letters.any(|letter| !trained.contains(&letter)));
        }
    }

    #[test]
    fn no_measured_word_stands_in_a_dictionary() {
        let dictionary = include_bytes!("../../crates/protocol/dictionaries/1.zstd-dictionary");
        let is_in = |word: &str| {
            dictionary
                .windows(word.len())
                .any(|at| at == word.as_bytes())
        };
        assert!(is_in("title"), "the form of records is what it is for");
        let measured = Generator::new(1).unwrap().vocabulary();
        let is_text = |word: &&String| !word.is_ascii();
        let mut words = measured.pairs.iter().chain(&measured.fixed).filter(is_text);
        assert_eq!(words.find(|word| is_in(word)), None);
    }

    #[test]
    fn the_same_seed_makes_the_same_records() {
        assert_eq!(contents(5), contents(5));
        assert_ne!(contents(2)[0], contents(2)[1]);
    }
}
