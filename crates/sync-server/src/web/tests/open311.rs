//! Open311 GeoReport v2, as its specification's examples have it.

use axum::response::Response;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::config::{Open311, Open311Client};
use crate::store::Store as _;
use crate::town::*;

const KEY: &str = "xyz-a-long-random-key";

fn door(tokens: bool) -> Config {
    Config {
        open311: Open311 {
            clients: vec![Open311Client {
                name: "city-app".to_owned(),
                key_sha256: hex::encode(Sha256::digest(KEY)),
                by: OFFICE.to_owned(),
            }],
            url: "https://311.example.gov/open311/v2".to_owned(),
            tokens,
            ..Open311::default()
        },
        ..Config::default()
    }
}

/// The status, the content type and the text that a request gets.
fn send(site: &Site, request: Request<Body>) -> (u16, String, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let response: Response = router(site.app.clone()).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let form = response.headers().get(header::CONTENT_TYPE);
        let form = form.map_or("", |form| form.to_str().unwrap()).to_owned();
        let body = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        (status, form, String::from_utf8(body.to_vec()).unwrap())
    })
}

fn get(site: &Site, path: &str) -> (u16, String, String) {
    let request = Request::get(format!("/open311/v2/{path}"));
    send(site, request.body(Body::empty()).unwrap())
}

fn get_json(site: &Site, path: &str) -> (u16, Value) {
    let (status, form, text) = get(site, path);
    assert_eq!(form, "application/json; charset=utf-8", "{text}");
    (status, serde_json::from_str(&text).unwrap())
}

fn post(site: &Site, path: &str, body: impl Into<Vec<u8>>) -> (u16, String, String) {
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let request = Request::post(format!("/open311/v2/{path}")).header(header::CONTENT_TYPE, form);
    send(site, request.body(Body::from(body.into())).unwrap())
}

fn post_json(site: &Site, body: impl Into<Vec<u8>>) -> (u16, Value) {
    let (status, _, text) = post(site, "requests.json", body);
    (status, serde_json::from_str(&text).unwrap())
}

/// The example of the specification, with a key and a service of ours.
fn sinkhole() -> String {
    format!(
        "api_key={KEY}&jurisdiction_id=430111&service_code=01014&lat=37.76524078&\
         long=-122.4212043&address_string=1234+5th+street&email=smit333%40sfgov.edu&\
         device_id=tt222111&account_id=123456&first_name=john&last_name=smith&phone=111111111&\
         description=A+large+sinkhole+is+destroying+the+street&\
         media_url=http%3A%2F%2Ffarm3.static.flickr.com%2F2002%2F2212426634_5ed477a060.jpg&\
         attribute%5BWHISPAWN%5D=123456"
    )
}

/// A reported request's number.
fn report(site: &Site) -> String {
    let (status, created) = post_json(site, sinkhole());
    assert_eq!(status, 200, "{created}");
    created[0]["service_request_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn the_door_is_closed_until_a_client_has_a_key() {
    let town = Town::new();
    let site = Site::over(&town);
    for path in ["discovery.json", "services.json", "requests.json"] {
        assert_eq!(get_json(&site, path).0, 404);
    }
    assert_eq!(post_json(&site, sinkhole()).0, 404);
}

#[test]
fn a_client_discovers_where_the_endpoint_is_and_what_it_speaks() {
    let town = Town::new();
    let site = Site::set_up(&town, door(false));
    let (status, found) = get_json(&site, "discovery.json");
    assert_eq!(status, 200);
    let endpoint = &found["endpoints"][0];
    assert_eq!(
        endpoint["specification"],
        "http://wiki.open311.org/GeoReport_v2"
    );
    assert_eq!(endpoint["url"], "https://311.example.gov/open311/v2");
    assert_eq!(endpoint["type"], "production");
    assert_eq!(endpoint["formats"], json!(["text/xml", "application/json"]));
    let (_, form, xml) = get(&site, "discovery.xml");
    assert_eq!(form, "text/xml; charset=utf-8");
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<discovery><changeset>"));
    let formats = "<formats><format>text/xml</format><format>application/json</format></formats>";
    assert!(xml.contains(formats), "{xml}");
    let elsewhere = Request::get("/open311/discovery.xml");
    assert_eq!(send(&site, elsewhere.body(Body::empty()).unwrap()).2, xml);
}

#[test]
fn the_services_are_the_classes_of_the_catalogue() {
    let town = Town::new();
    let site = Site::set_up(&town, door(false));
    let (status, services) = get_json(&site, "services.json?jurisdiction_id=430111");
    assert_eq!((status, services.as_array().unwrap().len()), (200, 48));
    let manhole = &services[1];
    assert_eq!(manhole["service_code"], "01014");
    assert_eq!(manhole["service_name"], "园林井盖");
    assert_eq!(manhole["metadata"], false);
    assert_eq!(manhole["type"], "realtime");
    assert_eq!(manhole["group"], "市政公用设施");
    let (_, _, xml) = get(&site, "services.xml");
    assert!(xml.contains("<services><service><service_code>01002</service_code>"));
    let (status, definition) = get_json(&site, "services/01014.json");
    assert_eq!(status, 200);
    assert_eq!(
        definition,
        json!({ "service_code": "01014", "attributes": [] })
    );
    let (_, _, xml) = get(&site, "services/01014.xml");
    let element = "<service_definition><service_code>01014</service_code><attributes/>\
                   </service_definition>";
    assert!(xml.ends_with(element), "{xml}");
    assert_eq!(get_json(&site, "services/00001.json").0, 404);
}

#[test]
fn what_an_app_reports_is_a_case_and_its_number_shows_how_far_it_is() {
    let town = Town::new();
    let site = Site::set_up(&town, door(false));
    let (status, created) = post_json(&site, sinkhole());
    assert_eq!(status, 200);
    let keys: Vec<&String> = created[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["account_id", "service_notice", "service_request_id"]);
    let number = created[0]["service_request_id"].as_str().unwrap();
    let (status, found) = get_json(&site, &format!("requests/{number}.json"));
    assert_eq!(status, 200);
    let request = &found[0];
    assert_eq!(request["service_request_id"], number);
    assert_eq!(request["status"], "open");
    assert_eq!(
        request["status_notes"],
        "已收到，等待受理 Received; waits to be accepted."
    );
    assert_eq!(request["service_code"], "01014");
    assert_eq!(request["service_name"], "园林井盖");
    assert_eq!(request["address"], "1234 5th street");
    assert_eq!(request["lat"], 37.765_240_78);
    assert_eq!(request["long"], -122.421_204_3);
    assert_eq!(request["requested_datetime"], "2026-09-21T14:13:20Z");
    assert_eq!(request["updated_datetime"], "2026-09-21T14:13:20Z");
    assert_eq!(request["description"], Value::Null);
    assert_eq!(request.as_object().unwrap().len(), 17);
    let (_, _, xml) = get(&site, &format!("requests/{number}.xml"));
    let begins = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<service_requests><request>\
         <service_request_id>{number}</service_request_id><status>open</status>"
    );
    assert!(xml.starts_with(&begins), "{xml}");
    assert!(xml.contains("<expected_datetime/>"), "{xml}");
    let (_, _, xml) = post(&site, "requests.xml", sinkhole());
    assert!(xml.contains("<service_requests><request><service_request_id>"));
    assert!(xml.ends_with("<service_notice/><account_id/></request></service_requests>"));
}

#[test]
fn who_reported_stands_in_a_record_of_their_own_and_in_no_answer() {
    let town = Town::new();
    let mut config = door(false);
    config.open311.show_descriptions = true;
    let site = Site::set_up(&town, config);
    let number = report(&site);
    let list = get(&site, "requests.json").2;
    let one = get(&site, &format!("requests/{number}.xml")).2;
    assert!(list.contains("sinkhole") && one.contains("sinkhole"));
    for personal in [
        "john",
        "smith",
        "111111111",
        "sfgov.edu",
        "tt222111",
        "123456",
    ] {
        assert!(
            !list.contains(personal) && !one.contains(personal),
            "{personal}"
        );
    }
    let channel = gridlog_domain::channel::Channel::Open311;
    let id = town
        .store
        .case_by_number(channel, &number)
        .unwrap()
        .unwrap();
    let view = town.store.record(id).unwrap().unwrap().view;
    let view: Value = serde_json::from_str(&view).unwrap();
    assert!(!view.to_string().contains("john"));
    let contact = view["fields"]["contact"].as_str().unwrap().parse().unwrap();
    let contact = town.store.record(contact).unwrap().unwrap().view;
    assert!(contact.contains("john smith") && contact.contains("111111111"));
    assert!(!contact.contains("tt222111"), "ids of phones are not kept");
}

#[test]
fn a_token_leads_to_the_number() {
    let town = Town::new();
    let site = Site::set_up(&town, door(true));
    let (_, services) = get_json(&site, "services.json");
    assert_eq!(services[0]["type"], "batch");
    let (status, created) = post_json(&site, sinkhole());
    assert_eq!(status, 200);
    assert!(created[0].get("service_request_id").is_none());
    let token = created[0]["token"].as_str().unwrap();
    let (status, found) = get_json(&site, &format!("tokens/{token}.json"));
    assert_eq!((status, &found[0]["token"]), (200, &json!(token)));
    let number = found[0]["service_request_id"].as_str().unwrap();
    assert_eq!(get_json(&site, &format!("requests/{number}.json")).0, 200);
    let (_, _, xml) = get(&site, &format!("tokens/{token}.xml"));
    assert!(xml.contains(&format!("<token>{token}</token>")), "{xml}");
    // A case of the office's is behind no token.
    let office = site.ask(
        Method::POST,
        "/v1/office/intake",
        &site.token(OFFICE, None),
        &json!({ "channel": "hotline", "number": "7", "description": "井盖" }),
    );
    let other = office.1["record"].as_str().unwrap();
    for token in [other, "12345", "%00", "../requests"] {
        assert_ne!(
            get(&site, &format!("tokens/{token}.json")).0,
            200,
            "{token}"
        );
    }
}

#[test]
fn requests_are_found_by_number_kind_time_and_status() {
    let town = Town::new();
    let mut numbers = Vec::new();
    for day in 0..3 {
        let site = Site::set_up(&town, door(false));
        assert_eq!(site.app.now_ms(), NOW + day * 86_400_000);
        numbers.push(report(&site));
        town.wait(86_400_000);
    }
    let site = Site::set_up(&town, door(false));
    let channel = gridlog_domain::channel::Channel::Open311;
    let last = town.store.case_by_number(channel, &numbers[2]).unwrap();
    let path = format!("/v1/office/records/{}/steps", last.unwrap());
    let reject = json!({ "step": "reject", "details": { "reason": "重复" } });
    let (_, rejected) = site.ask(Method::POST, &path, &site.token(OFFICE, None), &reject);
    assert_eq!(rejected["accepted"], true, "{rejected}");
    let found = |query: &str| -> Vec<String> {
        let (status, found) = get_json(&site, &format!("requests.json{query}"));
        assert_eq!(status, 200, "{query} {found}");
        let found = found.as_array().unwrap().iter();
        found
            .map(|request| request["service_request_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let some =
        |which: &[usize]| -> Vec<String> { which.iter().map(|n| numbers[*n].clone()).collect() };
    assert_eq!(found(""), some(&[2, 1, 0]));
    assert_eq!(found("?status=open"), some(&[1, 0]));
    assert_eq!(found("?status=closed"), some(&[2]));
    assert_eq!(
        found("?status=open,closed&service_code=01014,06010"),
        some(&[2, 1, 0])
    );
    assert_eq!(found("?service_code=06010"), some(&[]));
    assert_eq!(found("?start_date=2026-09-22T00:00:00Z"), some(&[2, 1]));
    assert_eq!(found("?end_date=2026-09-22T00:00:00Z"), some(&[0]));
    let day = "?start_date=2026-09-22T00:00:00Z&end_date=2026-09-23T00:00:00%2B00:00";
    assert_eq!(found(day), some(&[1]));
    let both = format!(
        "?status=closed&service_request_id={},nothing,{}",
        numbers[0], numbers[1]
    );
    assert_eq!(found(&both), some(&[0, 1]), "numbers override all else");
    for bad in [
        "?start_date=yesterday",
        "?status=lost",
        "?start_date=2026-01-01T00:00:00Z&end_date=2026-09-22T00:00:00Z",
    ] {
        assert_eq!(
            get_json(&site, &format!("requests.json{bad}")).0,
            400,
            "{bad}"
        );
    }
}

#[test]
fn cases_of_other_channels_are_shown_to_nobody_here() {
    let town = Town::new();
    let site = Site::set_up(&town, door(false));
    let hotline = json!({ "channel": "hotline", "number": "7", "description": "井盖" });
    let token = site.token(OFFICE, None);
    let (status, _) = site.ask(Method::POST, "/v1/office/intake", &token, &hotline);
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(get_json(&site, "requests.json").1, json!([]));
    assert_eq!(get_json(&site, "requests/7.json").0, 404);
}

#[test]
fn refusals_have_the_form_of_the_specification() {
    let town = Town::new();
    let site = Site::set_up(&town, door(false));
    let head = town.store.head().unwrap();
    let without = |name: &str| {
        let kept = sinkhole();
        let kept = kept.split('&').filter(|pair| !pair.starts_with(name));
        kept.collect::<Vec<_>>().join("&")
    };
    let with = |name: &str, value: &str| format!("{}&{name}={value}", without(name));
    let nowhere = "api_key=xyz-a-long-random-key&service_code=01014";
    let cases = [
        (without("api_key"), 403),
        (with("api_key", "guessed"), 403),
        (without("service_code"), 400),
        (with("service_code", "99999"), 404),
        (with("jurisdiction_id", "city.gov"), 404),
        (nowhere.to_owned(), 400),
        (with("lat", ""), 400),
        (with("lat", "NaN"), 400),
        (with("lat", "91"), 400),
        (with("description", &"x".repeat(4_001)), 400),
        (with("media_url", "javascript:alert(1)"), 400),
        (with("phone", &"1".repeat(33)), 400),
        ("x".repeat(100_000), 400),
        (String::new(), 403),
    ];
    for (body, status) in cases {
        let (found, answer) = post_json(&site, body.clone());
        assert_eq!(found, status, "{body} {answer}");
        assert_eq!(answer[0]["code"], status);
        assert!(answer[0]["description"].is_string());
    }
    let (status, form, xml) = post(&site, "requests.xml", without("api_key"));
    assert_eq!((status, form.as_str()), (403, "text/xml; charset=utf-8"));
    assert!(
        xml.contains("<errors><error><code>403</code><description>"),
        "{xml}"
    );
    for path in [
        "requests.pdf",
        "requests",
        "nothing.xml",
        "services/01014",
        "a/b.xml",
    ] {
        assert_eq!(get(&site, path).0, 404, "{path}");
    }
    assert_eq!(town.store.head().unwrap(), head, "nothing was written");
}

#[test]
fn hostile_input_does_no_harm() {
    let town = Town::new();
    let mut config = door(false);
    config.open311.show_descriptions = true;
    let site = Site::set_up(&town, config);
    let hostile = format!(
        "api_key={KEY}&service_code=01014&address_string=%3C%2Faddress%3E%22%26%00%0A&\
         description=%00%1B%3C%2Fdescription%3E%3Cscript%3E%5D%5D%3E%26amp%3B'%22&lat=1&long=1"
    );
    let (status, created) = post_json(&site, hostile);
    assert_eq!(status, 200, "{created}");
    let (_, _, xml) = get(&site, "requests.xml");
    assert!(!xml.contains("<script>"), "{xml}");
    assert_eq!(xml.matches("</description>").count(), 1, "{xml}");
    let allowed = |letter: char| letter == '\n' || !letter.is_control();
    assert!(xml.chars().all(allowed), "{xml}");
    assert!(xml.contains("&lt;script&gt;"), "{xml}");
    let (_, found) = get_json(&site, "requests.json");
    assert_eq!(found[0]["description"], "</description><script>]]>&amp;'\"");
    assert_eq!(found[0]["address"], "</address>\"&");
    let not_text = [
        b"api_key=".as_slice(),
        &[0xff, 0xfe],
        b"&service_code=01014",
    ]
    .concat();
    assert_eq!(post_json(&site, not_text).0, 403);
    let path = "requests/%27%20OR%201=1--.json";
    assert_eq!(get_json(&site, path).0, 404);
    let request = Request::post("/open311/v2/requests.json")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"))
        .unwrap();
    assert_eq!(send(&site, request).0, 400);
}

#[test]
fn who_asks_too_much_waits_and_others_do_not() {
    let town = Town::new();
    let mut config = door(false);
    // Three requests, and nothing comes back.
    config.device_work_ms = 50;
    config.device_work_ms_per_second = 0;
    let site = Site::set_up(&town, config);
    let asked: Vec<u16> = (0..4).map(|_| get(&site, "services.json").0).collect();
    assert_eq!(asked, [200, 200, 200, 429]);
    assert_eq!(
        post_json(&site, sinkhole()).0,
        200,
        "a client has its own share"
    );
}
