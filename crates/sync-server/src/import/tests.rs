//! What a file becomes, whole and damaged.

use gridlog_domain::channel::Channel;
use gridlog_domain::environment::SeededEntropy;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::RecordView;
use proptest::prelude::*;

use super::*;
use crate::store::{CaseFilter, RecordRow, Store as _};
use crate::town::*;

const FILE: &[u8] = include_bytes!("../../../../data/nyc311-100.csv");
const MAPPING: &str = include_str!("../../../../data/mappings/nyc311.json");

fn mapping() -> Mapping {
    serde_json::from_str(MAPPING).unwrap()
}

/// The mapping for the town, which has other areas.
fn mapping_of_the_town() -> Mapping {
    let mut mapping = mapping();
    let area = mapping.area.as_mut().unwrap();
    for code in area.codes.values_mut() {
        GRID_A.clone_into(code);
    }
    area.otherwise = Some(STREET.to_owned());
    mapping
}

struct At(i64);

impl Clock for At {
    fn now_ms(&self) -> i64 {
        self.0
    }
}

fn import(town: &Town, file: &[u8], seed: u64) -> Imported {
    let lines = read(file, &mapping_of_the_town()).unwrap();
    let mut sequencer = town.sequencer.borrow_mut();
    let mut entropy = SeededEntropy::new(seed);
    let given = (&At(NOW) as &dyn Clock, &mut entropy as &mut dyn Entropy);
    take_in(&mut sequencer, lines, &staff(OFFICE), given).unwrap()
}

fn cases(town: &Town) -> Vec<RecordRow> {
    let directory = town.directory.now();
    let filter = CaseFilter {
        audiences: directory.audiences(&staff(OFFICE), NOW),
        limit: 1_000,
        ..CaseFilter::default()
    };
    town.store.records(&filter).unwrap()
}

fn case_of(town: &Town, number: &str) -> (RecordId, RecordView) {
    let id = town.store.case_by_number(Channel::Import, number).unwrap();
    let row = town.store.record(id.unwrap()).unwrap().unwrap();
    (row.id, serde_json::from_str(&row.view).unwrap())
}

#[test]
fn every_row_of_the_shipped_file_becomes_a_case_once() {
    let town = Town::new();
    let all = Imported {
        begun: 100,
        ..Imported::default()
    };
    assert_eq!(import(&town, FILE, 1), all);
    let rows = cases(&town);
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().all(|row| row.stage == "reported"));
    let again = Imported {
        known: 100,
        ..Imported::default()
    };
    let head = town.store.head().unwrap();
    assert_eq!(import(&town, FILE, 2), again);
    assert_eq!(town.store.head().unwrap(), head, "nothing was written");
}

#[test]
fn a_row_says_in_our_words_what_it_said_in_its_own() {
    let town = Town::new();
    import(&town, FILE, 1);
    let (_, view) = case_of(&town, "nyc311-42254749");
    assert_eq!(view.text("title"), "Noise - Residential：Banging/Pounding");
    assert_eq!(view.text("category"), "52001");
    assert_eq!(view.text("channel"), "import");
    assert_eq!(view.area.as_str(), GRID_A);
    // 18 April 2019, 21:55:45 in New York, where summer time held.
    let reported = view.fields["reported_at"].as_millis();
    assert_eq!(reported, Some(1_555_638_945_000));
    let gridlog_domain::record::Value::Place(place) = &view.fields["place"] else {
        panic!("it has a place");
    };
    assert_eq!(
        place.address,
        [
            "BROOKLYN",
            "BROOKLYN",
            "SHORE PARKWAY",
            "3855 SHORE PARKWAY"
        ]
    );
    let fix = place.fix.as_ref().unwrap();
    assert_eq!((fix.lon, fix.lat), (-73.932_591_3, 40.586_397_4));
}

#[test]
fn a_category_of_the_shipped_mapping_is_in_the_catalogue() {
    let town = Town::new();
    let catalogue = &town.directory.now().catalogue;
    let category = mapping().category.unwrap();
    for code in category.codes.values() {
        assert!(catalogue.minor(code).is_some(), "{code}");
    }
}

fn lines_of(file: &[u8]) -> Vec<Vec<u8>> {
    let file = file.strip_suffix(b"\n").unwrap_or(file);
    let lines = file.split(|byte| *byte == b'\n');
    lines.map(<[u8]>::to_vec).collect()
}

/// What can befall a line so that it is no row any more.
#[derive(Debug, Clone)]
enum Damage {
    Cut(prop::sample::Index),
    Commas(usize),
    Quote(prop::sample::Index),
    Date,
    NotUtf8(prop::sample::Index),
    Empty,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Damage::Cut),
        (1..9_usize).prop_map(Damage::Commas),
        any::<prop::sample::Index>().prop_map(Damage::Quote),
        Just(Damage::Date),
        any::<prop::sample::Index>().prop_map(Damage::NotUtf8),
        Just(Damage::Empty),
    ]
}

impl Damage {
    fn befall(&self, line: &mut Vec<u8>) {
        match self {
            Self::Cut(at) => {
                // Behind its last comma a line would only lose a column that the mapping does not use.
                let field = line.windows(3).rposition(|bytes| bytes == b",\"(");
                let comma = line.iter().rposition(|byte| *byte == b',');
                line.truncate(at.index(field.or(comma).unwrap()));
            }
            Self::Commas(more) => line.extend(std::iter::repeat_n(b',', *more)),
            Self::Quote(at) => line.insert(at.index(line.len()), b'"'),
            Self::Date => {
                let text = String::from_utf8(line.clone()).unwrap();
                let mut fields = text.splitn(3, ',');
                let (number, _, rest) = (
                    fields.next().unwrap(),
                    fields.next().unwrap(),
                    fields.next().unwrap(),
                );
                *line = format!("{number},13/45/2019 09:55:45 PM,{rest}").into_bytes();
            }
            Self::NotUtf8(at) => line.insert(at.index(line.len()), 0xff),
            Self::Empty => line.clear(),
        }
    }
}

proptest! {
    #[test]
    fn a_damaged_line_is_an_error_that_names_it_and_every_other_row_is_as_it_was(
        damages in prop::collection::btree_map(1..101_usize, damage(), 0..40),
    ) {
        let whole = read(FILE, &mapping()).unwrap();
        let mut lines = lines_of(FILE);
        for (line, damage) in &damages {
            damage.befall(&mut lines[*line]);
        }
        let mut file = lines.join(&b'\n');
        file.push(b'\n');
        let read = read(&file, &mapping()).unwrap();
        prop_assert_eq!(read.len(), 100);
        for (n, (line, was)) in read.iter().zip(&whole).enumerate() {
            prop_assert_eq!(line.number, n + 2);
            if damages.contains_key(&(n + 1)) {
                prop_assert!(line.row.is_err(), "line {}: {:?}", n + 2, damages[&(n + 1)]);
            } else {
                prop_assert_eq!(&line.row, &was.row);
            }
        }
    }

    #[test]
    fn whatever_bytes_change_in_some_lines_the_others_are_as_they_were(
        changes in prop::collection::vec((1..101_usize, any::<prop::sample::Index>(), any::<u8>()), 0..60),
    ) {
        let whole = read(FILE, &mapping()).unwrap();
        let mut lines = lines_of(FILE);
        let mut touched = std::collections::BTreeSet::new();
        for (line, at, byte) in changes {
            if byte != b'\n' {
                let at = at.index(lines[line].len());
                lines[line][at] = byte;
                touched.insert(line + 1);
            }
        }
        let read = read(&lines.join(&b'\n'), &mapping()).unwrap();
        prop_assert_eq!(read.len(), 100);
        for (line, was) in read.iter().zip(&whole) {
            prop_assert_eq!(line.number, was.number);
            prop_assert!(touched.contains(&line.number) || line.row == was.row);
        }
    }
}

#[test]
fn of_a_damaged_file_the_good_rows_become_cases_and_the_rest_when_it_is_mended() {
    let town = Town::new();
    let mut lines = lines_of(FILE);
    lines[17].truncate(40);
    lines[18].insert(12, b'"');
    lines[60].clear();
    let imported = import(&town, &lines.join(&b'\n'), 1);
    assert_eq!((imported.begun, imported.bad.len()), (97, 3));
    let named: Vec<usize> = imported.bad.iter().map(|(line, _)| *line).collect();
    assert_eq!(named, [18, 19, 61]);
    let mended = import(&town, FILE, 2);
    assert_eq!((mended.begun, mended.known), (3, 97));
}

#[test]
fn a_field_goes_over_several_lines_where_the_mapping_says_so_and_swallows_no_row() {
    let file = b"no,when,what\n1,2026-01-01T08:00:00+08:00,\"first\nline\"\n\
        2,2026-01-01T08:00:00+08:00,\"broken\n3,2026-01-01T08:00:00+08:00,good\n";
    let mapping = |line_breaks: bool| -> Mapping {
        serde_json::from_value(serde_json::json!({
            "channel": "import",
            "number": { "column": "no" },
            "reported_at": { "column": "when", "format": "%Y-%m-%dT%H:%M:%S%:z" },
            "headline": ["what"],
            "line_breaks": line_breaks,
        }))
        .unwrap()
    };
    let numbers = |line_breaks| -> Vec<(usize, Option<String>)> {
        let lines = read(file, &mapping(line_breaks)).unwrap().into_iter();
        lines
            .map(|line| (line.number, line.row.ok().and_then(|row| row.number)))
            .collect()
    };
    let good = |number: &str| Some(number.to_owned());
    assert_eq!(numbers(true), [(2, good("1")), (4, None), (5, good("3"))]);
    assert_eq!(
        numbers(false),
        [(2, None), (3, None), (4, None), (5, good("3"))]
    );
}

#[test]
fn a_mapping_that_names_what_the_file_lacks_is_refused_with_its_names() {
    let error = read(b"Unique Key,Borough\n", &mapping()).unwrap_err();
    assert!(error.to_string().contains("Created Date"), "{error}");
}
