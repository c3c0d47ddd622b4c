//! The terminal phone without a server: everything but enrolment and sync works offline.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set its scene should stop"
)]

mod enrolment;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A phone in a folder of its own.
struct Terminal {
    folder: tempfile::TempDir,
}

impl Terminal {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn enrolled() -> Self {
        let terminal = Self::new();
        let server = enrolment::server_for("W001", "43011100300101");
        let mut child = terminal
            .command(&["enrol", &server, "W001", "--password-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"correct horse\n").unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        terminal
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gridlog"));
        command
            .env_remove("GRIDLOG_HOME")
            .env_remove("GRIDLOG_PASSWORD")
            .args([Path::new("--home"), &self.home()])
            .args(words)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What a person reads.
    fn text(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?} {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a program reads.
    fn json(&self, words: &[&str]) -> Value {
        let output = self.run(&[&["--json"], words].concat());
        assert!(output.status.success(), "{words:?} {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The code of the error that a program reads.
    fn error(&self, words: &[&str]) -> String {
        let output = self.run(&[&["--json"], words].concat());
        assert!(!output.status.success(), "{words:?} {output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = &answer["error"];
        assert!(
            error["zh"].is_string() && error["en"].is_string(),
            "{answer}"
        );
        error["code"].as_str().unwrap().to_owned()
    }

    fn report(&self, title: &str) -> String {
        let answer = self.json(&["report", title, "01014", "--condition", "缺失"]);
        answer["record"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_phone_that_nobody_enrolled_says_what_to_do() {
    let terminal = Terminal::new();
    assert_eq!(terminal.error(&["visit", "met"]), "not_enrolled");
    assert_eq!(terminal.error(&["sync"]), "no_server");
    assert!(terminal.text(&["status"]).contains("尚未登记"));
}

#[cfg(unix)]
#[test]
fn the_key_is_the_owners_alone_and_stays_what_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let terminal = Terminal::new();
    terminal.text(&["list"]);
    let key = terminal.home().join("key");
    let first = std::fs::read(&key).unwrap();
    let mode = std::fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    terminal.text(&["list"]);
    assert_eq!(std::fs::read(&key).unwrap(), first);
}

#[test]
fn a_photo_is_kept_on_the_phone_and_the_status_names_it() {
    use gridlog_picture_guard::gallery;
    let terminal = Terminal::enrolled();
    let record = terminal.report("井盖缺失");
    let path = terminal.folder.path().join("near.jpg");
    let camera = gallery::with_metadata(&gallery::jpeg(640, 480, 1), 6);
    std::fs::write(&path, &camera).unwrap();
    let path = path.to_str().unwrap();
    let attached = terminal.json(&["attach", &record, path, "--role", "near"]);
    let attached = &attached["attached"];
    assert_eq!(attached["is_clean"], true);
    assert_eq!(std::fs::read(path).unwrap(), camera, "it stays where it is");
    let shown = terminal.json(&["show", &record]);
    let photos = shown["record"]["view"]["photos"].as_object().unwrap();
    let photo = photos.values().next().unwrap();
    assert_eq!(
        (&photo["sha256"], &photo["role"]),
        (&attached["sha256"], &"near".into())
    );
    let status = terminal.json(&["status"]);
    assert_eq!(status["status"]["files"]["on_this_phone"], 1);
    assert_eq!(status["photos_only_here"][0]["sha256"], attached["sha256"]);
    let text = terminal.text(&["status"]);
    assert!(text.contains("以下照片只在本机"), "{text}");
    assert_eq!(
        terminal.json(&["photos", &record])["photos"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let small = &[
        "attach",
        &record,
        path,
        "--role",
        "far",
        "--max-bytes",
        "1000",
    ];
    assert_eq!(terminal.error(small), "file_too_large");
}

#[test]
fn a_phone_that_is_killed_while_it_takes_a_photo_has_all_of_it_or_nothing() {
    use gridlog_picture_guard::gallery;
    let terminal = Terminal::enrolled();
    let record = terminal.report("井盖缺失");
    let path = terminal.folder.path().join("photo.jpg");
    for round in 0..12 {
        std::fs::write(&path, gallery::jpeg(1_200, 900, round)).unwrap();
        let words = ["attach", &record, path.to_str().unwrap(), "--role", "near"];
        let mut child = terminal
            .command(&words)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Somewhere in its work, or after it.
        std::thread::sleep(std::time::Duration::from_millis(round * 30));
        child.kill().unwrap();
        child.wait().unwrap();
        let photos = terminal.json(&["photos"])["photos"]
            .as_array()
            .unwrap()
            .len();
        let shown = terminal.json(&["show", &record]);
        let named = &shown["record"]["view"]["photos"];
        assert_eq!(named.as_object().map_or(0, serde_json::Map::len), photos);
        let folder = terminal.home().join("phone.db.files");
        let files = std::fs::read_dir(folder).map_or(0, Iterator::count);
        assert_eq!(
            files,
            2 * photos,
            "each photo and its preview, and nothing else"
        );
    }
    std::fs::write(&path, gallery::jpeg(1_200, 900, 99)).unwrap();
    terminal.json(&["attach", &record, path.to_str().unwrap(), "--role", "near"]);
}

#[test]
fn a_patrol_is_walked_with_inspections_and_ends() {
    let terminal = Terminal::enrolled();
    assert_eq!(terminal.error(&["patrol", "finish"]), "no_patrol");
    let started = terminal.json(&["patrol", "start", "--route", "造化塘一线"]);
    terminal.text(&["patrol", "inspect", "楼道", "problem", "--note", "堆物"]);
    terminal.text(&["patrol", "finish", "--notes", "已劝离"]);
    let shown = terminal.json(&["show", started["record"].as_str().unwrap()]);
    let view = &shown["record"]["view"];
    assert_eq!(view["fields"]["notes"], "已劝离");
    assert!(view["fields"]["finished_at"].is_i64());
    assert_eq!(view["checks"].as_object().unwrap().len(), 1);
    assert_eq!(terminal.error(&["patrol", "finish"]), "no_patrol");
}

#[test]
fn a_visit_where_nobody_was_home_is_a_valid_visit() {
    let terminal = Terminal::enrolled();
    terminal.text(&["visit", "nobody_home", "--household", "3栋201"]);
    let visits = terminal.json(&["list", "--kind", "visit"]);
    assert_eq!(visits["records"][0]["headline"], "3栋201");
}

#[test]
fn a_report_awaits_its_ruling_and_can_be_found_edited_and_commented_on() {
    let terminal = Terminal::enrolled();
    let case = terminal.report("园林井盖缺失");
    let end = &case[case.len() - 8..];
    terminal.text(&["edit", end, "title=园林井盖缺失两处", "place=梓园路/12号"]);
    terminal.text(&["comment", end, "已放警示桩"]);
    let found = terminal.json(&["search", "警示"]);
    assert_eq!(found["records"][0]["id"], case);
    assert_eq!(found["records"][0]["expected_stage"], "reported");
    assert_eq!(found["records"][0]["standing"], "on_this_phone");
    let shown = terminal.text(&["show", end]);
    for words in ["园林井盖缺失两处", "梓园路 12号", "已放警示桩", "待裁定"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn a_case_can_be_recorded_first_and_proposed_later() {
    let terminal = Terminal::enrolled();
    let recorded = terminal.json(&["report", "楼道堆物", "51003", "--record-only"]);
    let case = recorded["record"].as_str().unwrap();
    assert_eq!(terminal.error(&["withdraw", case]), "nothing_to_withdraw");
    terminal.text(&["propose", "self_handle", case, "--result", "当场清走"]);
    let rows = terminal.json(&["list", "--kind", "case"]);
    assert_eq!(rows["records"][0]["expected_stage"], "self_handled");
}

#[test]
fn a_draft_may_be_incomplete_and_becomes_a_report() {
    let terminal = Terminal::enrolled();
    let draft = terminal.json(&["draft", "save", "井盖移位"]);
    let draft = draft["draft"].as_str().unwrap();
    assert_eq!(terminal.error(&["report", "--draft", draft]), "missing");
    terminal.text(&[
        "draft",
        "save",
        "--draft",
        draft,
        "--description",
        "影响通行",
    ]);
    assert!(
        terminal
            .text(&["draft", "show", draft])
            .contains("影响通行")
    );
    terminal.text(&["report", "井盖移位", "01014", "--draft", draft]);
    assert_eq!(
        terminal.json(&["draft", "list"])["drafts"],
        serde_json::json!([])
    );
    let shown = terminal.json(&["search", "影响通行"]);
    assert_eq!(shown["records"][0]["headline"], "井盖移位");
}

#[test]
fn slips_are_answered_before_anything_is_written() {
    let terminal = Terminal::enrolled();
    assert_eq!(
        terminal.error(&["report", "x", "99999"]),
        "unknown_category"
    );
    let wrong = ["report", "x", "01014", "--condition", "没有"];
    assert_eq!(terminal.error(&wrong), "unknown_condition");
    let case = terminal.report("井盖");
    assert_eq!(terminal.error(&["edit", &case, "titel=x"]), "unknown_field");
    assert_eq!(
        terminal.error(&["resolve", &case, "title", "x"]),
        "no_conflict"
    );
    assert_eq!(terminal.error(&["show", "ffffffff"]), "nothing_named");
    assert_eq!(terminal.error(&["show", "ff"]), "too_short");
    assert_eq!(
        terminal.json(&["list"])["records"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_command_that_is_not_understood_is_an_error_for_programs_too() {
    let terminal = Terminal::new();
    assert_eq!(terminal.error(&["visit", "sideways"]), "usage");
    assert_eq!(terminal.error(&["show"]), "usage");
}

#[test]
fn categories_are_found_by_name_and_shown_with_their_limits() {
    let terminal = Terminal::new();
    let shown = terminal.text(&["categories", "井盖"]);
    assert!(
        shown.contains("01014") && shown.contains("2 紧急工作时"),
        "{shown}"
    );
}

#[test]
fn without_a_server_a_sync_fails_in_plain_words_and_loses_nothing() {
    let terminal = Terminal::enrolled();
    let case = terminal.report("井盖");
    assert_eq!(terminal.error(&["sync"]), "unreachable");
    assert_eq!(terminal.json(&["list"])["records"][0]["id"], case);
    assert_eq!(terminal.json(&["status"])["status"]["on_this_phone"], 1);
}
