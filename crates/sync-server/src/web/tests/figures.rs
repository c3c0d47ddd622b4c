//! Metrics, board and ledger, as an office gets them.

use futures_util::StreamExt as _;
use gridlog_domain::record::Kind;
use gridlog_domain::workflow::{CaseState, Stage};
use serde_json::json;

use super::*;
use crate::store::{Batch, RecordRow, Store as _};
use crate::town::*;

const HOUR: i64 = 3_600_000;
/// The day of [`NOW`] in Shanghai, and the one after.
const TODAY: &str = "2026-09-21";
const TOMORROW: &str = "2026-09-22";

struct Office<'a> {
    site: &'a Site,
}

impl Office<'_> {
    fn get(&self, person: &str, path: &str) -> (StatusCode, Value) {
        let token = self.site.token(person, None);
        self.site.ask(Method::GET, path, &token, &Value::Null)
    }

    fn take(&self, person: &str, path: &str, body: &Value) -> Value {
        let token = self.site.token(person, None);
        let (status, answer) = self.site.ask(Method::POST, path, &token, body);
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    fn report(&self, area: &str, title: &str) -> String {
        let fields = json!({"title": title, "category": "01014"});
        let body = json!({"kind": "case", "area": area, "fields": fields});
        let made = self.take(OFFICE, "/v1/office/records", &body);
        made["record"].as_str().unwrap().to_owned()
    }

    fn step(&self, person: &str, id: &str, step: &str, details: &Value) {
        let path = format!("/v1/office/records/{id}/steps");
        let body = json!({"step": step, "details": details});
        let taken = self.take(person, &path, &body);
        assert_eq!(taken["accepted"], true, "{step}: {taken}");
    }

    fn dispatch(&self, id: &str) {
        let filed = json!({"category": "01014", "condition": "缺失"});
        self.step(OFFICE, id, "register", &filed);
        self.step(OFFICE, id, "dispatch", &json!({"department": "城管"}));
    }

    fn metrics(&self, person: &str, rest: &str) -> (StatusCode, Value) {
        self.get(
            person,
            &format!("/v1/office/metrics?from={TODAY}&to={TOMORROW}{rest}"),
        )
    }

    /// The groups of a metric: code, numerator, denominator, rate.
    fn groups(&self, person: &str, rest: &str, metric: &str) -> Vec<(String, u64, u64, String)> {
        let (status, answer) = self.metrics(person, rest);
        assert_eq!(status, StatusCode::OK, "{answer}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let figures = |group: &Value| {
            let figures = group["figures"].as_array().unwrap();
            let figure = figures.iter().find(|one| one["code"] == metric).unwrap();
            let number = |name: &str| figure[name].as_u64().unwrap();
            (
                text(&group["code"]),
                number("numerator"),
                number("denominator"),
                text(&figure["rate"]),
            )
        };
        answer["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(figures)
            .collect()
    }

    fn headlines(&self, person: &str, path: &str) -> (Vec<String>, Option<String>) {
        let (status, page) = self.get(person, path);
        assert_eq!(status, StatusCode::OK, "{page}");
        (headlines(&page), page["next"].as_str().map(str::to_owned))
    }

    /// The status, what it is said to be, and the pieces in which it comes.
    fn download(&self, person: &str, path: &str) -> (StatusCode, String, Vec<Vec<u8>>) {
        let request = Request::builder()
            .uri(path)
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.site.token(person, None)),
            )
            .body(Body::empty())
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let response = router(self.site.app.clone())
                .oneshot(request)
                .await
                .unwrap();
            let status = response.status();
            let said = response.headers().get(header::CONTENT_TYPE).cloned();
            let mut pieces = Vec::new();
            let mut body = response.into_body().into_data_stream();
            while let Some(piece) = body.next().await {
                pieces.push(piece.unwrap().to_vec());
            }
            let said = said.map_or_else(String::new, |said| said.to_str().unwrap().to_owned());
            (status, said, pieces)
        })
    }
}

fn headlines(page: &Value) -> Vec<String> {
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| row["headline"].as_str().unwrap().to_owned())
        .collect()
}

fn group(code: &str, numerator: u64, denominator: u64, rate: &str) -> (String, u64, u64, String) {
    (code.to_owned(), numerator, denominator, rate.to_owned())
}

#[test]
fn figures_are_of_the_areas_that_one_covers_and_in_the_order_of_areas() {
    let town = Town::new();
    let site = Site::over(&town);
    let office = Office { site: &site };
    let [first, ..] = ["井盖", "路灯"].map(|title| office.report(GRID_A, title));
    let in_b = ["护栏", "树木", "消防"].map(|title| office.report(GRID_B, title));
    for id in &in_b {
        office.dispatch(id);
    }
    assert_eq!(
        office.groups(OFFICE, "", "filed"),
        [group("", 3, 5, "60.00%")]
    );
    // The second is better by far and stays the second.
    let by_area = [group(GRID_A, 0, 2, "0.00%"), group(GRID_B, 3, 3, "100.00%")];
    assert_eq!(office.groups(OFFICE, "&by=area", "filed"), by_area);
    office.dispatch(&first);
    let by_area = [
        group(GRID_A, 1, 2, "50.00%"),
        group(GRID_B, 3, 3, "100.00%"),
    ];
    assert_eq!(office.groups(OFFICE, "&by=area", "filed"), by_area);
    let of_a = [group("", 1, 2, "50.00%")];
    assert_eq!(
        office.groups(OFFICE, &format!("&area={GRID_A}"), "filed"),
        of_a
    );
    assert_eq!(office.groups(WORKER, "", "filed"), of_a);
    let neighbour = office.metrics(NEIGHBOUR, &format!("&area={GRID_A}"));
    assert_eq!(code(&neighbour), (403, "forbidden"));
    assert_eq!(code(&office.metrics(KEEPER, "")), (403, "forbidden"));
    let unknown = office.metrics(OFFICE, "&area=99");
    assert_eq!(code(&unknown), (403, "forbidden"));
    // A handler's are those that the department has.
    assert_eq!(
        office.groups(HANDLER, "", "filed"),
        [group("", 4, 4, "100.00%")]
    );
    let other = office.metrics(HANDLER, "&department=x");
    assert_eq!(code(&other), (403, "forbidden"));
    let by_department = [group("", 0, 1, "0.00%"), group("城管", 4, 4, "100.00%")];
    assert_eq!(
        office.groups(OFFICE, "&by=department", "filed"),
        by_department
    );
    let by_class = [group("01014", 4, 5, "80.00%")];
    assert_eq!(office.groups(OFFICE, "&by=category", "filed"), by_class);
    assert_eq!(
        office.groups(OFFICE, "&category=06010", "filed"),
        [group("", 0, 0, "—")]
    );
}

#[test]
fn a_metric_comes_with_its_words_and_months_with_nothing_in_them_too() {
    let town = Town::new();
    let site = Site::over(&town);
    let office = Office { site: &site };
    office.report(GRID_A, "井盖");
    let asked = "/v1/office/metrics?from=2026-08-30&to=2026-10-02&by=month";
    let (_, answer) = office.get(OFFICE, asked);
    let meaning = &answer["metrics"][0];
    assert_eq!(
        (&meaning["zh"], &meaning["moment_zh"]),
        (&json!("立案率"), &json!("上报时间"))
    );
    assert_eq!(meaning["counted"], "已立案 filed");
    let groups = answer["groups"].as_array().unwrap();
    let months: Vec<&Value> = groups.iter().map(|group| &group["code"]).collect();
    assert_eq!(months, ["2026-08", "2026-09", "2026-10"]);
    let rates: Vec<&Value> = groups
        .iter()
        .map(|group| &group["figures"][0]["rate"])
        .collect();
    assert_eq!(rates, ["—", "0.00%", "—"]);
}

#[test]
fn nothing_is_counted_by_person_and_nothing_is_ranked() {
    let town = Town::new();
    let site = Site::over(&town);
    let office = Office { site: &site };
    for by in [
        "person",
        "worker",
        "author",
        "reporter",
        "handler",
        "community",
        "rate",
        "-area",
    ] {
        let refused = office.metrics(OFFICE, &format!("&by={by}"));
        assert_eq!(code(&refused), (400, "unknown_grouping"), "{by}");
    }
    for more in ["&sort=rate", "&order=desc", "&person=W1", "&top=3"] {
        let (status, answer) = office.metrics(OFFICE, more);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{more}: {answer}");
    }
}

#[test]
fn a_board_shows_what_waits_for_whom_and_what_is_late() {
    let town = Town::new();
    let site = Site::over(&town);
    let office = Office { site: &site };
    for title in ["路灯", "护栏", "树木"] {
        office.report(GRID_A, title);
    }
    let dispatched = office.report(GRID_B, "井盖");
    office.dispatch(&dispatched);
    let (_, board) = office.get(OFFICE, "/v1/office/board?limit=2");
    assert_eq!(headlines(&board["waiting"]), ["路灯", "护栏"]);
    assert_eq!(headlines(&board["due_soon"]), ["井盖"], "it has two hours");
    assert_eq!(headlines(&board["overdue"]), [""; 0]);
    assert_eq!(board["counts"]["due_soon"], 1);
    let stages: Vec<(&str, u64)> = board["counts"]["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| {
            (
                stage["stage"].as_str().unwrap(),
                stage["cases"].as_u64().unwrap(),
            )
        })
        .filter(|(_, cases)| *cases > 0)
        .collect();
    assert_eq!(stages, [("reported", 3), ("dispatched", 1)]);
    let next = board["waiting"]["next"].as_str().unwrap();
    let more = format!("/v1/office/board/waiting?limit=2&after={next}");
    assert_eq!(
        office.headlines(OFFICE, &more),
        (vec!["树木".to_owned()], None)
    );
    let (newest, _) = office.headlines(NEIGHBOUR, "/v1/office/board/newest");
    assert_eq!(newest, ["井盖"], "theirs only");
    let (waiting, _) = office.headlines(HANDLER, "/v1/office/board/waiting");
    assert_eq!(waiting, ["井盖"]);
    let asking = json!({"reason": "等待材料"});
    office.step(HANDLER, &dispatched, "ask_suspension", &asking);
    let (waiting, _) = office.headlines(OFFICE, "/v1/office/board/waiting");
    assert_eq!(waiting.len(), 4, "the duty officer is to answer");
    drop(site);
    town.wait(3 * HOUR);
    let site = Site::over(&town);
    let office = Office { site: &site };
    let (overdue, _) = office.headlines(OFFICE, "/v1/office/board/overdue");
    assert_eq!(overdue, ["井盖"]);
    office.step(
        OFFICE,
        &dispatched,
        "grant_suspension",
        &json!({"reason": "属实"}),
    );
    let (_, board) = office.get(OFFICE, &format!("/v1/office/board?area={GRID_B}"));
    assert_eq!(headlines(&board["problems"]), ["井盖"]);
    assert_eq!(headlines(&board["overdue"]), [""; 0], "nothing runs");
    assert_eq!(headlines(&board["waiting"]), [""; 0]);
    let forbidden = office.get(NEIGHBOUR, &format!("/v1/office/board?area={GRID_A}"));
    assert_eq!(code(&forbidden), (403, "forbidden"));
    let bad = office.get(OFFICE, "/v1/office/board/newest?after=x");
    assert_eq!(code(&bad), (400, "bad_cursor"));
    assert_eq!(
        code(&office.get(OFFICE, "/v1/office/board/best")),
        (404, "not_found")
    );
}

#[test]
fn a_ledger_opens_in_a_spreadsheet_program_and_does_nothing_there() {
    let town = Town::new();
    let site = Site::over(&town);
    let office = Office { site: &site };
    office.report(GRID_A, "=HYPERLINK(\"x\")");
    let second = office.report(GRID_B, "井盖，请联系13812345678");
    office.dispatch(&second);
    let path = format!("/v1/office/ledger.csv?from={TODAY}&to={TODAY}");
    let (status, said, pieces) = office.download(OFFICE, &path);
    assert_eq!(
        (status, said.as_str()),
        (StatusCode::OK, "text/csv; charset=utf-8")
    );
    let bytes = pieces.concat();
    let text = std::str::from_utf8(&bytes).unwrap();
    let text = text
        .strip_prefix('\u{feff}')
        .expect("spreadsheet programs look for it");
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let headings = table.headers().unwrap().clone();
    assert_eq!(&headings[1], "标题");
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let cell = |row: usize, heading: &str| {
        let place = headings.iter().position(|one| one == heading).unwrap();
        rows[row][place].to_owned()
    };
    assert_eq!(rows.len(), 2);
    assert_eq!(cell(0, "标题"), "'=HYPERLINK(\"x\")");
    assert_eq!(cell(1, "标题"), "井盖，请联系138******78");
    let told = ["阶段", "处置部门", "来源", "上报时间", "处置时限", "超期"];
    let expected = [
        "处置中",
        "城管",
        "网格上报",
        "2026-09-21 22:13",
        "2026-09-22 00:13",
        "否",
    ];
    assert_eq!(told.map(|heading| cell(1, heading)), expected);
    let (_, _, theirs) = office.download(NEIGHBOUR, &path);
    let theirs = String::from_utf8(theirs.concat()).unwrap();
    assert!(theirs.contains("井盖") && !theirs.contains("HYPERLINK"));
    let (status, ..) = office.download(KEEPER, &path);
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[test]
fn a_long_ledger_comes_in_pieces_and_is_whole() {
    const CASES: usize = 1_234;
    let town = Town::new();
    let site = Site::over(&town);
    let mut batch = Batch::on(town.store.head().unwrap());
    let state = CaseState {
        stage: Stage::Reported,
        reported_at: Some(gridlog_domain::time::CountedTime {
            at_ms: NOW,
            flagged: false,
        }),
        ..CaseState::default()
    };
    let state = serde_json::to_string(&state).unwrap();
    batch.records = (0..CASES)
        .map(|n| RecordRow {
            id: gridlog_domain::id::RecordId::from_bytes((n as u128).to_be_bytes()),
            kind: Kind::Case,
            area: GRID_A.to_owned(),
            author: WORKER.into(),
            headline: format!("案卷{n}"),
            created_ms: NOW,
            updated_ms: NOW,
            view: "{}".to_owned(),
            state: Some(state.clone()),
            stage: "reported".to_owned(),
            department: String::new(),
            heads: Vec::new(),
            as_of: 0,
            conflicts: 0,
            touched: "{}".to_owned(),
            archived: false,
            timer: crate::store::NextTimer::default(),
        })
        .collect();
    town.store.commit(&batch).unwrap();
    let office = Office { site: &site };
    let path = format!("/v1/office/ledger.csv?from={TODAY}&to={TODAY}");
    let (_, _, pieces) = office.download(OFFICE, &path);
    let lines = |piece: &Vec<u8>| piece.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(
        pieces.iter().map(lines).collect::<Vec<_>>(),
        [501, 500, 234]
    );
    let text = String::from_utf8(pieces.concat()).unwrap();
    assert!((0..CASES).all(|n| text.contains(&format!(",案卷{n},"))));
}

#[test]
fn a_calendar_that_cannot_be_counted_by_is_refused() {
    let town = Town::new();
    let site = Site::over(&town);
    let token = site.token(KEEPER, None);
    let calendar = |hours: Value| {
        let body =
            json!({"version": 9, "timezone": "Asia/Shanghai", "work_hours": hours, "years": {}});
        site.ask(Method::PUT, "/v1/office/reference/calendar", &token, &body)
    };
    assert_eq!(
        code(&calendar(json!([["18:00", "08:00"]]))),
        (400, "bad_part")
    );
    assert_eq!(calendar(json!([["08:00", "18:00"]])).0, StatusCode::OK);
}
