//! The door through which cases come in.

use serde_json::json;

use super::*;
use crate::ingest::Why;
use crate::store::Store as _;
use crate::town::*;

fn call() -> Value {
    json!({
        "channel": "hotline",
        "number": "12345-20260101-7",
        "reported_at_ms": NOW - 3_600_000,
        "area": GRID_A,
        "place": { "text": "造化塘小区3栋", "lon": 113.0, "lat": 28.2, "crs": "gcj02" },
        "category": "01014",
        "description": "井盖缺失，老人差点摔倒",
        "contact": { "name": "王女士", "phone": "13800000000" },
    })
}

/// What an acceptor's delivery is answered.
fn deliver(site: &Site, body: &Value) -> (StatusCode, Value) {
    let token = site.token(OFFICE, None);
    site.ask(Method::POST, "/v1/office/intake", &token, body)
}

fn show(site: &Site, record: &Value) -> Value {
    let path = format!("/v1/office/records/{}", record.as_str().unwrap());
    let (status, shown) = site.ask(Method::GET, &path, &site.token(OFFICE, None), &Value::Null);
    assert_eq!(status, StatusCode::OK, "{shown}");
    shown
}

fn comments(site: &Site, record: &Value) -> Vec<String> {
    let shown = show(site, record);
    let comments = shown["view"]["comments"].as_object().unwrap().values();
    comments
        .map(|comment| comment["text"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_a_hotline_brings_is_a_case_that_says_where_it_came_from() {
    let town = Town::new();
    let site = Site::over(&town);
    let (status, taken) = deliver(&site, &call());
    assert_eq!(status, StatusCode::CREATED, "{taken}");
    assert_eq!(taken["created"], true);
    let shown = show(&site, &taken["record"]);
    assert_eq!(shown["stage"], "reported");
    assert_eq!(shown["area"], GRID_A);
    assert_eq!(shown["channel"], "hotline");
    assert_eq!(shown["channel_zh"], "12345热线");
    assert_eq!(shown["number"], "12345-20260101-7");
    assert_eq!(shown["headline"], "井盖缺失，老人差点摔倒");
    let fields = &shown["view"]["fields"];
    assert_eq!(fields["reported_at"], NOW - 3_600_000);
    assert_eq!(fields["place"]["fix"]["crs"], "gcj02");
    assert_eq!(shown["duty"]["department"], "城管");
    assert_eq!(shown["duty"]["communities"], json!([]));
    let rows = "/v1/office/records?text=12345-2026";
    let (_, rows) = site.ask(Method::GET, rows, &site.token(OFFICE, None), &Value::Null);
    assert_eq!(rows[0]["id"], taken["record"]);
    assert_eq!(rows[0]["number"], "12345-20260101-7");
}

#[test]
fn whoever_called_is_a_record_of_their_own_and_nowhere_in_the_case_or_the_log() {
    let town = Town::new();
    let site = Site::over(&town);
    let (_, taken) = deliver(&site, &call());
    let shown = show(&site, &taken["record"]);
    for personal in ["王女士", "13800000000"] {
        assert!(!shown.to_string().contains(personal));
        for entry in town.store.entries(0, 100).unwrap() {
            let said = String::from_utf8_lossy(&entry.canonical).into_owned();
            assert!(!said.contains(personal));
        }
    }
    let contact = show(&site, &shown["view"]["fields"]["contact"]);
    assert_eq!(contact["kind"], "contact");
    assert_eq!(contact["view"]["fields"]["phone"], "13800000000");
    let rows = "/v1/office/records?kind=contact";
    let (_, rows) = site.ask(Method::GET, rows, &site.token(OFFICE, None), &Value::Null);
    assert_eq!(rows[0]["headline"], "王**", "a list shows no name");
}

#[test]
fn the_same_number_twice_is_the_same_case_and_the_answer_says_so() {
    let town = Town::new();
    let site = Site::over(&town);
    let (_, first) = deliver(&site, &call());
    let head = town.store.head().unwrap();
    let (status, second) = deliver(&site, &call());
    assert_eq!(status, StatusCode::OK);
    assert_eq!(second["record"], first["record"]);
    assert_eq!(
        (&second["created"], &second["added"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(town.store.head().unwrap(), head, "nothing was written");
}

#[test]
fn the_same_number_of_another_channel_is_another_case() {
    let town = Town::new();
    let site = Site::over(&town);
    let (_, first) = deliver(&site, &call());
    let mut petition = call();
    petition["channel"] = json!("petition");
    let (status, second) = deliver(&site, &petition);
    assert_eq!(status, StatusCode::CREATED);
    assert_ne!(second["record"], first["record"]);
}

#[test]
fn other_words_under_the_same_number_are_added_once_and_overwrite_nothing() {
    let town = Town::new();
    let site = Site::over(&town);
    let (_, first) = deliver(&site, &call());
    let record = &first["record"];
    let mut again = call();
    again["description"] = json!("井盖还是没有，今天又有人摔倒");
    again["place"] = json!({ "text": "造化塘小区5栋" });
    again["contact"] = json!({ "name": "李先生", "phone": "13900000000" });
    for added in [true, false] {
        let (status, answer) = deliver(&site, &again);
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["record"], *record);
        assert_eq!(answer["added"], added);
    }
    let shown = show(&site, record);
    assert_eq!(
        shown["view"]["fields"]["description"],
        "井盖缺失，老人差点摔倒"
    );
    let said = comments(&site, record);
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[0], "井盖还是没有，今天又有人摔倒");
    assert!(said[1].starts_with("位置 place: 造化塘小区5栋\n联系人 contact: "));
    assert!(!shown.to_string().contains("李先生"));
    let contact = said[1].rsplit(' ').next().unwrap();
    let contact = show(&site, &json!(contact));
    assert_eq!(contact["view"]["fields"]["name"], "李先生");
}

#[test]
fn a_delivery_that_comes_again_after_somebody_edited_the_case_says_nothing_new() {
    let town = Town::new();
    let site = Site::over(&town);
    let (_, first) = deliver(&site, &call());
    let path = format!(
        "/v1/office/records/{}/fields",
        first["record"].as_str().unwrap()
    );
    let edit = json!({ "field": "description", "value": "已核实：雨水井盖缺失" });
    let (status, _) = site.ask(Method::POST, &path, &site.token(OFFICE, None), &edit);
    assert_eq!(status, StatusCode::OK);
    let (_, again) = deliver(&site, &call());
    assert_eq!(again["added"], false);
}

#[test]
fn a_long_description_that_comes_later_is_kept_whole() {
    let town = Town::new();
    let site = Site::over(&town);
    let (_, first) = deliver(&site, &call());
    let mut again = call();
    let long: String = "井盖".repeat(2_000);
    again["description"] = json!(long);
    let (status, answer) = deliver(&site, &again);
    assert_eq!(
        (status, &answer["added"]),
        (StatusCode::OK, &json!(true)),
        "{answer}"
    );
    assert_eq!(comments(&site, &first["record"]).concat(), long);
    again["description"] = json!(long + "！");
    assert_eq!(code(&deliver(&site, &again)), (400, "bad_delivery"));
}

#[test]
fn many_deliveries_of_one_number_at_once_are_one_case() {
    let town = Town::new();
    let site = Site::over(&town);
    let answers: Vec<(StatusCode, Value)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| deliver(&site, &call())))
            .collect();
        let answers = threads.into_iter().map(|thread| thread.join().unwrap());
        answers.collect()
    });
    let begun = answers
        .iter()
        .filter(|(status, _)| *status == StatusCode::CREATED);
    let begun: Vec<_> = begun.collect();
    assert_eq!(begun.len(), 1, "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|(_, taken)| taken["record"] == begun[0].1["record"])
    );
}

#[test]
fn a_number_is_known_after_a_restart_and_after_a_restore() {
    let town = Town::new();
    let (_, first) = deliver(&Site::over(&town), &call());
    let (status, again) = deliver(&Site::over(&town), &call());
    assert_eq!(
        (status, &again["record"]),
        (StatusCode::OK, &first["record"])
    );
    let backup = town.back_up();
    let town = town.restore(&backup, Some(Why::Restored));
    let (status, again) = deliver(&Site::over(&town), &call());
    assert_eq!(
        (status, &again["record"]),
        (StatusCode::OK, &first["record"])
    );
}

#[test]
fn a_case_that_a_phone_gives_back_to_a_restored_server_has_its_number_again() {
    let town = Town::new();
    let mut phone = town.phone(1, COLLEAGUE);
    phone.bootstrap(&town);
    let backup = town.back_up();
    let (_, first) = deliver(&Site::over(&town), &call());
    drop(phone.pull(&town));
    let town = town.restore(&backup, Some(Why::Restored));
    let hotline = gridlog_domain::channel::Channel::Hotline;
    let number = "12345-20260101-7";
    assert_eq!(town.store.case_by_number(hotline, number).unwrap(), None);
    let returns = phone.everything();
    phone.give_back(&town, returns);
    let known = town.store.case_by_number(hotline, number).unwrap();
    assert_eq!(
        known.map(|id| json!(id.to_string())),
        Some(first["record"].clone())
    );
    let (status, again) = deliver(&Site::over(&town), &call());
    assert_eq!(
        (status, &again["record"]),
        (StatusCode::OK, &first["record"])
    );
}

#[test]
fn whoever_may_not_take_cases_in_is_refused_and_so_is_what_is_no_delivery() {
    let town = Town::new();
    let site = Site::over(&town);
    let head = town.store.head().unwrap();
    let as_person = |person: &str, body: &Value| {
        site.ask(
            Method::POST,
            "/v1/office/intake",
            &site.token(person, None),
            body,
        )
    };
    for person in [WORKER, HANDLER, KEEPER] {
        assert_eq!(code(&as_person(person, &call())), (403, "forbidden"));
    }
    let refused = [
        ("channel", json!("telegraph"), "unknown_channel"),
        ("number", Value::Null, "bad_delivery"),
        ("number", json!("x".repeat(65)), "bad_delivery"),
        ("number", json!("a\nb"), "bad_delivery"),
        ("area", json!("99"), "unknown_area"),
        (
            "place",
            json!({ "lon": 113.0, "lat": 28.0 }),
            "bad_delivery",
        ),
        (
            "place",
            json!({ "lon": 999.0, "lat": 28.0, "crs": "wgs84" }),
            "wrong_value",
        ),
        ("category", json!("x".repeat(17)), "wrong_value"),
        (
            "photos",
            json!([{ "sha256": "../../etc", "bytes": 1 }]),
            "bad_delivery",
        ),
        ("contact", json!({ "name": "长".repeat(65) }), "wrong_value"),
    ];
    for (field, value, expected) in refused {
        let mut body = call();
        body[field] = value;
        assert_eq!(code(&deliver(&site, &body)), (400, expected), "{field}");
    }
    assert_eq!(town.store.head().unwrap(), head, "nothing was written");
}

#[test]
fn a_courier_says_three_things_and_a_worker_can_verify_it() {
    let town = Town::new();
    let site = Site::over(&town);
    let body = json!({
        "photo": { "sha256": "a".repeat(64), "bytes": 90_000 },
        "place": { "text": "中山路12号门口" },
        "category": "06010",
    });
    let path = "/v1/office/intake/quick";
    let token = site.token(OFFICE, None);
    let (status, taken) = site.ask(Method::POST, path, &token, &body);
    assert_eq!(status, StatusCode::CREATED, "{taken}");
    let shown = show(&site, &taken["record"]);
    assert_eq!(shown["channel"], "courier");
    assert_eq!(shown["headline"], "暴露垃圾");
    let photos = shown["view"]["photos"].as_object().unwrap();
    assert_eq!(photos.len(), 1);
    let steps = shown["next_steps"].as_array().unwrap();
    assert!(steps.contains(&json!("ask_verify")));
    let mut nowhere = body.clone();
    nowhere["place"] = json!({});
    let answer = site.ask(Method::POST, path, &token, &nowhere);
    assert_eq!(code(&answer), (400, "bad_delivery"));
    let mut unknown = body;
    unknown["category"] = json!("99999");
    let answer = site.ask(Method::POST, path, &token, &unknown);
    assert_eq!(code(&answer), (400, "bad_delivery"));
}

#[test]
fn a_phones_case_comes_by_its_worker_and_not_by_another_way() {
    let town = Town::new();
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    let claims = |channel: &str| {
        let mut command = new_case(GRID_A, "井盖");
        let gridlog_domain::record::Command::Create(new) = &mut command else {
            panic!("it begins a record")
        };
        for (field, said) in [("channel", channel), ("number", "7")] {
            let said = gridlog_domain::record::Value::Text(said.to_owned());
            new.fields.insert(field.to_owned(), said);
        }
        command
    };
    let forged = phone.write(&town, record(1), &[claims("hotline")]);
    phone.push(&town, vec![forged]);
    assert!(town.store.record(record(1)).unwrap().is_none());
    let hotline = gridlog_domain::channel::Channel::Hotline;
    assert_eq!(town.store.case_by_number(hotline, "7").unwrap(), None);
    let honest = phone.write(&town, record(2), &[claims("worker")]);
    phone.push(&town, vec![honest]);
    assert!(town.store.record(record(2)).unwrap().is_some());
}

fn at(number: &str, category: &str, lat: f64, phone: &str) -> Value {
    let mut body = call();
    body["number"] = json!(number);
    body["category"] = json!(category);
    body["place"] = json!({ "lon": 113.0, "lat": lat, "crs": "gcj02" });
    body["contact"] = json!({ "name": "某人", "phone": phone });
    body
}

/// The numbers of what is hinted at, with the reasons and the steps suggested.
fn hints(site: &Site, record: &Value) -> Vec<(String, Vec<String>, Vec<String>)> {
    let path = format!("/v1/office/records/{}/similar", record.as_str().unwrap());
    let (status, found) = site.ask(Method::GET, &path, &site.token(OFFICE, None), &Value::Null);
    assert_eq!(status, StatusCode::OK, "{found}");
    let texts = |list: &Value, of: &dyn Fn(&Value) -> Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|item| of(item).as_str().unwrap().to_owned())
            .collect()
    };
    let found = found.as_array().unwrap().iter();
    found
        .map(|hint| {
            assert!(!hint.to_string().contains("138"), "nothing of who called");
            (
                hint["number"].as_str().unwrap().to_owned(),
                texts(&hint["why"], &|why| why["code"].clone()),
                texts(&hint["suggests"], &Value::clone),
            )
        })
        .collect()
}

#[test]
fn what_may_be_the_same_or_belong_together_is_hinted_at_with_why() {
    let town = Town::new();
    let site = Site::over(&town);
    let deliver = |number, category, lat, phone| {
        deliver(&site, &at(number, category, lat, phone)).1["record"].clone()
    };
    let own = deliver("A-7", "06010", 28.2, "138");
    // 0.0009 degrees of latitude are 100 metres.
    deliver("B-1", "06010", 28.200_9, "139");
    deliver("B-2", "06011", 28.200_8, "137");
    deliver("B-3", "06010", 28.203, "136");
    deliver("B-4", "01014", 28.2, "135");
    deliver("B-5", "52001", 29.0, "138");
    deliver("A-7-2", "52001", 29.0, "134");
    deliver("A-71", "52001", 29.0, "133");
    let over = deliver("B-6", "06010", 28.2, "132");
    let path = format!("/v1/office/records/{}/steps", over.as_str().unwrap());
    let reject = json!({ "step": "reject", "details": { "reason": "非本区" } });
    site.ask(Method::POST, &path, &site.token(OFFICE, None), &reject);
    let hint = |number: &str, why: &[&str], suggests: &str| {
        let why = why.iter().map(|why| (*why).to_owned()).collect();
        (number.to_owned(), why, vec![suggests.to_owned()])
    };
    let mut found = hints(&site, &own);
    found.sort();
    let expected = [
        hint("A-7-2", &["same_number"], "link"),
        hint("B-1", &["near", "same_category"], "mark_duplicate"),
        hint("B-2", &["near", "same_class"], "mark_duplicate"),
        hint("B-5", &["same_caller"], "link"),
    ];
    assert_eq!(found, expected);
    let path = format!("/v1/office/records/{}/similar", own.as_str().unwrap());
    let answer = site.ask(Method::GET, &path, &site.token(KEEPER, None), &Value::Null);
    assert_eq!(code(&answer), (404, "not_found"));
}
