//! The terminal phone with a real server: what it says after a sync, and what it finds online.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set its scene should stop"
)]

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gridlog_domain::id::PersonId;
use gridlog_sync_server::config::Config;
use gridlog_sync_server::server::{DirectoryFiles, Server, load_directory};

const PASSWORD: &str = "correct horse";
/// Two workers of one grid, and one of another.
const AUTHOR: &str = "W001";
const COLLEAGUE: &str = "W002";
const STRANGER: &str = "W100";

/// A street with a server, and phones in folders of their own.
struct Street {
    folder: tempfile::TempDir,
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Street {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let street = gridlog_cli::street::Street::load().unwrap();
        let signs_in = |person: &PersonId| {
            let is_one = [AUTHOR, COLLEAGUE, STRANGER].contains(&person.as_str());
            is_one.then(|| PASSWORD.to_owned())
        };
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
        let read = |name: &str| Some(std::fs::read(data.join(name)).unwrap());
        let config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: folder.path().join("server"),
            ..Config::default()
        };
        let files = DirectoryFiles {
            areas: Some(street.areas_csv().unwrap().into()),
            people: Some(street.people_csv(signs_in).unwrap().into()),
            catalogue: read("catalogue.json"),
            checklists: read("checklists.json"),
            calendar: read("calendar.json"),
        };
        load_directory(&config, &files).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime.block_on(Server::start(config)).unwrap();
        let address = server.address().unwrap();
        runtime.spawn(server.serve(std::future::pending()));
        Self {
            folder,
            address,
            _runtime: runtime,
        }
    }

    /// A phone of that person, enrolled.
    fn phone(&self, person: &str) -> Terminal {
        let phone = Terminal {
            home: self.folder.path().join(person),
        };
        let address = format!("http://{}", self.address);
        let mut child = phone
            .command(&["enrol", &address, person, "--password-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(PASSWORD.as_bytes()).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success());
        phone
    }
}

struct Terminal {
    home: PathBuf,
}

impl Terminal {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gridlog"));
        command
            .args([Path::new("--home"), &self.home])
            .args(words)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What it prints.
    fn says(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it tells a program.
    fn json(&self, words: &[&str]) -> serde_json::Value {
        let said = self.says(&[&["--json"], words].concat());
        serde_json::from_str(&said).unwrap()
    }
}

#[test]
fn it_says_that_all_is_in_the_log_when_the_server_has_signed_it_and_not_before() {
    let street = Street::new();
    let phone = street.phone(AUTHOR);
    let report = ["report", "井盖缺失", "01014"];
    phone.says(&report);
    let before = phone.says(&["status"]);
    assert!(!before.contains("条记录已入卷"), "{before}");
    assert!(
        before.contains("尚未全部入卷") && before.contains("井盖缺失"),
        "{before}"
    );

    let synced = phone.says(&["sync"]);
    assert!(synced.contains("同步完成"), "{synced}");
    let after = phone.says(&["status"]);
    assert!(after.contains("全部 1 条记录已入卷"), "{after}");
    let compared = phone.says(&["verify"]);
    assert!(compared.contains("核对一致"), "{compared}");

    phone.says(&report);
    let again = phone.says(&["status"]);
    assert!(
        !again.contains("条记录已入卷"),
        "what came since is not in the receipt: {again}"
    );
}

#[test]
fn what_is_not_on_this_phone_is_found_online_and_not_what_another_grid_keeps() {
    let street = Street::new();
    let (author, colleague) = (street.phone(AUTHOR), street.phone(COLLEAGUE));
    author.says(&["report", "路灯不亮", "01037"]);
    author.says(&["sync"]);
    let here = colleague.says(&["search", "路灯"]);
    assert!(!here.contains("路灯不亮"), "it has not synced: {here}");
    let online = colleague.says(&["search", "路灯", "--online"]);
    assert!(
        online.contains("路灯不亮") && online.contains("不在本机"),
        "{online}"
    );
    colleague.says(&["sync"]);
    let online = colleague.says(&["search", "路灯", "--online"]);
    assert!(online.contains("在本机 on this phone"), "{online}");

    let stranger = street.phone(STRANGER);
    let nothing = stranger.says(&["search", "路灯", "--online"]);
    assert!(!nothing.contains("路灯不亮"), "{nothing}");
    let empty = stranger.run(&["search", " ", "--online"]);
    assert!(!empty.status.success(), "{empty:?}");
}

#[test]
fn an_edit_that_says_what_it_was_made_on_keeps_what_came_in_since() {
    let street = Street::new();
    let (author, colleague) = (street.phone(AUTHOR), street.phone(COLLEAGUE));
    let reported = author.json(&["report", "井盖缺失", "01014"]);
    let id = reported["record"].as_str().unwrap();
    author.says(&["sync"]);
    colleague.says(&["sync"]);
    let shown = author.json(&["show", id]);
    let revision = shown["record"]["revision"].as_str().unwrap();
    assert!(author.says(&["show", id]).contains(revision));

    colleague.says(&["edit", id, "title=井盖缺失两处"]);
    colleague.says(&["sync"]);
    author.says(&["sync"]);
    author.says(&["edit", id, "title=井盖破损", "--shown", revision]);
    let both = author.says(&["show", id]);
    assert!(
        both.contains("井盖破损") && both.contains("井盖缺失两处"),
        "{both}"
    );
    let nonsense = author.run(&["edit", id, "title=x", "--shown", "yesterday"]);
    assert!(!nonsense.status.success());
}

#[test]
fn a_proof_is_written_to_a_file_and_says_what_of_the_record_is_not_sealed_yet() {
    let street = Street::new();
    let phone = street.phone(AUTHOR);
    let reported = phone.json(&["report", "井盖缺失", "01014"]);
    let id = reported["record"].as_str().unwrap();
    phone.says(&["sync"]);
    let file = street.folder.path().join("proof.json");
    let proof = ["proof", id, "--out", file.to_str().unwrap()];
    let said = phone.says(&proof);
    assert!(said.contains("尚未封签"), "{said}");
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written["entries"], serde_json::json!([]));
    let told = phone.json(&proof);
    assert_eq!(told["sealed"], 0);
    assert!(told["not_sealed"].as_u64() > Some(0));

    let stranger = street.phone(STRANGER);
    let refused = stranger.run(&["--json", "proof", id]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned()
        + &String::from_utf8_lossy(&refused.stdout);
    assert!(
        !refused.status.success() && said.contains("not_found"),
        "{said}"
    );
}

#[test]
fn photos_go_with_the_sync_and_a_colleague_opens_them() {
    use gridlog_picture_guard::gallery;
    let street = Street::new();
    let author = street.phone(AUTHOR);
    let reported = author.json(&["report", "井盖缺失", "01014"]);
    let record = reported["record"].as_str().unwrap();
    let photos: Vec<String> = [(60_000, "near"), (1_500_000, "far")]
        .into_iter()
        .map(|(bytes, role)| {
            let path = street.folder.path().join(format!("{role}.jpg"));
            let taken = gallery::with_metadata(&gallery::photo(bytes, 1), 6);
            std::fs::write(&path, taken).unwrap();
            let path = path.to_str().unwrap();
            let attached = author.json(&["attach", record, path, "--role", role]);
            attached["attached"]["sha256"].as_str().unwrap().to_owned()
        })
        .collect();
    let offline = author.json(&["sync", "--no-files"]);
    assert_eq!(offline["status"]["files"]["on_this_phone"], 2);
    let synced = author.json(&["sync"]);
    assert_eq!(synced["files"]["files_sent"], 4, "{synced}");
    assert_eq!(synced["files"]["bytes_again"], 0);
    assert_eq!(synced["status"]["files"]["on_server"], 2);
    assert!(!author.says(&["status"]).contains("以下照片只在本机"));

    let colleague = street.phone(COLLEAGUE);
    colleague.says(&["sync"]);
    for photo in &photos {
        let out = street.folder.path().join(photo);
        colleague.says(&["fetch", record, photo, out.to_str().unwrap()]);
        let bytes = std::fs::read(&out).unwrap();
        assert_eq!(&hex_of(&bytes), photo);
        let small = street.folder.path().join(format!("{photo}.small"));
        colleague.says(&["fetch", record, photo, small.to_str().unwrap(), "--preview"]);
        assert!(std::fs::read(small).unwrap().len() <= 24 * 1024);
    }
}

fn hex_of(bytes: &[u8]) -> String {
    gridlog_client_core::FileHash::of(bytes).to_string()
}
