use super::*;
use crate::channel::Channel;
use crate::deadline::Light;
use crate::reference::AreaLevel;

fn shipped() -> Triage {
    serde_json::from_str(include_str!("../../../../data/triage.json")).unwrap()
}

fn found_by_a_worker(category: &str) -> Profile {
    Profile {
        channel: Channel::Worker,
        category: category.to_owned(),
        is_urgent: false,
        departments: 1,
        linked: 0,
        parties: 0,
        sessions: 0,
        urges: 0,
        repeats: 0,
        level: AreaLevel::Grid,
        disagreed: false,
        has_lead: false,
        light: Some(Light::Green),
    }
}

#[test]
fn the_shipped_rules_give_every_case_one_answer() {
    assert_eq!(shipped().check(), Ok(()));
}

#[test]
fn who_moves_first_follows_from_who_asked_and_how_many_must_act() {
    let rules = shipped();
    let track = |profile: &Profile| rules.track(profile).unwrap().is;
    let found = found_by_a_worker("06010");
    assert_eq!(track(&found), Track::Proactive);
    let called = Profile {
        channel: Channel::Hotline,
        ..found.clone()
    };
    assert_eq!(track(&called), Track::Responsive);
    let joint = Profile {
        departments: 2,
        ..called
    };
    assert_eq!(track(&joint), Track::Joint);
}

#[test]
fn the_lane_says_what_kind_of_trouble_it_is() {
    let rules = shipped();
    let lane = |profile: &Profile| rules.lane(profile).unwrap().is;
    let found = found_by_a_worker("06010");
    assert_eq!(lane(&found), Lane::Sundry);
    let manhole = Profile {
        is_urgent: true,
        ..found.clone()
    };
    assert_eq!(lane(&manhole), Lane::Urgent);
    let red = Profile {
        light: Some(Light::Red),
        ..found.clone()
    };
    assert_eq!(lane(&red), Lane::Urgent);
    assert_eq!(lane(&found_by_a_worker("52001")), Lane::Worry);
    let led = Profile {
        has_lead: true,
        ..manhole
    };
    assert_eq!(lane(&led), Lane::Major);
    let again = Profile {
        repeats: 2,
        ..found
    };
    assert_eq!(lane(&again), Lane::Hard);
}

#[test]
fn a_risk_is_shown_with_the_rule_that_gave_it_and_only_for_disputes() {
    let rules = shipped();
    assert_eq!(rules.risk(&found_by_a_worker("06010")), None);
    let quarrel = found_by_a_worker("52001");
    assert_eq!(rules.risk(&quarrel).unwrap().is, Risk::Blue);
    let failed = Profile {
        disagreed: true,
        ..quarrel
    };
    let answer = rules.risk(&failed).unwrap();
    assert_eq!(answer.is, Risk::Yellow);
    assert_eq!(answer.rule, "调解未达成协议 a mediation failed");
    let back_again = Profile {
        repeats: 1,
        ..failed
    };
    assert_eq!(rules.risk(&back_again).unwrap().is, Risk::Red);
}

#[test]
fn rules_that_leave_a_case_without_an_answer_are_refused() {
    let mut open = shipped();
    open.lanes.pop();
    assert_eq!(open.check(), Err(TriageError::Open("lanes")));
    let mut unreachable = shipped();
    unreachable.risks.swap(0, 8);
    assert!(matches!(
        unreachable.check(),
        Err(TriageError::Open("risks"))
    ));
    unreachable.risks.push(unreachable.risks[0].clone());
    let refused = unreachable.check();
    assert!(matches!(
        refused,
        Err(TriageError::Unreachable { list: "risks", .. })
    ));
    let mut twice = shipped();
    twice.tracks[0].name = twice.tracks[1].name.clone();
    assert!(matches!(
        twice.check(),
        Err(TriageError::Twice { list: "tracks", .. })
    ));
}
