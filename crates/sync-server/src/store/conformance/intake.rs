//! Cases, found by what they say of where they came from.

use gridlog_domain::channel::Channel;
use gridlog_domain::record::Crs;

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        a_number_of_a_channel_is_one_case,
        of_two_cases_with_one_number_the_older_counts,
        an_erased_case_has_no_number,
        a_list_finds_a_case_by_how_its_number_begins,
        cases_of_a_channel_are_listed_by_when_they_were_reported,
        cases_near_a_place_are_those_of_its_class_and_time_that_one_may_see,
        numbers_that_begin_alike_are_found,
        cases_of_a_caller_are_found_by_the_number_they_call_from,
    ]
}

/// Puts a case in the log that says this of itself.
fn case(store: &impl Store, n: u8, said: &str) {
    let mut batch = Entered::begun(n, &["a:1"]).on(store.head().unwrap());
    batch.records[0].view = format!("{{\"fields\":{{{said}}}}}");
    store.commit(&batch).unwrap();
}

fn a_number_of_a_channel_is_one_case(store: &impl Store) {
    case(store, 1, r#""channel":"hotline","number":"7""#);
    case(store, 2, r#""channel":"petition","number":"7""#);
    case(store, 3, r#""channel":"worker""#);
    let found = |channel, number| store.case_by_number(channel, number).unwrap();
    assert_eq!(found(Channel::Hotline, "7"), Some(record(1)));
    assert_eq!(found(Channel::Petition, "7"), Some(record(2)));
    assert_eq!(found(Channel::Hotline, "8"), None);
    assert_eq!(found(Channel::Referral, "7"), None);
}

fn of_two_cases_with_one_number_the_older_counts(store: &impl Store) {
    for n in [2, 1, 3] {
        case(store, n, r#""channel":"hotline","number":"7""#);
    }
    let found = store.case_by_number(Channel::Hotline, "7").unwrap();
    assert_eq!(found, Some(record(1)));
}

fn an_erased_case_has_no_number(store: &impl Store) {
    case(store, 1, r#""channel":"hotline","number":"7""#);
    erase(store, 1, &["a:1"]);
    assert_eq!(store.case_by_number(Channel::Hotline, "7").unwrap(), None);
}

fn a_list_finds_a_case_by_how_its_number_begins(store: &impl Store) {
    case(store, 1, r#""channel":"hotline","number":"20260101-7""#);
    case(store, 2, r#""channel":"hotline","number":"20260102-7""#);
    let found = |text: &str, audience: &str| -> Vec<RecordId> {
        let filter = CaseFilter {
            audiences: texts(&[audience]),
            text: Some(text.to_owned()),
            limit: 9,
            ..CaseFilter::default()
        };
        let rows = store.records(&filter).unwrap();
        rows.into_iter().map(|row| row.id).collect()
    };
    assert_eq!(found("20260101-7", "a:1"), [record(1)]);
    assert_eq!(found("202601", "a:1"), [record(2), record(1)]);
    assert_eq!(found("20260101-7", "a:2"), []);
    assert_eq!(found("案卷2", "a:1"), [record(2)]);
}

fn cases_of_a_channel_are_listed_by_when_they_were_reported(store: &impl Store) {
    let said = |number: u8, at: i64, category: &str| {
        format!(
            r#""channel":"open311","number":"{number}","reported_at":{at},"category":"{category}""#
        )
    };
    case(store, 1, &said(1, 100, "01014"));
    case(store, 2, &said(2, 300, "06010"));
    case(store, 3, &said(3, 200, "06010"));
    case(store, 4, r#""channel":"open311","reported_at":250"#);
    case(
        store,
        5,
        r#""channel":"hotline","number":"5","reported_at":250"#,
    );
    let found = |from_ms, to_ms, categories: &[&str], stages: &[&str], limit| -> Vec<RecordId> {
        let filter = ReportedFilter {
            channel: Channel::Open311,
            from_ms,
            to_ms,
            categories: texts(categories),
            stages: texts(stages),
            limit,
        };
        let rows = store.cases_of_channel(&filter).unwrap();
        rows.into_iter().map(|row| row.id).collect()
    };
    assert_eq!(found(0, 999, &[], &[], 9), [2, 3, 1].map(record));
    assert_eq!(found(100, 200, &[], &[], 9), [3, 1].map(record));
    assert_eq!(found(0, 999, &["01014"], &[], 9), [record(1)]);
    assert_eq!(found(0, 999, &[], &["closed"], 9), []);
    assert_eq!(
        found(0, 999, &[], &["closed", "reported"], 2),
        [2, 3].map(record)
    );
}

fn ids(rows: Vec<RecordRow>) -> Vec<RecordId> {
    rows.into_iter().map(|row| row.id).collect()
}

fn cases_near_a_place_are_those_of_its_class_and_time_that_one_may_see(store: &impl Store) {
    let at = |crs: &str, lat: f64, lon: f64, category: &str, reported: i64| {
        format!(
            r#""category":"{category}","reported_at":{reported},"place":{{"fix":{{"crs":"{crs}",
                "lat":{lat},"lon":{lon},"fixed_at_ms":1}}}}"#
        )
    };
    case(store, 1, &at("gcj02", 28.1, 113.0, "06010", 100));
    case(store, 2, &at("gcj02", 28.1, 113.0, "06011", 100));
    case(store, 3, &at("wgs84", 28.1, 113.0, "06010", 100));
    case(store, 4, &at("gcj02", 28.3, 113.0, "06010", 100));
    case(store, 5, &at("gcj02", 28.1, 113.2, "06010", 100));
    case(store, 6, &at("gcj02", 28.1, 113.0, "01014", 100));
    case(store, 7, &at("gcj02", 28.1, 113.0, "06010", 900));
    case(store, 8, r#""category":"06010""#);
    let near = |audience: &str, stages: &[&str]| {
        let query = NearQuery {
            audiences: texts(&[audience]),
            crs: Crs::Gcj02,
            lat: (28.05, 28.15),
            lon: (112.9, 113.1),
            class: "06".to_owned(),
            reported_ms: (0, 200),
            stages: texts(stages),
            limit: 9,
        };
        ids(store.cases_near(&query).unwrap())
    };
    assert_eq!(near("a:1", &["reported"]), [1, 2].map(record));
    assert_eq!(near("a:1", &["closed"]), []);
    assert_eq!(near("a:2", &["reported"]), []);
}

fn numbers_that_begin_alike_are_found(store: &impl Store) {
    for (n, number) in [(1, "A-7"), (2, "A-7-2"), (3, "A-71"), (4, "A")] {
        case(
            store,
            n,
            &format!(r#""channel":"petition","number":"{number}""#),
        );
    }
    let found = |numbers: &[&str], beginnings: &[&str], audience: &str| {
        let alike = (texts(numbers), texts(beginnings));
        let rows = store.cases_numbered(&texts(&[audience]), (&alike.0, &alike.1), 9);
        ids(rows.unwrap())
    };
    assert_eq!(
        found(&["A-7", "A"], &["A-7-"], "a:1"),
        [1, 2, 4].map(record)
    );
    assert_eq!(found(&["A-7", "A"], &["A-7-"], "a:2"), []);
    assert_eq!(found(&[], &[], "a:1"), []);
}

fn cases_of_a_caller_are_found_by_the_number_they_call_from(store: &impl Store) {
    for (n, phone) in [(11, "138"), (12, "138"), (13, "139")] {
        let mut batch = Entered::begun(n, &["a:1"]).on(store.head().unwrap());
        batch.records[0].kind = Kind::Contact;
        batch.records[0].view = format!(r#"{{"fields":{{"phone":"{phone}"}}}}"#);
        store.commit(&batch).unwrap();
    }
    for (n, contact) in [(1, 11), (2, 12), (3, 13)] {
        case(store, n, &format!(r#""contact":"{}""#, record(contact)));
    }
    let of = |contact, audience: &str| {
        let rows = store.cases_of_caller(&texts(&[audience]), record(contact), 9);
        ids(rows.unwrap())
    };
    assert_eq!(of(11, "a:1"), [1, 2].map(record));
    assert_eq!(of(13, "a:1"), [record(3)]);
    assert_eq!(of(11, "a:2"), []);
}
