//! A phone that the server asks to wait, waits: after a restart, in another process, and no longer
//! than makes sense.

use gridlog_client_core::*;

use crate::clock::DAY_MS;
use crate::fixture::*;

/// An hour, milliseconds.
const HOUR_MS: i64 = 3_600_000;

fn refusal(status: u16, seconds: u64) -> Answer {
    Answer {
        status,
        body: vec![],
        retry_after_ms: Some(seconds * 1_000),
    }
}

fn requests(f: &Fixture) -> usize {
    f.server.line().requests.len()
}

/// How long a phone is held off, milliseconds; zero if it may sync.
fn held(phone: &Phone) -> u64 {
    match phone.begin_sync() {
        Ok(_) => 0,
        Err(PhoneError::Busy { retry_after_ms }) => retry_after_ms,
        Err(error) => panic!("{error}"),
    }
}

fn insisted(f: &Fixture) -> Result<SyncReport, PhoneError> {
    let options = SyncOptions {
        insist: true,
        ..SyncOptions::default()
    };
    f.phone.sync(&f.server, options)
}

/// A phone whose server asked it by a page to wait nine seconds.
fn asked_politely() -> Fixture {
    let f = Fixture::synced();
    f.server
        .line()
        .tamper_with(|page| page.body.retry_after_ms = Some(9_000));
    f.sync();
    f.server.line().tamper = None;
    f
}

#[test]
fn a_phone_sends_nothing_before_the_time_that_the_server_asked_for() {
    let f = asked_politely();
    f.phone.report(report("一")).unwrap();
    let before = requests(&f);
    let busy = f.try_sync().unwrap_err();
    assert!(matches!(
        busy,
        PhoneError::Busy {
            retry_after_ms: 9_000..=10_800
        }
    ));
    f.clock.advance(8_999);
    assert!(f.try_sync().is_err());
    assert!(f.phone.begin_verification().is_err());
    assert_eq!(requests(&f), before);
    // The time itself and up to a fifth more.
    f.clock.advance(1_801);
    f.sync();
    assert_eq!(f.status().admitted, 1);
    assert_eq!(
        f.phone.hold().unwrap(),
        None,
        "the server said nothing more"
    );
}

#[test]
fn it_holds_over_a_restart_and_in_another_process() {
    let f = asked_politely();
    assert!(held(&f.reopen(2)) >= 9_000);
    f.clock.advance(10_800);
    assert_eq!(held(&f.reopen(3)), 0);
}

#[test]
fn somebody_who_insists_does_not_wait_for_a_polite_server() {
    let f = asked_politely();
    f.phone.report(report("一")).unwrap();
    insisted(&f).unwrap();
    assert_eq!(f.status().admitted, 1);
    assert_eq!(held(&f.phone), 0, "and it has taken that well");
}

#[test]
fn a_server_that_refused_is_left_alone_for_ten_seconds_even_by_somebody_who_insists() {
    for status in [503, 429] {
        let f = Fixture::synced();
        f.server.line().instead = Some(refusal(status, 60));
        assert!(insisted(&f).is_err());
        f.server.line().instead = None;
        let before = requests(&f);
        assert!(insisted(&f).is_err());
        f.clock.advance(9_999);
        assert!(insisted(&f).is_err());
        assert_eq!(requests(&f), before);
        f.clock.advance(1);
        assert!(held(&f.phone) > 0, "others wait longer");
        insisted(&f).unwrap();
    }
}

#[test]
fn neither_a_broken_server_nor_a_clock_that_jumps_silences_a_phone() {
    let f = Fixture::synced();
    f.server.line().instead = Some(refusal(503, u64::MAX / 1_000));
    assert!(f.try_sync().is_err());
    f.server.line().instead = None;
    let left = held(&f.phone);
    assert_eq!(left, LONGEST_HOLD_MS);
    f.clock.advance(-DAY_MS);
    assert_eq!(held(&f.phone), 0);
    f.clock.advance(DAY_MS + HOUR_MS);
    assert_eq!(held(&f.phone), 0);
    f.sync();
}
