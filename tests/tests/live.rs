//! Promise: a phone with signal shows what others recorded without anybody doing anything, and leaves
//! the server alone when it is asked to.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gridlog_client_core::{
    Answer, CancelFlag, EventStream, HttpTransport, LIVE_PATH, LiveEvent, PhoneError, StayOptions,
    SyncOptions, Transport, TransportError, Wake,
};
use gridlog_domain::reference::Role;
use gridlog_tests::{District, GRID_A, GRID_B, TestPhone, eventually, words};
use serde_json::json;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A phone's way to the server that notes what passes.
struct Watched {
    inner: HttpTransport,
    /// When each request was sent, and what answered it.
    posts: Mutex<Vec<(Instant, Result<Answer, TransportError>)>>,
    /// How often something was heard on a line.
    heard: AtomicUsize,
}

impl Watched {
    fn of(phone: &TestPhone) -> Arc<Self> {
        Arc::new(Self {
            inner: phone.transport.clone(),
            posts: Mutex::default(),
            heard: AtomicUsize::new(0),
        })
    }

    fn posts(&self) -> usize {
        self.posts.lock().unwrap().len()
    }

    /// Whether the line was open: something was said on it.
    fn has_heard(&self) -> bool {
        self.heard.load(Ordering::SeqCst) > 0
    }
}

impl Transport for Watched {
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        let sent = Instant::now();
        let answer = self.inner.post(path, bearer, content_type, body);
        self.posts.lock().unwrap().push((sent, answer.clone()));
        answer
    }

    fn listen(
        &self,
        path: &str,
        bearer: Option<&str>,
        on_bytes: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Answer, TransportError> {
        self.inner.listen(path, bearer, &mut |bytes| {
            self.heard.fetch_add(1, Ordering::SeqCst);
            on_bytes(bytes)
        })
    }
}

/// A phone that stays in sync.
struct Staying {
    cancel: CancelFlag,
    thread: JoinHandle<Result<(), PhoneError>>,
}

impl Staying {
    fn begin(phone: &TestPhone, transport: &Arc<Watched>) -> Self {
        let cancel = CancelFlag::new();
        let (engine, flag) = (phone.phone.clone(), cancel.clone());
        let transport: Arc<dyn Transport + Send + Sync> = transport.clone();
        let stay = move || engine.stay_in_sync(&transport, StayOptions::default(), &flag);
        Self {
            cancel,
            thread: std::thread::spawn(stay),
        }
    }

    /// Ends it; it returns although the server says nothing.
    fn end(self) {
        let asked = Instant::now();
        self.cancel.cancel();
        self.thread.join().unwrap().unwrap();
        // A line that is open would say its next word after 25 seconds.
        assert!(asked.elapsed() < Duration::from_secs(20));
    }
}

/// The phone's token.
fn bearer(phone: &TestPhone) -> String {
    phone.begin_sync().unwrap().bearer().unwrap()
}

/// Somebody who listens by hand.
struct Ear {
    said: Receiver<LiveEvent>,
    thread: JoinHandle<Result<Answer, TransportError>>,
}

impl Ear {
    /// Listens as a phone that has pulled up to there.
    fn open(phone: &TestPhone, epoch: u64, seq: u64) -> Self {
        let (tell, said) = channel();
        let (transport, bearer) = (phone.transport.clone(), bearer(phone));
        let path = format!("{LIVE_PATH}?epoch={epoch}&seq={seq}");
        let listen = move || {
            let mut stream = EventStream::new();
            transport.listen(&path, Some(&bearer), &mut |bytes| {
                stream
                    .read(bytes)
                    .into_iter()
                    .all(|event| tell.send(event).is_ok())
            })
        };
        Self {
            said,
            thread: std::thread::spawn(listen),
        }
    }

    /// Listens as a phone that has pulled nothing, and has been told so: the line is open.
    fn opened(phone: &TestPhone) -> Self {
        let ear = Self::open(phone, 0, 0);
        assert!(matches!(ear.next(), LiveEvent::Wake(_)));
        ear
    }

    fn next(&self) -> LiveEvent {
        self.said.recv_timeout(PATIENCE).unwrap()
    }

    /// How the line ends.
    fn end(self) -> Answer {
        self.thread.join().unwrap().unwrap()
    }
}

/// How the server answers a phone that wants to listen and may not.
fn refusal(phone: &TestPhone) -> (u16, String, Option<u64>) {
    let listened = phone
        .transport
        .listen(LIVE_PATH, Some(&bearer(phone)), &mut |_| false);
    let answer = listened.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let code = body["code"].as_str().unwrap().to_owned();
    (answer.status, code, answer.retry_after_ms)
}

#[test]
fn a_phone_shows_what_another_one_recorded_without_anybody_syncing() {
    let district = District::new();
    let (first, second) = (district.phone(GRID_A, 0), district.phone(GRID_A, 1));
    let ways = [Watched::of(&first), Watched::of(&second)];
    let staying = [
        Staying::begin(&first, &ways[0]),
        Staying::begin(&second, &ways[1]),
    ];
    let case = first.report_case("井盖缺失");
    eventually("the second phone shows the case", || {
        second.show(case).unwrap().is_some()
    });
    second.comment(case, &words("已到现场")).unwrap();
    eventually("the first phone shows the comment", || {
        let shown = first.show(case).unwrap().unwrap();
        !shown.view.comments.is_empty()
    });
    eventually("both know that all is in the log", || {
        let done = |phone: &TestPhone| phone.status().unwrap().all_in_log();
        done(&first) && done(&second)
    });
    // What an office does reaches them too.
    let stage = |phone: &TestPhone| phone.show(case).unwrap().unwrap().row.stage;
    let before = stage(&first);
    let acceptor = district.office(Role::Acceptor);
    let category = json!({ "category": "01014", "condition": "缺失" });
    let (_, answer) = acceptor.step(case, "register", category);
    assert_eq!(answer["accepted"], json!(true), "{answer}");
    eventually("both phones show the new stage", || {
        stage(&first) != before && stage(&first) == stage(&second)
    });
    staying.into_iter().for_each(Staying::end);
}

#[test]
fn a_worker_who_is_moved_sees_the_new_grid_and_leaves_the_old_one_without_syncing() {
    let district = District::new();
    let (here, there) = (district.phone(GRID_A, 0), district.phone(GRID_B, 0));
    let old = here.report_case("原网格的案卷");
    let new = there.report_case("新网格的案卷");
    let colleague = district.phone(GRID_A, 1);
    let others = colleague.report_case("别人的案卷");
    for phone in [&colleague, &here, &there] {
        phone.sync_all();
    }
    assert!(here.show(others).unwrap().is_some());
    let (from, to) = (district.grid(GRID_A), district.grid(GRID_B));
    let way = Watched::of(&here);
    let staying = Staying::begin(&here, &way);
    eventually("the line is open", || way.has_heard());
    let now = jiff::Timestamp::now();
    let table = format!(
        "id,name,password,role,area,department,valid_from,valid_to,enabled\n\
         {0},调岗,,grid_worker,{from},,2020-01-01,{now},\n\
         {0},调岗,,grid_worker,{to},,{now},,\n",
        here.person
    );
    let keeper = district.office(Role::Administrator);
    let (status, answer) = keeper.post_csv("people.csv", &table);
    assert_eq!(status, 200, "{answer}");
    eventually("the new grid's case is there", || {
        here.show(new).unwrap().is_some()
    });
    eventually("it shows what will go", || {
        here.status().unwrap().leaving > 0
    });
    staying.end();
    here.sync_all();
    assert!(here.show(others).unwrap().is_none());
    assert!(here.show(old).unwrap().is_some(), "own words stay");
}

#[test]
fn a_phone_whose_line_is_open_asks_nothing_while_there_is_nothing() {
    let district = District::new();
    let (quiet, other) = (district.phone(GRID_A, 0), district.phone(GRID_B, 0));
    let way = Watched::of(&quiet);
    let staying = Staying::begin(&quiet, &way);
    // Both grids are in the street, but neither worker sees the other's.
    let case = quiet.report_case("占道经营");
    eventually("the line is open", || way.has_heard());
    eventually("all is said", || quiet.status().unwrap().all_in_log());
    let marker = quiet.status().unwrap().seq;
    let asked = way.posts();
    for _ in 0..20 {
        other.report_case("暴露垃圾");
        other.sync_all();
    }
    assert!(other.status().unwrap().seq > marker);
    assert_eq!(way.posts(), asked, "what others cannot show wakes nobody");
    assert!(quiet.show(case).unwrap().is_some());
    staying.end();
}

#[test]
fn a_phone_that_is_asked_to_wait_sends_nothing_before() {
    let settings = [
        ("GRIDLOG_SERVER_DEVICE_WORK_MS", "100"),
        ("GRIDLOG_SERVER_DEVICE_WORK_MS_PER_SECOND", "100"),
    ];
    let district = District::with_settings(&settings);
    let phone = district.phone(GRID_A, 0);
    for n in 0..300 {
        phone.note(&format!("案卷{n}"));
    }
    let way = Watched::of(&phone);
    let staying = Staying::begin(&phone, &way);
    let refused = || {
        let posts = way.posts.lock().unwrap();
        let is_refused =
            |answer: &Result<Answer, _>| answer.as_ref().is_ok_and(|answer| answer.status == 429);
        posts
            .iter()
            .filter(|(_, answer)| is_refused(answer))
            .count()
    };
    eventually("the server asks to wait", || {
        phone.note("又一个案卷");
        refused() > 0
    });
    eventually("all goes in in the end", || {
        phone.status().unwrap().all_in_log()
    });
    staying.end();
    let posts = way.posts.lock().unwrap();
    for pair in posts.windows(2) {
        let [(asked, answer), (next, _)] = pair else {
            unreachable!("windows of two")
        };
        let answer = answer.as_ref().unwrap();
        if let Some(wait_ms) = answer.retry_after_ms {
            let waited = next.duration_since(*asked);
            assert!(waited >= Duration::from_millis(wait_ms), "{waited:?}");
        }
    }
}

#[test]
fn the_button_works_although_the_phone_stays_in_sync() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let way = Watched::of(&phone);
    let staying = Staying::begin(&phone, &way);
    eventually("it synced", || way.posts() > 0);
    eventually("the button works", || {
        match phone.sync(&phone.transport, SyncOptions::default()) {
            Ok(report) => report.complete,
            Err(PhoneError::SyncRunning) => false,
            Err(error) => panic!("{error}"),
        }
    });
    staying.end();
}

#[test]
fn the_server_stops_although_phones_listen_and_they_find_it_again() {
    let mut district = District::new();
    let phones = [0, 1].map(|n| district.phone(GRID_A, n));
    let ears: Vec<Ear> = phones.iter().map(Ear::opened).collect();
    let reporter = district.phone(GRID_B, 0);
    let way = Watched::of(&reporter);
    let staying = Staying::begin(&reporter, &way);
    reporter.report_case("路灯不亮");
    eventually("the line is open", || way.has_heard());
    // It says when to come back, and ends by itself.
    district.stop();
    for ear in ears {
        let LiveEvent::ComeBackAfter(wait_ms) = ear.next() else {
            panic!("it says when to come back")
        };
        assert!((1_000..=30_000).contains(&wait_ms), "{wait_ms}");
        assert_eq!(ear.end().status, 200);
    }
    district.start();
    reporter.report_case("路灯又不亮");
    eventually("the phone reaches the new server", || {
        reporter.status().unwrap().all_in_log()
    });
    staying.end();
}

#[test]
fn who_opens_a_line_is_told_first_of_what_they_missed_and_then_of_what_comes() {
    let district = District::new();
    let (listener, writer) = (district.phone(GRID_A, 0), district.phone(GRID_A, 1));
    writer.report_case("井盖缺失");
    writer.sync_all();
    let head = writer.status().unwrap();
    let behind = Ear::open(&listener, head.epoch, head.seq - 1);
    let told = LiveEvent::Wake(Wake {
        epoch: head.epoch,
        seq: head.seq,
        directory: false,
    });
    assert_eq!(behind.next(), told);
    // A newer line takes the place of the older one.
    let up_to_date = Ear::open(&listener, head.epoch, head.seq);
    assert_eq!(behind.end().status, 200);
    writer.report_case("路灯不亮");
    writer.sync_all();
    let LiveEvent::Wake(first) = up_to_date.next() else {
        panic!("it is a wake")
    };
    assert!(first.seq > head.seq, "nothing was said of what was known");
}

#[test]
fn lines_are_counted_apart_from_requests_and_have_a_limit_of_their_own() {
    let settings = [
        ("GRIDLOG_SERVER_MAX_REQUESTS", "2"),
        ("GRIDLOG_SERVER_MAX_LIVE", "3"),
    ];
    let district = District::with_settings(&settings);
    let phones: Vec<TestPhone> = (0..4).map(|n| district.phone(GRID_A, n)).collect();
    phones[0].report_case("井盖缺失");
    phones[0].sync_all();
    let _ears: Vec<Ear> = phones[..3].iter().map(Ear::opened).collect();
    let (status, code, retry_after_ms) = refusal(&phones[3]);
    assert_eq!((status, code.as_str()), (503, "busy"));
    assert!((1_000..=5_000).contains(&retry_after_ms.unwrap()));
    phones[3].report_case("路灯不亮");
    phones[3].sync_all();
    assert!(phones[3].status().unwrap().all_in_log());
}

#[test]
fn who_may_not_pull_may_not_listen() {
    let district = District::new();
    let (revoked, disabled) = (district.phone(GRID_A, 0), district.phone(GRID_A, 1));
    revoked.report_case("井盖缺失");
    revoked.sync_all();
    let ear = Ear::opened(&revoked);
    let keeper = district.office(Role::Administrator);
    let device = revoked.identity().unwrap().unwrap().device;
    let path = format!("devices/{device}/revoke");
    assert_eq!(keeper.post(&path, &json!({})).0, 200);
    assert_eq!(ear.end().status, 200, "its line ends");
    assert_eq!(refusal(&revoked).0, 403);
    let table = format!(
        "id,name,password,role,area,department,valid_from,valid_to,enabled\n\
         {},停用,,,,,,,false\n",
        disabled.person
    );
    let (status, answer) = keeper.post_csv("people.csv", &table);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(refusal(&disabled).0, 403);
    let stranger = disabled.transport.listen(LIVE_PATH, None, &mut |_| false);
    assert_eq!(stranger.unwrap().status, 401);
}
