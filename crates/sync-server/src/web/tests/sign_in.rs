use serde_json::json;

use super::*;
use crate::town::WORKER;

#[test]
fn passwords_wait_for_their_turn_and_too_many_are_sent_away() {
    let town = Town::new();
    let site = Site::over(&town);
    let attempt = |person: &str| {
        let body = json!({ "person": person, "password": "not the password" });
        site.ask(Method::POST, "/v1/sign-in", "", &body)
    };
    assert_eq!(attempt(WORKER).0, StatusCode::UNAUTHORIZED);
    let waiting = site.app.passwords_waiting.try_acquire().unwrap();
    let (status, answer) = attempt("somebody else");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer["code"], "busy");
    drop(waiting);
    assert_eq!(attempt("somebody else").0, StatusCode::UNAUTHORIZED);
}
