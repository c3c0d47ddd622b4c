//! Cases, found by what they say of where they came from.

use gridlog_domain::channel::Channel;

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        a_number_of_a_channel_is_one_case,
        of_two_cases_with_one_number_the_older_counts,
        an_erased_case_has_no_number,
        a_list_finds_a_case_by_how_its_number_begins,
        cases_of_a_channel_are_listed_by_when_they_were_reported,
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
