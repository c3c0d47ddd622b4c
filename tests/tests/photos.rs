//! Promises: a photo arrives whatever the network does, byte for byte and without being sent all over again; many
//! at once all arrive, and the server stays small.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gridlog_cli::proxy::{Cut, Direction};
use gridlog_client_core::{
    Answer, Attached, CancelFlag, FileHash, FilePolicy, FileRules, HttpTransport, Network,
    SendOptions, StayFiles, StayOptions, Transport, TransportError,
};
use gridlog_domain::environment::{Entropy, SeededEntropy};
use gridlog_domain::id::RecordId;
use gridlog_domain::record::PhotoRole;
use gridlog_domain::reference::Role;
use gridlog_picture_guard::gallery::photo;
use gridlog_tests::{District, GRID_A, GRID_B, TestPhone, eventually};

const HUGE: usize = 20 * 1024 * 1024;
const PIECE: u64 = 256 * 1024;
/// What a request takes beside the piece that it carries, at most.
const HEAD: u64 = 1_024;
/// How many connections one after the other are cut, every second one in an answer.
const CUTS: u64 = 16;

fn up_to(entropy: &mut SeededEntropy, most: u64) -> u64 {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    u64::from_le_bytes(bytes) % most
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SeededEntropy::new(seed).fill(&mut bytes);
    bytes
}

fn sending(district: &District, phone: &TestPhone) -> Child {
    Command::new(env!("CARGO_BIN_EXE_sending-phone"))
        .arg(phone.folder())
        .arg(district.proxy.url())
        .spawn()
        .unwrap()
}

fn file_of(district: &District, contents: &[u8]) -> PathBuf {
    let path = district.folder("album").join("photo.jpg");
    std::fs::write(&path, contents).unwrap();
    path
}

fn attach(phone: &TestPhone, district: &District, case: RecordId, contents: &[u8]) -> Attached {
    let path = file_of(district, contents);
    phone.attach(case, &path, PhotoRole::Near).unwrap()
}

#[test]
fn a_file_of_twenty_megabytes_arrives_through_cuts_and_kills_and_little_of_it_goes_twice() {
    let larger = [("GRIDLOG_SERVER_FILES", "{max_bytes=33554432}")];
    let mut district = District::with_settings(&larger);
    let phone = district.phone(GRID_A, 0);
    let rules = FileRules {
        max_file_bytes: 32 * 1024 * 1024,
        ..FileRules::default()
    };
    phone.set_file_rules(rules).unwrap();
    let case = phone.report_case("井盖缺失");
    let mut entropy = SeededEntropy::new(20);
    let contents = noise(HUGE, 20);
    let attached = attach(&phone, &district, case, &contents);
    phone.sync_all();

    let before = district.proxy.traffic();
    for number in 1..=CUTS {
        let cut = match number % 2 {
            0 => Cut {
                direction: Direction::Up,
                after: 20_000 + up_to(&mut entropy, 1_500_000),
            },
            // An answer has a few hundred bytes: what it answers to has been done when it is lost.
            _ => Cut {
                direction: Direction::Down,
                after: 1 + up_to(&mut entropy, 2_000),
            },
        };
        let connection = before.connections + number;
        district.proxy.cut_connection(connection, cut);
    }
    let mut child = sending(&district, &phone);
    let (mut phone_killed, mut server_killed) = (false, false);
    let ended = loop {
        let traffic = district.proxy.traffic().since(&before);
        if !phone_killed && traffic.up > HUGE as u64 / 3 {
            phone_killed = true;
            child.kill().unwrap();
            child.wait().unwrap();
            child = sending(&district, &phone);
        }
        if !server_killed && traffic.up > HUGE as u64 * 2 / 3 {
            server_killed = true;
            district.kill();
            district.start();
        }
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(ended.success(), "{ended}");
    let traffic = district.proxy.traffic().since(&before);
    assert!(traffic.cuts >= 10, "{traffic:?}");
    assert!(phone_killed && server_killed);
    let office = district.office(Role::Acceptor);
    let arrived = office.file(case, &attached.sha256.to_string());
    assert!(arrived == contents, "byte for byte");

    // Cut by the proxy, and broken by a kill.
    let breaks = traffic.cuts + 2;
    let again = traffic.up - HUGE as u64;
    let allowed = breaks * PIECE + traffic.requests * HEAD;
    assert!(again <= allowed, "{again} of {allowed}, {traffic:?}");
}

#[test]
fn two_hundred_photos_of_twenty_phones_at_once_all_arrive_and_the_server_stays_small() {
    const PHONES: usize = 20;
    const PHOTOS: u64 = 10;
    let mut district = District::new();
    let phones: Vec<TestPhone> = (0..PHONES)
        .map(|n| district.phone(if n % 2 == 0 { GRID_A } else { GRID_B }, n / 2 % 3))
        .collect();
    let mut taken = Vec::new();
    for (number, phone) in (0..).zip(&phones) {
        let case = phone.report_case(&format!("垃圾{number}"));
        for n in 0..PHOTOS {
            // One of each phone is a picture, with a preview of its own.
            let contents = match n {
                0 => photo(60_000, number),
                _ => noise(300_000, number * PHOTOS + n),
            };
            taken.push((case, attach(phone, &district, case, &contents)));
        }
        phone.sync_all();
    }
    // Checking twenty passwords takes memory of its own; what photos take is what is counted here.
    district.stop();
    district.start();
    std::thread::scope(|scope| {
        for phone in &phones {
            scope.spawn(|| {
                for _ in 0..50 {
                    let sent = phone.send_files(&phone.transport, SendOptions::default());
                    if sent.is_ok_and(|report| report.left == 0) {
                        return;
                    }
                }
            });
        }
    });
    for phone in &phones {
        let files = phone.status().unwrap().files;
        assert_eq!((files.on_server, files.only_here()), (PHOTOS, 0));
    }
    let office = district.office(Role::DutyOfficer);
    let mut previews = 0;
    for (case, attached) in &taken {
        let arrived = office.file(*case, &attached.sha256.to_string());
        assert_eq!(FileHash::of(&arrived), attached.sha256);
        if attached.preview.is_some() {
            let preview = office.preview(*case, &attached.sha256.to_string());
            assert!(preview.starts_with(&[0xff, 0xd8]), "it is a JPEG");
            previews += 1;
        }
    }
    assert_eq!(previews, PHONES);
    let peak = district.server_peak_memory();
    assert!(
        peak.is_some() || !cfg!(target_os = "linux"),
        "Linux says it"
    );
    let peak = peak.unwrap_or(0);
    assert!(peak < 200_000_000, "the server held {peak} bytes");
}

/// What an app allows, and how often it was asked.
struct App(Mutex<(FilePolicy, u64)>);

impl App {
    fn ask(&self) -> (FilePolicy, Network) {
        let mut app = self.0.lock().unwrap();
        app.1 += 1;
        (app.0, Network::Metered)
    }

    fn asked(&self) -> u64 {
        self.0.lock().unwrap().1
    }

    fn allows(&self, policy: FilePolicy) {
        self.0.lock().unwrap().0 = policy;
    }
}

/// A way to the server without a line on which it wakes the phone: what the phone does, it does by itself.
struct Deaf(HttpTransport);

impl Transport for Deaf {
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        self.0.post(path, bearer, content_type, body)
    }
}

#[test]
fn a_phone_that_stays_in_sync_sends_its_photos_as_soon_as_it_may() {
    let mut district = District::new();
    let phone = district.phone(GRID_A, 0);
    let app = Arc::new(App(Mutex::new((FilePolicy::UnmeteredOnly, 0))));
    let cancel = CancelFlag::new();
    let staying = {
        let (engine, app, cancel) = (phone.phone.clone(), Arc::clone(&app), cancel.clone());
        let transport = phone.transport.clone();
        std::thread::spawn(move || {
            let may_send = || app.ask();
            let options = StayOptions {
                files: Some(StayFiles {
                    transport: &transport,
                    may_send: &may_send,
                }),
                ..StayOptions::default()
            };
            let deaf: Arc<dyn Transport + Send + Sync> = Arc::new(Deaf(transport.clone()));
            engine.stay_in_sync(&deaf, options, &cancel)
        })
    };
    let on_server = || phone.status().unwrap().files.on_server;
    let case = phone.report_case("井盖缺失");
    let contents = noise(600_000, 1);
    let first = attach(&phone, &district, case, &contents);
    eventually("the record is in the log", || {
        phone.status().unwrap().all_in_log()
    });
    let asked = app.asked();
    phone.look_again();
    eventually("the app was asked again", || app.asked() > asked);
    assert_eq!(on_server(), 0, "bytes cost something here");

    app.allows(FilePolicy::AnyNetwork);
    phone.look_again();
    eventually("the photo is there", || on_server() == 1);
    let office = district.office(Role::Acceptor);
    assert!(office.file(case, &first.sha256.to_string()) == contents);

    // Nobody does anything for the next one, and a server that is away for a while makes no difference.
    attach(&phone, &district, case, &noise(500_000, 2));
    eventually("the next one is there", || on_server() == 2);
    district.stop();
    let another = phone.report_case("路灯不亮");
    attach(&phone, &district, another, &noise(400_000, 3));
    attach(&phone, &district, case, &noise(400_000, 4));
    district.start();
    eventually("all are there", || on_server() == 4);
    cancel.cancel();
    staying.join().unwrap().unwrap();
}
