use gridlog_protocol::audience;
use tokio::time::Instant;

use super::*;
use crate::store::LogHead;
use crate::town::{COLLEAGUE, GRID_A, GRID_B, NEIGHBOUR, NOW, OFFICE, STREET, Town, WORKER};

struct StandingStill;

impl Clock for StandingStill {
    fn now_ms(&self) -> i64 {
        NOW
    }
}

fn device(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 16])
}

fn published(seq: u64, audiences: &[String]) -> Published {
    Published {
        epoch: 1,
        seq,
        audiences: audiences.iter().cloned().collect(),
        ..Published::default()
    }
}

fn in_grid(seq: u64, grid: &str) -> Published {
    published(seq, &[audience::area(grid), audience::area(STREET)])
}

fn wake(seq: u64) -> Heard {
    Heard::Wake(Wake {
        epoch: 1,
        seq,
        directory: false,
    })
}

/// Lines of a town, with the task that tells them.
struct Exchange {
    live: Live,
    town: Town,
}

impl Exchange {
    fn new(most: usize) -> Self {
        let (live, town) = (Live::new(most), Town::new());
        let clock = Arc::new(StandingStill);
        tokio::spawn(live.clone().run(town.directory.clone(), clock));
        Self { live, town }
    }

    fn line(&self, n: u8, person: &str) -> Line {
        self.live.open(device(n), person.into()).unwrap()
    }

    async fn settle(&self) {
        tokio::time::sleep(TOGETHER * 4).await;
    }
}

/// What a line brings without waiting.
async fn now(line: &mut Line) -> Option<Heard> {
    tokio::time::timeout(Duration::ZERO, line.hear()).await.ok()
}

#[tokio::test(start_paused = true)]
async fn only_those_are_woken_whom_it_concerns() {
    let exchange = Exchange::new(10);
    let mut worker = exchange.line(1, WORKER);
    let mut neighbour = exchange.line(2, NEIGHBOUR);
    let mut office = exchange.line(3, OFFICE);
    exchange.live.publish(in_grid(7, GRID_A));
    exchange.settle().await;
    assert_eq!(now(&mut worker).await, Some(wake(7)));
    assert_eq!(now(&mut office).await, Some(wake(7)));
    assert_eq!(now(&mut neighbour).await, None);
    // An author is told of what became of their words, wherever the record lives.
    let of_neighbour = [audience::area(GRID_A), audience::person(NEIGHBOUR)];
    exchange.live.publish(published(8, &of_neighbour));
    exchange.settle().await;
    assert_eq!(now(&mut neighbour).await, Some(wake(8)));
}

#[tokio::test(start_paused = true)]
async fn what_is_published_within_a_moment_is_one_wake() {
    let exchange = Exchange::new(10);
    let mut line = exchange.line(1, WORKER);
    let began = Instant::now();
    for seq in 1..=20 {
        exchange.live.publish(in_grid(seq, GRID_A));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(line.hear().await, wake(20));
    assert_eq!(began.elapsed(), TOGETHER);
    exchange.settle().await;
    assert_eq!(now(&mut line).await, None);
    exchange.live.publish(in_grid(21, GRID_A));
    assert_eq!(line.hear().await, wake(21));
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_holds_up_nobody_and_is_told_where_the_log_stands_now() {
    let exchange = Exchange::new(10);
    let (mut slow, mut quick) = (exchange.line(1, WORKER), exchange.line(2, COLLEAGUE));
    for seq in 1..=50 {
        exchange.live.publish(in_grid(seq, GRID_A));
        assert_eq!(quick.hear().await, wake(seq));
    }
    assert_eq!(slow.hear().await, wake(50));
    assert_eq!(now(&mut slow).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_new_epoch_concerns_everybody() {
    let exchange = Exchange::new(10);
    let mut line = exchange.line(1, WORKER);
    exchange.live.publish(Published {
        epoch: 2,
        seq: 9,
        everybody: true,
        ..Published::default()
    });
    let news = Wake {
        epoch: 2,
        seq: 9,
        directory: false,
    };
    assert_eq!(line.hear().await, Heard::Wake(news));
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_is_told_once_that_the_directory_changed() {
    let exchange = Exchange::new(10);
    let mut line = exchange.line(1, WORKER);
    let head = LogHead {
        epoch: 1,
        seq: 4,
        hash: gridlog_protocol::Digest::ZERO,
    };
    exchange.live.publish(Published::directory_changed(head));
    exchange.settle().await;
    exchange.live.publish(in_grid(5, GRID_A));
    exchange.settle().await;
    let told = Wake {
        epoch: 1,
        seq: 5,
        directory: true,
    };
    assert_eq!(line.hear().await, Heard::Wake(told));
    exchange.live.publish(in_grid(6, GRID_A));
    assert_eq!(line.hear().await, wake(6));
}

#[tokio::test(start_paused = true)]
async fn a_device_has_one_line_the_newest() {
    let exchange = Exchange::new(1);
    let mut older = exchange.line(1, WORKER);
    let mut newer = exchange.line(1, WORKER);
    assert_eq!(older.hear().await, Heard::Over);
    drop(older);
    exchange.live.publish(in_grid(3, GRID_A));
    assert_eq!(newer.hear().await, wake(3));
    let refused = exchange.live.open(device(2), COLLEAGUE.into());
    assert_eq!(refused.unwrap_err(), NoLine::Full);
    drop(newer);
    assert_eq!(exchange.live.count(), 0, "who hung up leaves a place");
    exchange.line(2, COLLEAGUE);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_listen_any_more_is_hung_up_on() {
    let exchange = Exchange::new(10);
    let mut revoked = exchange.line(1, WORKER);
    let mut disabled = exchange.line(2, COLLEAGUE);
    exchange.live.dismiss(device(1));
    assert_eq!(revoked.hear().await, Heard::Over);
    let store = &exchange.town.store;
    let mut people = crate::store::Store::people(&**store).unwrap();
    people.retain(|stored| stored.person.id == COLLEAGUE.into());
    people[0].person.enabled = false;
    crate::store::Store::put_people(&**store, &people).unwrap();
    exchange.town.directory.refresh(&**store).unwrap();
    exchange.live.publish(in_grid(3, GRID_B));
    assert_eq!(disabled.hear().await, Heard::Over);
}

#[tokio::test(start_paused = true)]
async fn when_the_server_stops_every_line_ends_at_once() {
    let exchange = Exchange::new(10);
    let mut line = exchange.line(1, WORKER);
    exchange.live.close();
    assert_eq!(now(&mut line).await, Some(Heard::Closing));
    let refused = exchange.live.open(device(2), COLLEAGUE.into());
    assert_eq!(refused.unwrap_err(), NoLine::Closing);
}
