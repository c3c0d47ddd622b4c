//! Cases that no worker reported: the door, the file, and whom they may be given to.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use gridlog_domain::reference::{Catalogue, Role};
use gridlog_tests::{District, GRID_A, words};
use serde_json::{Value, json};

/// Runs a command of the server's program on the district's folder.
fn server_command(district: &District, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gridlog-server-under-test"))
        .args(arguments)
        .arg("--data")
        .arg(district.data())
        .output()
        .unwrap()
}

fn data(file: &str) -> String {
    format!("{}/../data/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn import(district: &District, file: &Path) -> Output {
    let file = file.to_str().unwrap();
    let officer = district.street.with_role(Role::DutyOfficer).next().unwrap();
    let mapping = data("mappings/nyc311.json");
    let by = officer.id.as_str();
    server_command(
        district,
        &["import-requests", file, "--mapping", &mapping, "--by", by],
    )
}

#[test]
fn a_file_of_a_hundred_requests_is_a_hundred_cases_and_twice_no_more() {
    let mut district = District::new();
    district.stop();
    let shipped = data("nyc311-100.csv");
    let first = import(&district, Path::new(&shipped));
    assert!(first.status.success(), "{first:?}");
    let said = String::from_utf8(first.stdout).unwrap();
    assert!(
        said.contains("new cases: 100") && said.contains("bad lines: 0"),
        "{said}"
    );
    let again = import(&district, Path::new(&shipped));
    let said = String::from_utf8(again.stdout).unwrap();
    assert!(
        said.contains("new cases: 0") && said.contains("known: 100"),
        "{said}"
    );
    let damaged = district.folder("damaged").join("damaged.csv");
    let text = std::fs::read_to_string(&shipped).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[41] = "no row";
    std::fs::write(&damaged, lines.join("\n")).unwrap();
    let third = import(&district, &damaged);
    assert!(!third.status.success());
    let said = String::from_utf8(third.stderr).unwrap();
    assert!(said.contains("line 42"), "{said}");
    district.start();
    let officer = district.office(Role::DutyOfficer);
    let (_, counts) = officer.get("figures/stages");
    assert_eq!(counts[0]["cases"], 100);
    let (_, found) = officer.get("records?text=nyc311-4225");
    assert_eq!(found[0]["channel"], "import", "{found}");
}

#[test]
fn a_case_of_the_hotline_reaches_the_phones_of_its_grid_and_is_found_by_its_number() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let own = phone.report_case("井盖");
    phone.sync_all();
    let acceptor = district.office(Role::Acceptor);
    let grid = district.grid(GRID_A);
    let call = json!({
        "channel": "hotline", "number": "12345-20260101-7", "area": grid.as_str(),
        "description": words("路灯不亮"),
    });
    let (status, taken) = acceptor.post("intake", &call);
    assert_eq!(status, 201, "{taken}");
    assert_eq!(acceptor.post("intake", &call).0, 200);
    phone.sync_all();
    let found = phone.search("20260101-7", 10).unwrap();
    let found: Vec<String> = found.iter().map(|row| row.id.to_string()).collect();
    assert_eq!(found, [taken["record"].as_str().unwrap()]);
    let (_, shown) = acceptor.get(&format!("records/{own}"));
    assert_eq!(
        shown["channel"], "worker",
        "what a worker reports says so by itself"
    );
}

/// Registers what the hotline brings of a class, and returns the case.
fn registered(district: &District, n: usize, category: &str, condition: &str) -> String {
    let acceptor = district.office(Role::Acceptor);
    let call = json!({
        "channel": "hotline", "number": format!("N-{n}"), "category": category,
        "area": district.grid(GRID_A).as_str(), "description": words("来电"),
    });
    let (_, taken) = acceptor.post("intake", &call);
    let case = taken["record"].as_str().unwrap().to_owned();
    let details = json!({ "category": category, "condition": condition });
    let (_, answer) = acceptor.step(case.parse().unwrap(), "register", details);
    assert_eq!(answer["accepted"], true, "{answer}");
    case
}

#[test]
fn no_community_is_given_a_class_that_its_list_does_not_admit() {
    let mut district = District::new();
    let file = std::fs::read_to_string(data("catalogue.json")).unwrap();
    let mut catalogue: Catalogue = serde_json::from_str(&file).unwrap();
    let community = "430111003001";
    let admitted = ["06036".to_owned(), "55".to_owned()];
    catalogue.admitted.insert(community.into(), admitted.into());
    let edited = district.folder("edited").join("catalogue.json");
    std::fs::write(&edited, serde_json::to_string(&catalogue).unwrap()).unwrap();
    district.stop();
    let load = ["load", "--catalogue", edited.to_str().unwrap()];
    assert!(server_command(&district, &load).status.success());
    district.start();
    let dispatcher = district.office(Role::Dispatcher);
    let (_, map) = dispatcher.get("duty-map");
    assert_eq!(map.as_array().unwrap().len(), catalogue.minors().count());
    let classes = ["06036", "55003", "06010", "51003", "52001", "01014"];
    for (n, code) in classes.into_iter().enumerate() {
        let minor = catalogue.minor(code).unwrap();
        let condition = &minor.filing_conditions[0].name;
        let case = registered(&district, n, code, condition);
        let admits = code == "06036" || code.starts_with("55");
        let (_, shown) = dispatcher.get(&format!("records/{case}"));
        let expected = if admits {
            json!([community])
        } else {
            json!([])
        };
        assert_eq!(shown["duty"]["communities"], expected, "{code}");
        let id = case.parse().unwrap();
        let to = |department: &Value| json!({ "department": department });
        let (_, answer) = dispatcher.step(id, "dispatch", to(&json!(community)));
        assert_eq!(answer["accepted"], admits, "{code} {answer}");
        if !admits {
            assert_eq!(answer["refused"], "not_admitted", "{answer}");
            let suggested = &shown["duty"]["department"];
            let (_, answer) = dispatcher.step(id, "dispatch", to(suggested));
            assert_eq!(answer["accepted"], true, "{code} {answer}");
            let mut details = to(&json!(community));
            details["reason"] = json!(words("就近"));
            let (_, answer) = dispatcher.step(id, "forward", details);
            assert_eq!(answer["accepted"], false, "{code} {answer}");
        }
        let (_, shown) = dispatcher.get(&format!("records/{case}"));
        assert_eq!(shown["department"] == community, admits, "{code}");
    }
}
