//! What goes wrong on purpose.

use gridlog_domain::id::RecordId;

use crate::broken::Broken;
use crate::chance::Chance;
use crate::disk::Crash;
use crate::network::Happening;
use crate::turn::Turn;
use crate::words::{Claim, Word};
use crate::world::World;

/// Steps after which a crash strikes: mostly within the next call or two.
fn steps(chance: &mut Chance) -> u64 {
    match chance.below(4) {
        0 => chance.below(4),
        1 | 2 => chance.below(40),
        _ => chance.below(400),
    }
}

fn power(chance: &mut Chance) -> Crash {
    if chance.percent(50) {
        Crash::PowerLoss
    } else {
        Crash::ScatteredPowerLoss
    }
}

impl World {
    /// Plays a turn of misfortune.
    pub(crate) fn misfortune(&mut self, turn: Turn, chance: &mut Chance) -> Result<(), Broken> {
        match turn {
            Turn::ServerCrash => {
                let steps = steps(chance);
                self.tell(format!("the server's process will die after {steps} steps"));
                self.house.machine.crash_after(steps, Crash::Process);
                Ok(())
            }
            Turn::ServerPower => {
                let (steps, crash) = (steps(chance), power(chance));
                self.tell(format!("the server's power will fail after {steps} steps"));
                self.house.machine.crash_after(steps, crash);
                Ok(())
            }
            Turn::ServerFull => {
                let bytes = chance.index(60_000);
                self.tell(format!("the server's disk has room for {bytes} bytes"));
                self.house.machine.full_after(bytes);
                self.room_again(None, chance);
                Ok(())
            }
            Turn::ServerIo => {
                self.tell("the server's disk will fail once");
                if chance.percent(50) {
                    self.house.machine.io_error_after(steps(chance));
                } else {
                    self.house.machine.read_error_after(steps(chance));
                }
                Ok(())
            }
            Turn::RestoreServer | Turn::PutBack => self.restore(turn == Turn::RestoreServer),
            _ => self.phone_misfortune(turn, chance),
        }
    }

    fn room_again(&mut self, number: Option<usize>, chance: &mut Chance) {
        let delay = i64::try_from(chance.between(60_000, 7_200_000)).unwrap_or(60_000);
        self.later(delay, Happening::Room(number));
    }

    fn phone_misfortune(&mut self, turn: Turn, chance: &mut Chance) -> Result<(), Broken> {
        let number = match turn {
            // Only one that was copied can be put back.
            Turn::RestorePhone => {
                let handsets = self.handsets.iter();
                let copied = handsets.filter(|phone| phone.copy.is_some() && !phone.destroyed);
                let copied: Vec<usize> = copied.map(|phone| phone.number).collect();
                chance.pick(&copied).copied().unwrap_or(0)
            }
            _ => chance.index(self.handsets.len()),
        };
        let handset = &self.handsets[number];
        let (name, machine) = (handset.name(), handset.machine.clone());
        if handset.destroyed {
            return Ok(());
        }
        match turn {
            Turn::PhoneCrash => {
                let steps = steps(chance);
                self.tell(format!("the app on {name} will die after {steps} steps"));
                machine.crash_after(steps, Crash::Process);
                self.goes_on(number, chance)?;
            }
            Turn::PhonePower => {
                let (steps, crash) = (steps(chance), power(chance));
                self.tell(format!(
                    "the battery of {name} will fail after {steps} steps"
                ));
                machine.crash_after(steps, crash);
                self.goes_on(number, chance)?;
            }
            Turn::PhoneFull => {
                let bytes = chance.index(40_000);
                self.tell(format!("the disk of {name} has room for {bytes} bytes"));
                machine.full_after(bytes);
                self.room_again(Some(number), chance);
            }
            Turn::PhoneIo => {
                self.tell(format!("the disk of {name} will fail once"));
                if chance.percent(50) {
                    machine.io_error_after(steps(chance));
                } else {
                    machine.read_error_after(steps(chance));
                }
            }
            Turn::ClockJump => {
                let by_ms = match chance.below(4) {
                    0 => -3 * 3_600_000,
                    1 => 5 * 3_600_000,
                    2 => -11 * 365 * 24 * 3_600_000,
                    _ => 7 * 365 * 24 * 3_600_000,
                };
                let hours = by_ms / 3_600_000;
                self.tell(format!("the clock of {name} jumps by {hours} hours"));
                self.handsets[number].clock.jump(by_ms);
            }
            Turn::CopyPhone if !machine.is_down() => {
                self.tell(format!("the files of {name} are copied"));
                self.handsets[number].copy = Some(machine.copy());
            }
            Turn::RestorePhone => self.restore_phone(number)?,
            Turn::Destroy => self.destroy(number)?,
            _ => {}
        }
        Ok(())
    }

    /// Half of those whose phone is about to fail are just about to sync.
    fn goes_on(&mut self, number: usize, chance: &mut Chance) -> Result<(), Broken> {
        match chance.percent(50) {
            true => self.begin_sync(number, false),
            false => Ok(()),
        }
    }

    /// Puts the server back to its last backup; with `is_said`, as the operator's command does.
    fn restore(&mut self, is_said: bool) -> Result<(), Broken> {
        let Some(backup) = self.house.backup.clone() else {
            return Ok(());
        };
        self.anything_put_back = true;
        let how = if is_said { "" } else { " and nobody says so" };
        self.tell(format!(
            "the server is put back to entry {} of epoch {}{how}",
            backup.head.seq, backup.head.epoch
        ));
        self.tally.count(
            "restore",
            if is_said {
                "with a new epoch"
            } else {
                "unsaid"
            },
        );
        self.house.machine.disarm();
        self.house.machine.make_room();
        let before = self.house.machine.strikes();
        self.rogue.lets_go_of_its_page();
        self.watch.put_back(backup.head, is_said);
        let started = self.house.restore(&backup, is_said);
        let restores = self.house.machine.strikes();
        // The restoring itself is not a fault that excuses a failure.
        let same = before.restores < restores.restores;
        let before = if same { restores } else { before };
        self.server_started(before, started.map_err(|error| error.to_string()))?;
        self.owe_what_is_left(None);
        Ok(())
    }

    /// Whether a phone that is still there shows the word.
    pub(crate) fn is_on_a_phone(&self, text: &str) -> bool {
        self.handsets.iter().any(|handset| {
            let phone = handset.phone.as_ref().filter(|_| handset.is_usable());
            phone.is_some_and(|phone| {
                let query = gridlog_client_core::Query {
                    text: Some(text.to_owned()),
                    with_deleted: true,
                    limit: 1,
                    ..Default::default()
                };
                phone.list(&query).is_ok_and(|rows| !rows.is_empty())
            })
        })
    }

    /// Puts a phone back to the old copy of its files.
    fn restore_phone(&mut self, number: usize) -> Result<(), Broken> {
        let Some(copy) = self.handsets[number].copy.clone() else {
            return Ok(());
        };
        let name = self.handsets[number].name();
        self.tell(format!("{name} is put back to an old copy"));
        self.anything_put_back = true;
        self.handsets[number].put_back(&copy);
        self.open(number)?;
        self.owe_what_is_left(Some(number));
        self.says_it_again(number)
    }

    /// Whose phone forgot what they did last goes to those records and says something there.
    fn says_it_again(&mut self, number: usize) -> Result<(), Broken> {
        let of_phone = |word: &&Word| word.handset == Some(number);
        let mut last: Vec<RecordId> = self.words.last(of_phone).take(6).collect();
        last.dedup();
        for record in last {
            let word = self.fresh_word();
            let text = format!("再说一遍{word}");
            self.write_in(number, record, ("says", &word), |phone| {
                phone.comment(record, &text).map(|_| ())
            })?;
        }
        Ok(())
    }

    /// A phone is lost for good; its person gets a new one.
    fn destroy(&mut self, number: usize) -> Result<(), Broken> {
        let alive = self.handsets.iter().filter(|handset| !handset.destroyed);
        if alive.count() < 3 || self.handsets.len() > 8 {
            return Ok(());
        }
        let handset = &mut self.handsets[number];
        handset.close();
        handset.destroyed = true;
        let (name, person) = (handset.name(), handset.person.clone());
        self.tell(format!("{name} is lost for good"));
        self.tally.count("phone", "destroyed");
        self.owe_what_is_left(Some(number));
        let new = self.new_handset(person)?;
        self.sign_in(new, false)
    }

    /// After a phone, or the server, lost what it had: a word whose author cannot send it again is still
    /// owed as long as the server or a phone has it; the rest is forgiven.
    fn owe_what_is_left(&mut self, loser: Option<usize>) {
        let at_server = match self.house.running() {
            Some(running) => crate::invariants::words_at(&*running.store).unwrap_or_default(),
            None => Default::default(),
        };
        let cannot_send = |(text, word): &(&String, &Word)| {
            let author = word.handset.map(|number| &self.handsets[number]);
            author.is_none_or(|author| author.destroyed || Some(author.number) == loser)
                || self.watch.is_inherited(text)
        };
        let words = self.words.iter();
        let words = words.filter(|(_, word)| word.claim == Claim::Kept);
        let words: Vec<String> = words
            .filter(cannot_send)
            .map(|(text, _)| text.clone())
            .collect();
        for text in words {
            if self.is_on_a_phone(&text) || at_server.contains_key(&text) {
                self.watch.inherit(&text);
            } else {
                self.words.claim(&text, Claim::Unsure);
            }
        }
        self.server_fell();
    }
}
