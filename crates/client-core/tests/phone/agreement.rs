//! Whatever is lost on the way or put back, phones and server come to say the same.

use gridlog_domain::id::RecordId;
use gridlog_domain::record::Value;
use proptest::prelude::*;

use crate::colleague::*;
use crate::district::*;
use crate::fixture::*;
use crate::server::{Backup, Server};
use crate::snapshots::take_snapshot;
use crate::town::assert_nothing_twice;

type Deed = (u8, u8, u8);

/// Two phones, what was kept of them and of the server, and every record that ever began.
struct Scene {
    phones: Vec<Fixture>,
    copies: [Option<std::path::PathBuf>; 2],
    server: Server,
    backup: Option<Backup>,
    records: Vec<RecordId>,
    seed: u64,
}

impl Scene {
    fn new() -> Self {
        let first = Fixture::synced();
        let second = first.another("W003", 3);
        Self {
            server: first.server.clone(),
            phones: vec![first, second],
            copies: [None, None],
            backup: None,
            records: Vec::new(),
            seed: 100,
        }
    }

    fn act(&mut self, (what, which, how): Deed) {
        let place = usize::from(how % 2);
        let number = usize::from(which) % self.records.len().max(1);
        let id = self.records.get(number).copied().unwrap_or(stranger());
        let server = self.server.clone();
        let phone = &self.phones[place];
        let text = format!("{which}句{how}");
        phone.clock.advance(1_000);
        match what % 20 {
            0 | 1 => {
                let mut report = report(&text);
                report.area = Some(if how % 3 == 0 { NEXT_GRID } else { GRID }.into());
                self.records.extend(phone.phone.report(report));
            }
            2 | 3 => drop(phone.phone.comment(id, &text)),
            4 => drop(phone.phone.edit(id, &[("title", Value::Text(text))])),
            5..=8 => drop(phone.try_sync()),
            9 => drop(phone.try_rounds(u32::from(which % 3))),
            10 => server.line().lose_answers = u32::from(how % 2),
            11 => server.colleague_tries(id, &[titled(&text)]),
            12 => {
                let area = if how % 3 == 0 { NEXT_GRID } else { GRID };
                let new = new_case_in(&text, area);
                self.records.push(server.colleague_writes(new, vec![]));
            }
            13 if server.view(id).is_some() => take_snapshot(&server, id),
            14 => {
                let grids: &[&str] =
                    [&[GRID][..], &[GRID, NEXT_GRID], &[NEXT_GRID]][usize::from(which) % 3];
                server.appoint(worker(grids));
            }
            15 => {
                let backup = server.copy();
                server.note_backup(&backup);
                self.backup = Some(backup);
            }
            16 => {
                if let Some(backup) = &self.backup {
                    server.restore(backup);
                }
            }
            17 => {
                if let Some(backup) = &self.backup {
                    server.put_back(backup);
                }
            }
            18 => self.copies[place] = Some(phone.keep_copy()),
            19 => {
                if let Some(copy) = self.copies[place].clone() {
                    self.seed += 1;
                    let phone = self.phones.remove(place);
                    self.phones.insert(place, phone.put_back(&copy, self.seed));
                }
            }
            _ => {}
        }
    }

    /// A quiet time: everybody has every grid, tries again what was sent back, and syncs until nothing is
    /// left to say.
    fn calm_down(&self) {
        self.server.line().lose_answers = 0;
        self.server.appoint(worker(&[GRID, NEXT_GRID]));
        for _ in 0..3 {
            for phone in &self.phones {
                phone.sync();
                for row in phone.rows() {
                    for sent_back in phone.detail(row.id).needs_you {
                        phone.phone.retry_needs_you(sent_back.id).unwrap();
                    }
                }
            }
        }
    }
}

/// Plays a story and checks what must hold after it.
fn come_to_say_the_same(deeds: &[Deed]) {
    let mut scene = Scene::new();
    for deed in deeds {
        scene.act(*deed);
    }
    scene.calm_down();
    assert_nothing_twice(&scene.server);
    for phone in &scene.phones {
        phone.assert_agrees();
        let status = phone.status();
        assert!(status.all_in_log(), "{status:?}");
        assert_eq!(phone.verify().differing, Some(0));
        assert_eq!(phone.sync().rounds, 1, "and then it is quiet");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn phones_and_server_come_to_say_the_same(
        deeds in proptest::collection::vec(any::<Deed>(), 1..60),
    ) {
        come_to_say_the_same(&deeds);
    }
}

#[test]
fn a_phone_put_back_twice_to_a_copy_from_before_its_first_sync_says_again_that_all_is_in_the_log() {
    come_to_say_the_same(&[(18, 0, 1), (19, 0, 1), (0, 0, 1), (6, 0, 1), (19, 0, 1)]);
}

#[test]
fn a_server_put_back_in_silence_and_later_restored_is_told_everything_by_a_phone_of_before() {
    come_to_say_the_same(&[
        (0, 0, 55),
        (0, 0, 0),
        (0, 0, 19),
        (0, 0, 103),
        (15, 0, 0),
        (5, 0, 11),
        (17, 0, 0),
        (0, 0, 152),
        (5, 0, 188),
        (15, 0, 0),
        (16, 0, 0),
    ]);
}

#[test]
fn what_a_phone_gives_back_of_a_record_that_comes_as_a_snapshot_stays_in_sight() {
    come_to_say_the_same(&[
        (0, 0, 2),
        (7, 0, 0),
        (13, 0, 0),
        (5, 0, 1),
        (15, 0, 0),
        (16, 0, 0),
        (2, 0, 1),
        (5, 0, 1),
        (17, 0, 0),
    ]);
}

#[test]
fn a_walk_that_a_second_new_scope_cuts_short_begins_anew() {
    come_to_say_the_same(&[(0, 0, 0), (0, 0, 6), (8, 0, 0), (14, 2, 0), (9, 1, 0)]);
}
