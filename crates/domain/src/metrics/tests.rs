use super::*;
use crate::channel::Channel;
use crate::workflow::Stage;

const FEBRUARY: Period = Period {
    from_ms: 1_000,
    to_ms: 2_000,
};

fn rate(code: &str, cases: &[CaseFacts]) -> String {
    let metric = Metric::from_code(code).unwrap();
    let rate = metric.rate(cases, FEBRUARY);
    format!("{}/{} {rate}", rate.numerator, rate.denominator)
}

/// A case that nobody has touched.
fn nothing() -> CaseFacts {
    CaseFacts {
        channel: Channel::Worker,
        stage: Stage::Reported,
        reported_ms: None,
        answered_ms: None,
        answer_due_ms: None,
        filed_ms: None,
        dispatched_ms: None,
        returns: 0,
        due_ms: None,
        handled_ms: None,
        reworks: 0,
        closed_ms: None,
        forced: false,
        mediated_ms: None,
        agreed: false,
        called_back_ms: None,
        solved: false,
        rating: 0,
    }
}

/// A case that went its way in time: reported at 1100, closed at 1500.
fn smooth() -> CaseFacts {
    CaseFacts {
        stage: Stage::Closed,
        reported_ms: Some(1_100),
        answered_ms: Some(1_150),
        answer_due_ms: Some(1_200),
        filed_ms: Some(1_200),
        dispatched_ms: Some(1_250),
        due_ms: Some(1_450),
        handled_ms: Some(1_400),
        closed_ms: Some(1_500),
        ..nothing()
    }
}

/// Twelve cases of one month.
fn a_dozen() -> Vec<CaseFacts> {
    let late = CaseFacts {
        handled_ms: Some(1_460),
        ..smooth()
    };
    let under_work = CaseFacts {
        stage: Stage::Dispatched,
        handled_ms: None,
        closed_ms: None,
        ..smooth()
    };
    let asked = |rating, solved| CaseFacts {
        channel: Channel::Hotline,
        called_back_ms: Some(1_600),
        rating,
        solved,
        ..smooth()
    };
    let mediated = |agreed| CaseFacts {
        mediated_ms: Some(1_390),
        agreed,
        ..smooth()
    };
    vec![
        smooth(),
        late.clone(),
        CaseFacts {
            returns: 1,
            ..under_work.clone()
        },
        CaseFacts {
            due_ms: Some(2_000),
            ..under_work
        },
        CaseFacts {
            reworks: 2,
            forced: true,
            ..smooth()
        },
        asked(5, true),
        CaseFacts {
            answered_ms: Some(1_201),
            ..asked(3, true)
        },
        asked(4, false),
        mediated(true),
        mediated(false),
        CaseFacts {
            stage: Stage::Duplicate,
            answered_ms: Some(1_150),
            reported_ms: Some(1_100),
            ..nothing()
        },
        CaseFacts {
            stage: Stage::SelfHandled,
            reported_ms: Some(1_100),
            handled_ms: Some(1_100),
            ..nothing()
        },
    ]
}

#[test]
fn every_metric_of_a_dozen_cases_is_what_one_counts_by_hand() {
    let cases = a_dozen();
    let counted = |code| rate(code, &cases);
    // Eleven without the duplicate; all but the one handled on the spot are filed.
    assert_eq!(counted("filed"), "10/11 90.91%");
    // Nine came from the grid; the duplicate of them was for nothing.
    assert_eq!(counted("effective"), "8/9 88.89%");
    assert_eq!(counted("found_first"), "7/10 70.00%");
    assert_eq!(counted("dispatched_right"), "9/10 90.00%");
    // One is due only in the next month.
    assert_eq!(counted("handled"), "8/9 88.89%");
    assert_eq!(counted("handled_in_time"), "7/9 77.78%");
    assert_eq!(counted("closed"), "8/9 88.89%");
    assert_eq!(counted("closed_in_time"), "6/9 66.67%");
    assert_eq!(counted("reworked"), "1/8 12.50%");
    assert_eq!(counted("answered"), "2/3 66.67%");
    assert_eq!(counted("solved"), "2/3 66.67%");
    assert_eq!(counted("satisfied"), "2/3 66.67%");
    assert_eq!(counted("mediated"), "1/2 50.00%");
    assert_eq!(METRICS.len(), 13, "the new metric has no example here");
}

#[test]
fn a_case_counts_in_the_period_of_the_moment_and_in_no_other() {
    let metric = Metric::from_code("handled").unwrap();
    let due_at = |due_ms| CaseFacts {
        due_ms: Some(due_ms),
        ..smooth()
    };
    let counted = |due_ms| metric.of(&due_at(due_ms), FEBRUARY).denominator;
    assert_eq!([999, 1_000, 1_999, 2_000].map(counted), [0, 1, 1, 0]);
}

#[test]
fn every_trait_has_a_bit_of_its_own_and_a_set_says_what_holds() {
    for case in a_dozen() {
        let set = TraitSet::of(&case);
        assert_eq!(TraitSet::from_bits(set.bits()), set);
        for (place, part) in Trait::ALL.into_iter().enumerate() {
            assert_eq!(set.has(part), part.holds(&case), "{part:?}");
            assert_eq!(set.has(part), set.bits() >> place & 1 == 1, "{part:?}");
        }
    }
}

#[test]
fn nothing_of_nothing_is_a_dash() {
    assert_eq!(rate("solved", &[]), "0/0 —");
    assert_eq!(Rate::default().to_string(), "—");
}

#[test]
fn the_published_rates_of_kaizhou_come_out_of_the_published_counts() {
    let published: serde_json::Value = serde_json::from_str(include_str!(
        "../../../../data/metrics-kaizhou-2022-02.json"
    ))
    .unwrap();
    let agrees =
        |part: &serde_json::Value, whole: &serde_json::Value, percent: &serde_json::Value| {
            let rate = Rate {
                numerator: part.as_u64().unwrap(),
                denominator: whole.as_u64().unwrap(),
            };
            let expected = format!("{:.2}%", percent.as_f64().unwrap());
            assert_eq!(rate.to_string(), expected, "{part} of {whole}");
        };
    let total = &published["reported_total"];
    for (source, count) in published["by_source"].as_object().unwrap() {
        agrees(count, total, &published["share_percent"][source]);
    }
    let video = &published["video"];
    agrees(
        &video["numerator"],
        &video["denominator"],
        &video["percent"],
    );
    let events = &published["events"];
    agrees(&events["first"], &events["total"], &events["first_percent"]);
    agrees(
        &events["second"],
        &events["total"],
        &events["second_percent"],
    );
}

#[test]
fn the_page_about_metrics_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let page = markdown();
    if std::env::var_os("GRIDLOG_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == page,
        "docs/metrics.md is old; write it with GRIDLOG_WRITE_DOCS=1 cargo test -p gridlog-domain"
    );
}

proptest::proptest! {
    #[test]
    fn a_rate_is_never_more_than_all_and_counting_in_parts_gives_the_same(
        due in proptest::collection::vec((0_i64..3_000, proptest::option::of(0_i64..3_000)), 0..40),
        cut in 0_usize..40,
    ) {
        let cases: Vec<CaseFacts> = due
            .into_iter()
            .map(|(due_ms, handled_ms)| CaseFacts { due_ms: Some(due_ms), handled_ms, ..smooth() })
            .collect();
        let (first, second) = cases.split_at(cut.min(cases.len()));
        for metric in METRICS {
            let whole = metric.rate(&cases, FEBRUARY);
            let mut parts = metric.rate(first, FEBRUARY);
            parts += metric.rate(second, FEBRUARY);
            proptest::prop_assert_eq!(whole, parts);
            proptest::prop_assert!(whole.numerator <= whole.denominator);
        }
    }
}
