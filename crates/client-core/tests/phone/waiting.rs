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
        Err(PhoneError::AskedToWait { retry_after_ms, .. }) => retry_after_ms,
        Err(error) => panic!("{error}"),
    }
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
        PhoneError::AskedToWait {
            retry_after_ms: 9_000..=10_800,
            ..
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
fn a_person_is_told_until_when_the_phone_waits_and_nothing_is_sent() {
    for status in [200, 503, 429] {
        let f = match status {
            200 => asked_politely(),
            refused => {
                let f = Fixture::synced();
                f.server.line().instead = Some(refusal(refused, 9));
                assert_eq!(f.try_sync().unwrap_err().code(), "busy");
                f.server.line().instead = None;
                f
            }
        };
        f.phone.report(report("一")).unwrap();
        let before = requests(&f);
        let until_ms = f.status().waits_until_ms.unwrap();
        assert_eq!(until_ms, f.phone.hold().unwrap().unwrap().not_before_ms);
        let error = f.try_sync().unwrap_err();
        assert_eq!(error.code(), "asked_to_wait");
        let PhoneError::AskedToWait { retry_after_ms, .. } = error else {
            panic!("{error}");
        };
        let seconds = retry_after_ms.div_ceil(1_000).to_string();
        assert!(error.zh().contains(&seconds) && error.to_string().contains(&seconds));
        assert!(f.phone.search_online(&f.server, "一", 5).is_err());
        f.clock.advance(i64::try_from(retry_after_ms).unwrap() - 1);
        assert!(f.try_sync().is_err());
        assert_eq!(requests(&f), before);
        f.clock.advance(1);
        assert_eq!(f.status().waits_until_ms, None);
        f.sync();
        assert_eq!(f.status().admitted, 1);
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
