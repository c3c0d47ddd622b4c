//! A phone: the real engine on a simulated machine, in somebody's hand.

use std::sync::Arc;

use gridlog_client_core::{OpenOptions, Phone, PhoneError, StoreKey, SyncSession};
use gridlog_domain::environment::{Clock, SeededEntropy};
use gridlog_domain::id::PersonId;

use crate::chance::Chance;
use crate::clock::DeviceClock;
use crate::disk::{Image, Machine};
use crate::marker::MemoryMarker;

/// The store's file.
pub(crate) const FILE: &str = "phone.db";
/// The store's key.
pub(crate) const KEY: [u8; 32] = [7; 32];

/// A phone and who holds it.
pub(crate) struct Handset {
    /// Its place among all phones.
    pub(crate) number: usize,
    pub(crate) person: PersonId,
    pub(crate) machine: Machine,
    pub(crate) clock: DeviceClock,
    seed: u64,
    marker: Arc<MemoryMarker>,
    /// The open app; `None` while the phone is off.
    pub(crate) phone: Option<Phone>,
    /// A sync that is under way.
    pub(crate) sitting: Option<Sitting>,
    /// How often the app was opened.
    opened: u64,
    /// Whether it was ever enrolled.
    pub(crate) enrolled: bool,
    /// Whether its person has to sign in again.
    pub(crate) signs_in: bool,
    /// Whether the server may have made its newest actor that of a device which it was not told of, because
    /// the answer to a sign-in was lost.
    pub(crate) signed_in_unheard: bool,
    /// Whether it is lost for good.
    pub(crate) destroyed: bool,
    /// An old copy of its files.
    pub(crate) copy: Option<Image>,
}

/// A sync that is under way.
pub(crate) struct Sitting {
    pub(crate) session: SyncSession,
    /// Tells it from every other.
    pub(crate) id: u64,
    /// The turn in which it began.
    pub(crate) turn: u32,
    /// How many requests it sent.
    pub(crate) round: u64,
    /// The message whose answer it waits for.
    pub(crate) waits_for: Option<u64>,
    /// How often the server had been put back when it gave the last answer that was taken.
    pub(crate) put_back: u64,
    /// Whether the last page that was taken is to be followed by another.
    pub(crate) has_more: bool,
}

/// What came of a call into the engine.
pub(crate) enum Called<T> {
    /// It was done.
    Done(T),
    /// It was refused, and no fault struck.
    Said(PhoneError),
    /// A fault struck; what was done by then nobody knows.
    Struck,
}

/// Makes a call while watching whether a fault strikes.
pub(crate) fn watched<T>(
    machine: &Machine,
    call: impl FnOnce() -> Result<T, PhoneError>,
) -> Called<T> {
    let before = machine.strikes();
    let result = call();
    if machine.is_down() {
        return Called::Struck;
    }
    match result {
        Ok(value) => Called::Done(value),
        Err(_) if machine.strikes() != before => Called::Struck,
        Err(error) => Called::Said(error),
    }
}

impl Handset {
    /// A new phone, off and empty.
    pub(crate) fn new(
        number: usize,
        person: PersonId,
        machine: Machine,
        clock: DeviceClock,
        seed: u64,
    ) -> Self {
        Self {
            number,
            person,
            machine,
            clock,
            seed,
            marker: Arc::default(),
            phone: None,
            sitting: None,
            opened: 0,
            enrolled: false,
            signs_in: true,
            signed_in_unheard: false,
            destroyed: false,
            copy: None,
        }
    }

    /// What the story calls it.
    pub(crate) fn name(&self) -> String {
        format!("phone {} of {}", self.number, self.person)
    }

    /// Opens the app; a phone that is off comes up first.
    pub(crate) fn open(&mut self) -> Called<()> {
        self.close();
        if self.machine.is_down() {
            self.machine.restart();
        }
        self.opened += 1;
        let mut entropy = Chance::of(self.seed, "phone", &[self.number as u64, self.opened]);
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let options = OpenOptions {
            path: self.machine.path(FILE),
            key: StoreKey::new(KEY),
            clock,
            entropy: Box::new(SeededEntropy::new(entropy.any())),
            marker: Arc::clone(&self.marker) as Arc<_>,
        };
        match watched(&self.machine, || Phone::open(options)) {
            Called::Done(phone) => {
                self.phone = Some(phone);
                Called::Done(())
            }
            Called::Said(error) => Called::Said(error),
            Called::Struck => Called::Struck,
        }
    }

    /// Puts the files back to an old copy, as a phone does that is set up anew from a backup: what no
    /// backup reaches is gone.
    pub(crate) fn put_back(&mut self, copy: &Image) {
        self.close();
        self.machine.restore(copy);
        self.marker = Arc::default();
    }

    /// Closes the app.
    pub(crate) fn close(&mut self) {
        self.sitting = None;
        self.phone = None;
    }

    /// Whether somebody can use it now.
    pub(crate) fn is_usable(&self) -> bool {
        self.phone.is_some() && self.enrolled && !self.destroyed && !self.machine.is_down()
    }
}
