//! The world: people, phones, one server and what is on its way between them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use gridlog_client_core::{Phone, PhoneError};
use gridlog_domain::id::{PersonId, RecordId};
use gridlog_sync_server::store::Store as _;

use crate::broken::Broken;
use crate::chance::Chance;
use crate::clock::{DeviceClock, TrueTime};
use crate::disk::{Disk, Strikes};
use crate::handset::{Called, Handset, watched};
use crate::hostile::Rogue;
use crate::invariants::LogWatch;
use crate::network::{Event, Happening};
use crate::people;
use crate::server::{Done, House};
use crate::story::Story;
use crate::tally::Tally;
use crate::turn::Turn;
use crate::weather::Weather;
use crate::words::{Claim, Word, Words, word};

/// A whole district, driven by one seed.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) disk: Disk,
    pub(crate) time: TrueTime,
    pub(crate) weather: Weather,
    pub(crate) house: House,
    pub(crate) handsets: Vec<Handset>,
    queue: BinaryHeap<Reverse<Event>>,
    events: u64,
    /// Numbers sittings and messages.
    pub(crate) numbers: u64,
    pub(crate) story: Story,
    pub(crate) tally: Tally,
    pub(crate) words: Words,
    pub(crate) watch: LogWatch,
    pub(crate) rogue: Rogue,
    /// Whether any machine was ever put back to an old copy.
    pub(crate) anything_put_back: bool,
    /// Whether anybody's assignments ever changed.
    pub(crate) anybody_moved: bool,
    /// Records that were erased and must never come back.
    pub(crate) gone: BTreeSet<RecordId>,
    /// The turn that is being played.
    pub(crate) turn: Option<u32>,
    /// How many words the turn has drawn.
    drawn: u8,
    /// Whether it is quiet: no faults.
    pub(crate) quiet: bool,
    /// Whether a restart of the server is on its way.
    pub(crate) server_comes_up: bool,
    /// Phones whose restart is on its way.
    pub(crate) coming_up: BTreeSet<usize>,
}

/// What nothing but the engine can have wrong.
pub(crate) fn engine(what: &str, error: &PhoneError) -> Broken {
    Broken::new(
        "a call without a fault succeeds",
        format!("{what}: {} ({error}): {error:?}", error.code()),
    )
}

impl World {
    /// The world of a seed before its first turn: a server, and phones that are enrolled.
    pub(crate) fn begin(seed: u64) -> Result<Self, Broken> {
        let broken = |error: &dyn std::fmt::Display| Broken::new("it begins", error.to_string());
        let disk = Disk::new(seed).map_err(|error| broken(&error))?;
        let time = TrueTime::new(people::BEGINNING_MS);
        let machine = disk.machine("server").map_err(|error| broken(&error))?;
        let weather = Weather::of(seed);
        let mut house = House::new(machine, DeviceClock::new(&time, 0), weather.page, seed);
        house.start().map_err(|error| broken(&error))?;
        let mut world = Self {
            seed,
            weather,
            disk,
            time,
            house,
            handsets: Vec::new(),
            queue: BinaryHeap::new(),
            events: 0,
            numbers: 0,
            story: Story::default(),
            tally: Tally::default(),
            words: Words::default(),
            watch: LogWatch::default(),
            rogue: Rogue::new(seed),
            anything_put_back: false,
            anybody_moved: false,
            gone: BTreeSet::new(),
            turn: None,
            drawn: 0,
            quiet: false,
            server_comes_up: false,
            coming_up: BTreeSet::new(),
        };
        for person in &people::PHONES[..world.weather.phones] {
            let number = world.new_handset(PersonId::new(*person))?;
            world.sign_in(number, true)?;
        }
        Ok(world)
    }

    /// Puts a new phone into somebody's hand.
    pub(crate) fn new_handset(&mut self, person: PersonId) -> Result<usize, Broken> {
        let number = self.handsets.len();
        let mut chance = Chance::of(self.seed, "handset", &[number as u64]);
        // Most clocks are nearly right; some are hours or years off.
        let error_ms = match chance.below(6) {
            0 => i64::try_from(chance.below(10 * 3_600_000)).unwrap_or(0) - 5 * 3_600_000,
            1 => -20 * 365 * 24 * 3_600_000,
            _ => i64::try_from(chance.below(4_000)).unwrap_or(0) - 2_000,
        };
        let machine = self.disk.machine(&format!("phone{number}"));
        let machine = machine.map_err(|error| Broken::new("it begins", error.to_string()))?;
        let clock = DeviceClock::new(&self.time, error_ms);
        let mut handset = Handset::new(number, person, machine, clock, self.seed);
        if let Called::Said(error) = handset.open() {
            return Err(engine("opening a new phone", &error));
        }
        self.handsets.push(handset);
        Ok(number)
    }

    /// Tells the story on.
    pub(crate) fn tell(&mut self, text: impl Into<String>) {
        let at_ms = self.time.now_ms() - people::BEGINNING_MS;
        self.story.tell(at_ms, self.turn, text);
    }

    /// Lets something happen after `delay_ms`.
    pub(crate) fn later(&mut self, delay_ms: i64, what: Happening) {
        self.events += 1;
        self.queue.push(Reverse(Event {
            at_ms: self.time.now_ms().saturating_add(delay_ms),
            number: self.events,
            what,
        }));
    }

    /// Plays a turn, after what happens until then.
    pub(crate) fn play(&mut self, number: u32, is_left_out: bool) -> Result<(), Broken> {
        let mut chance = Chance::of(self.seed, "turn", &[u64::from(number)]);
        let wait_ms = chance.wait_ms();
        let turns = self.weather.turns.clone();
        let turn = chance.weighted(&turns).unwrap_or(Turn::Sync);
        self.pass(self.time.now_ms().saturating_add(wait_ms))?;
        if is_left_out {
            return Ok(());
        }
        self.turn = Some(number);
        self.drawn = 0;
        self.take(turn, &mut chance)?;
        self.turn = None;
        Ok(())
    }

    /// Lets everything happen that is due until `until_ms`.
    pub(crate) fn pass(&mut self, until_ms: i64) -> Result<(), Broken> {
        while let Some(Reverse(next)) = self.queue.peek() {
            if next.at_ms > until_ms {
                break;
            }
            let Some(Reverse(event)) = self.queue.pop() else {
                break;
            };
            self.time.reach(event.at_ms);
            self.happen(event.what)?;
        }
        self.time.reach(until_ms);
        Ok(())
    }

    /// Lets everything happen that is on its way.
    pub(crate) fn pass_all(&mut self) -> Result<(), Broken> {
        while let Some(Reverse(next)) = self.queue.peek() {
            let at_ms = next.at_ms;
            self.pass(at_ms)?;
        }
        Ok(())
    }

    fn happen(&mut self, what: Happening) -> Result<(), Broken> {
        match what {
            Happening::Request(request) => self.request_comes(*request),
            Happening::Answer(returned) => self.answer_comes(*returned),
            Happening::TimedOut {
                handset,
                sitting,
                message,
            } => self.patience_ends(handset, sitting, message),
            Happening::ServerUp => self.server_up(),
            Happening::ServerDecides => self.server_decides(),
            Happening::PhoneUp(number) => self.phone_up(number),
            Happening::Room(number) => {
                match number {
                    Some(number) => self.handsets[number].machine.make_room(),
                    None => self.house.machine.make_room(),
                }
                Ok(())
            }
        }
    }

    // -- the server ----------------------------------------------------------------------------

    /// Starts the server, and tries again later if that fails for a fault.
    pub(crate) fn server_up(&mut self) -> Result<(), Broken> {
        self.server_comes_up = false;
        if self.house.running().is_some() {
            return Ok(());
        }
        self.start_server()
    }

    /// Starts the server.
    pub(crate) fn start_server(&mut self) -> Result<(), Broken> {
        let before = self.house.machine.strikes();
        let started = self.house.start();
        self.server_started(before, started.map_err(|error| error.to_string()))
    }

    pub(crate) fn server_started(
        &mut self,
        before: Strikes,
        started: Result<(), String>,
    ) -> Result<(), Broken> {
        let struck = self.house.machine.is_down() || self.house.machine.strikes() != before;
        match started {
            Ok(()) if !self.house.machine.is_down() => {
                self.tell("the server starts");
                // What was to be erased is erased by now, whatever went wrong when it was.
                let erased = self.house.outside.erased().unwrap_or_default();
                self.gone.extend(erased.iter().map(|erased| erased.record));
                self.check_published()?;
                self.server_decides()
            }
            Err(error) if !struck => Err(Broken::new("the server starts", error)),
            _ => {
                self.house.stop();
                self.server_fell();
                Ok(())
            }
        }
    }

    /// What was published before must still be there.
    fn check_published(&mut self) -> Result<(), Broken> {
        let Some(running) = self.house.running() else {
            return Ok(());
        };
        self.watch.check_last(&*running.store)
    }

    /// If the server went down, it comes up again later.
    pub(crate) fn server_fell(&mut self) {
        if self.house.running().is_some() || self.server_comes_up {
            return;
        }
        self.house.stop();
        self.server_comes_up = true;
        self.tell("the server is down");
        let delay = Chance::of(self.seed, "up", &[self.events]).between(1_000, 1_800_000);
        self.later(i64::try_from(delay).unwrap_or(1_000), Happening::ServerUp);
    }

    /// The sequencer gets to what was received.
    pub(crate) fn server_decides(&mut self) -> Result<(), Broken> {
        let before = self.house.machine.strikes();
        let done = self.house.decide();
        self.server_did(before, "deciding", done).map(|_| ())
    }

    /// Takes what came of something at the server: a failure is one only if no fault struck.
    pub(crate) fn server_did<T>(
        &mut self,
        before: Strikes,
        what: &str,
        done: Done<T>,
    ) -> Result<Option<T>, Broken> {
        let struck = self.house.machine.strikes() != before;
        match done {
            Done::Ok(value) => {
                self.note_published();
                Ok(Some(value))
            }
            Done::Refused(why) => {
                self.tell(format!("{what}: refused, {why}"));
                Ok(None)
            }
            Done::Failed(why) if !struck => Err(Broken::new(
                "a call without a fault succeeds",
                format!("{what} at the server: {why}"),
            )),
            Done::Failed(_) => {
                self.later(5_000, Happening::ServerDecides);
                Ok(None)
            }
            Done::Off => {
                self.server_fell();
                Ok(None)
            }
        }
    }

    /// What the server has told somebody must stay.
    pub(crate) fn note_published(&mut self) {
        if let Some(running) = self.house.running()
            && let Ok(head) = running.store.head()
            && !self.house.machine.is_down()
        {
            self.watch.published(head);
        }
    }

    // -- phones --------------------------------------------------------------------------------

    /// Uses a phone. `None` if it is off.
    pub(crate) fn on<T>(
        &mut self,
        number: usize,
        call: impl FnOnce(&Phone) -> Result<T, PhoneError>,
    ) -> Option<Called<T>> {
        let handset = self.handsets.get(number)?;
        let phone = handset.phone.as_ref().filter(|_| handset.is_usable())?;
        let called = watched(&handset.machine, || call(phone));
        self.phone_fell(number);
        Some(called)
    }

    /// Reads from a phone; `None` if it is off or a fault struck.
    pub(crate) fn read<T>(
        &mut self,
        number: usize,
        what: &str,
        call: impl FnOnce(&Phone) -> Result<T, PhoneError>,
    ) -> Result<Option<T>, Broken> {
        match self.on(number, call) {
            Some(Called::Done(value)) => Ok(Some(value)),
            Some(Called::Said(error)) => Err(engine(what, &error)),
            Some(Called::Struck) | None => Ok(None),
        }
    }

    /// If a phone went down, it comes up again later.
    pub(crate) fn phone_fell(&mut self, number: usize) {
        let handset = &mut self.handsets[number];
        let is_off = handset.machine.is_down() || handset.phone.is_none();
        if handset.destroyed || !is_off || !self.coming_up.insert(number) {
            return;
        }
        let name = handset.name();
        self.break_off(number);
        self.handsets[number].close();
        self.tell(format!("{name} is off"));
        let delay = Chance::of(self.seed, "up", &[self.events]).between(500, 3_600_000);
        let delay = i64::try_from(delay).unwrap_or(500);
        self.later(delay, Happening::PhoneUp(number));
    }

    /// Opens a phone's app, and tries again later if that fails for a fault.
    pub(crate) fn phone_up(&mut self, number: usize) -> Result<(), Broken> {
        self.coming_up.remove(&number);
        if self.handsets[number].destroyed || self.handsets[number].phone.is_some() {
            return Ok(());
        }
        self.open(number)
    }

    /// Opens a phone's app.
    pub(crate) fn open(&mut self, number: usize) -> Result<(), Broken> {
        let name = self.handsets[number].name();
        match self.handsets[number].open() {
            Called::Done(()) => {
                self.tell(format!("{name} is on"));
                Ok(())
            }
            Called::Said(error) => Err(engine(&format!("opening {name}"), &error)),
            Called::Struck => {
                self.phone_fell(number);
                Ok(())
            }
        }
    }

    /// A word that nobody has written before.
    pub(crate) fn fresh_word(&mut self) -> String {
        let text = word(self.turn.unwrap_or(0), self.drawn);
        self.drawn += 1;
        text
    }

    /// Notes what must become of a word that a call recorded, by what came of the call. Returns what
    /// the call returned.
    pub(crate) fn recorded<T>(
        &mut self,
        number: usize,
        (text, record): (&str, Option<gridlog_domain::id::RecordId>),
        called: Option<Called<T>>,
    ) -> Result<Option<T>, Broken> {
        let mut note = |claim| {
            self.words.note(
                text.to_owned(),
                Word {
                    handset: Some(number),
                    record,
                    claim,
                    number: 0,
                },
            );
        };
        match called {
            Some(Called::Done(value)) => {
                note(Claim::Kept);
                Ok(Some(value))
            }
            Some(Called::Struck) => {
                note(Claim::Unsure);
                self.tell(format!("a fault struck while {text} was recorded"));
                Ok(None)
            }
            Some(Called::Said(error)) if is_sensible(&error) => {
                self.tell(format!("refused: {}", error.code()));
                self.tally.count("a phone refuses", error.code());
                Ok(None)
            }
            Some(Called::Said(error)) => Err(engine("recording", &error)),
            None => Ok(None),
        }
    }
}

/// Whether a recording call may be refused so.
fn is_sensible(error: &PhoneError) -> bool {
    matches!(
        error,
        PhoneError::Record { .. }
            | PhoneError::UnknownRecord { .. }
            | PhoneError::UnknownItem { .. }
            | PhoneError::AreaNeeded
    )
}

impl World {
    fn take(&mut self, turn: Turn, chance: &mut Chance) -> Result<(), Broken> {
        self.tally.count("turn", turn.name());
        match turn {
            Turn::OfficeStep
            | Turn::OfficeComment
            | Turn::LetIn
            | Turn::Dismiss
            | Turn::Reassign
            | Turn::EndAssignment
            | Turn::Disable
            | Turn::Enable
            | Turn::Revoke
            | Turn::Snapshot
            | Turn::Seal
            | Turn::Backup
            | Turn::Relocate
            | Turn::Archive
            | Turn::Erase => self.office(turn, chance),
            Turn::RestartServer => {
                self.house.stop();
                self.tell("the server is stopped and started");
                self.start_server()
            }
            Turn::Hostile => self.attack(chance),
            Turn::ServerCrash
            | Turn::ServerPower
            | Turn::ServerFull
            | Turn::ServerIo
            | Turn::RestoreServer
            | Turn::PutBack
            | Turn::PhoneCrash
            | Turn::PhonePower
            | Turn::PhoneFull
            | Turn::PhoneIo
            | Turn::RestorePhone
            | Turn::CopyPhone
            | Turn::ClockJump
            | Turn::Destroy => self.misfortune(turn, chance),
            _ => self.deed(turn, chance),
        }
    }
}
