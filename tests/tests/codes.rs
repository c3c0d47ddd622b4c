//! Promise: whatever the real server refuses a phone that enrols, signs in or searches stands on the page of codes,
//! word for word as the phone shows it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Debug;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use gridlog_client_core::{HttpTransport, PhoneError, TransportError};
use gridlog_domain::reference::Role;
use gridlog_protocol::limits::MAX_DEVICES_PER_PERSON;
use gridlog_tests::{District, GRID_A, PASSWORD, TestPhone, eventually};
use serde_json::json;

const PAGE: &str = include_str!("../../mobile-bindings/codes.md");

/// The rows of the page under a heading.
fn section(name: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n## `{name}`\n")).unwrap();
    rest.split_once("\n## ")
        .map_or(rest, |(section, _)| section)
}

/// Makes sure that the page says what the phone said, where apps look for it.
fn assert_on_the_page<T: Debug>(said: Result<T, PhoneError>, code: &str, variant: &str) {
    let error = said.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    let row = format!("| `{code}` | {} |", error.zh());
    assert!(section(variant).contains(&row), "{row}");
}

#[test]
fn what_a_phone_hears_when_it_enrols_and_signs_in_is_on_the_page() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let transport = &phone.transport;
    let wrong = || phone.sign_in(transport, "no such password");
    assert_on_the_page(wrong(), "wrong_password", "Server");
    eventually("wrong passwords become too many", || {
        wrong().unwrap_err().code() != "wrong_password"
    });
    assert_on_the_page(wrong(), "too_many_attempts", "Server");
    assert_on_the_page(
        phone.enrol(transport, &phone.person, PASSWORD, "手机"),
        "too_many_attempts",
        "Server",
    );

    let person = district.worker(GRID_A, 1);
    let enrol = |phone: &TestPhone| phone.enrol(&phone.transport, &person, PASSWORD, "手机");
    for _ in 0..MAX_DEVICES_PER_PERSON {
        enrol(&TestPhone::fresh(&district, &person)).unwrap();
    }
    let one_more = TestPhone::fresh(&district, &person);
    assert_on_the_page(enrol(&one_more), "too_many_devices", "Server");
    let office = HttpTransport::new(&format!("{}/no-server-here", district.url())).unwrap();
    let elsewhere = one_more.enrol(&office, &person, PASSWORD, "手机");
    assert_on_the_page(elsewhere, "no_gridlog_server", "Server");
}

#[test]
fn what_a_phone_hears_when_it_searches_is_on_the_page() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let search = |text: &str| phone.search_online(&phone.transport, text, 5);
    assert_eq!(search("井盖").unwrap(), []);
    assert_on_the_page(search(" "), "bad_search", "Input");
    assert_on_the_page(search(&"井".repeat(65)), "bad_search", "Input");

    let administrator = district.office(Role::Administrator);
    let (_, devices) = administrator.get(&format!("people/{}/devices", phone.person));
    let device = devices[0]["id"].as_str().unwrap();
    let (status, _) = administrator.post(&format!("devices/{device}/revoke"), &json!({}));
    assert_eq!(status, 200);
    assert_on_the_page(search("井盖"), "forbidden", "Server");
}

#[test]
fn a_phone_that_does_too_much_at_once_is_told_so_and_not_that_the_server_is_busy() {
    let settings = [
        ("GRIDLOG_SERVER_DEVICE_WORK_MS", "100"),
        ("GRIDLOG_SERVER_DEVICE_WORK_MS_PER_SECOND", "1"),
    ];
    let district = District::with_settings(&settings);
    let eager = district.phone(GRID_A, 0);
    let search = |phone: &TestPhone| phone.search_online(&phone.transport, "井盖", 5);
    let mut said = search(&eager);
    for _ in 0..100 {
        if said.is_err() {
            break;
        }
        said = search(&eager);
    }
    assert_on_the_page(said, "slow_down", "TryLater");

    let district = District::new();
    let phone = district.phone(GRID_A, 1);
    let held = as_much_as_it_may(&district, &phone);
    assert_on_the_page(search(&phone), "one_at_a_time", "TryLater");
    drop(held);
}

/// Sync requests of a phone that never come to their end, as many as the server lets it have under way.
fn as_much_as_it_may(district: &District, phone: &TestPhone) -> Vec<TcpStream> {
    let bearer = phone.begin_sync().unwrap().bearer().unwrap();
    let mut held = Vec::new();
    loop {
        let mut stream = TcpStream::connect(district.url().replace("http://", "")).unwrap();
        write!(
            stream,
            "POST /v1/sync HTTP/1.1\r\nHost: gridlog\r\nAuthorization: Bearer {bearer}\r\n\
             Content-Length: 1000\r\n\r\nhalf"
        )
        .unwrap();
        let answers_within = Some(Duration::from_millis(500));
        stream.set_read_timeout(answers_within).unwrap();
        match stream.read(&mut [0; 16]) {
            Ok(_) => return held,
            Err(_) => held.push(stream),
        }
        assert!(held.len() < 10, "no limit was found");
    }
}

#[test]
fn an_address_that_is_none_is_said_to_be_none() {
    let refused = HttpTransport::new("grid.example").map_err(PhoneError::from);
    assert_eq!(
        refused.as_ref().map(drop).unwrap_err().code(),
        TransportError::BadAddress.code()
    );
    assert_on_the_page(refused.map(drop), "bad_address", "Input");
}
