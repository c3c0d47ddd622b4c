//! What was said, and how it is found again.

use std::borrow::Borrow;
use std::hash::Hash;

use foldhash::{HashMap, HashMapExt as _};

use super::Spoilt;

/// What was said, in order.
#[derive(Debug)]
pub(super) struct Memory<T> {
    /// Each thing once.
    known: Vec<T>,
    /// Its place in `known`. Only the side that takes apart looks things up.
    places: HashMap<T, u32>,
    /// What was said at each moment, as a place.
    said: Vec<u32>,
    /// When each thing was said last.
    last: Vec<u32>,
    /// What was said just now, as a place.
    cursor: u32,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            places: HashMap::new(),
            said: Vec::new(),
            last: Vec::new(),
            cursor: 0,
        }
    }
}

impl<T: Clone + Eq + Hash> Memory<T> {
    /// The place of something that was said so that it is found again.
    pub(super) fn find<Q: Hash + Eq + ?Sized>(&self, thing: &Q) -> Option<u32>
    where
        T: Borrow<Q>,
    {
        self.places.get(thing).copied()
    }

    /// Says something new.
    pub(super) fn add(&mut self, thing: T) {
        let place = self.known.len() as u32;
        self.known.push(thing);
        self.last.push(0);
        self.say(place);
    }

    /// As [`Memory::add`], so that it is found again.
    pub(super) fn add_findable(&mut self, thing: T) {
        self.places.insert(thing.clone(), self.known.len() as u32);
        self.add(thing);
    }

    /// Says something again.
    pub(super) fn say(&mut self, place: u32) {
        if let Some(last) = self.last.get_mut(place as usize) {
            *last = self.said.len() as u32;
        }
        self.said.push(place);
        self.cursor = place;
    }

    /// How many sayings ago the thing was said last; 1 for just now.
    pub(super) fn distance(&self, place: u32) -> usize {
        self.said.len() - self.last[place as usize] as usize
    }

    /// What was said that many sayings ago.
    pub(super) fn at_distance(&self, distance: usize) -> Result<u32, Spoilt> {
        let at = self.said.len().checked_sub(distance).ok_or(Spoilt)?;
        self.said.get(at).copied().ok_or(Spoilt)
    }

    /// How far it stands from what was said just now.
    pub(super) fn step(&self, place: u32) -> i64 {
        i64::from(place) - i64::from(self.cursor)
    }

    /// What stands that far from what was said just now.
    pub(super) fn at_step(&self, step: i64) -> Result<u32, Spoilt> {
        let place = i64::from(self.cursor).checked_add(step).ok_or(Spoilt)?;
        let place = u32::try_from(place).map_err(|_| Spoilt)?;
        if (place as usize) < self.known.len() {
            Ok(place)
        } else {
            Err(Spoilt)
        }
    }

    /// The thing at a place.
    pub(super) fn get(&self, place: u32) -> Result<T, Spoilt> {
        self.known.get(place as usize).cloned().ok_or(Spoilt)
    }
}
