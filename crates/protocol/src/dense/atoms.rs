//! Things that come back: ids, hashes, texts and numbers, and how each is told.
//!
//! What was said before is named by its distance, so that records of one form say the same in the same
//! places, which compresses to nothing. Both sides keep the same memory of what was said.

use std::rc::Rc;

use foldhash::HashMap;

use super::Spoilt;
use super::memory::Memory;
use super::streams::{Reader, Writer};
use super::vocabulary;

/// How something known is named: by when it was said, which is the same in records of one form, or by
/// where it stands from what was named last, which suits lists about many records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Distance,
    Step,
}

/// Whether a text stands as a name, the same in every record, or says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    Name,
    Value,
}

/// Where a number stands. What stands there mostly goes on from what stood there before.
pub(super) type Place = u64;

pub(super) fn place_within(place: Place, part: u64) -> Place {
    (place ^ part.wrapping_add(0x9e37_79b9_7f4a_7c15))
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        .rotate_left(29)
}

pub(super) fn place_of_name(name: &str) -> Place {
    name.bytes()
        .fold(7, |place, byte| place_within(place, u64::from(byte)))
}

const UUID_TIME: Place = 1;
pub(super) const CHANGE_TIME: Place = 2;

const ID_TIMED: usize = 0;
const ID_RANDOM: usize = 1;
const ID_NEXT: usize = 2;
const ID_KNOWN: usize = 3;

const DIGEST_NEW: usize = 0;
const DIGEST_KNOWN: usize = 1;

const TEXT_NEW: usize = 0;
const TEXT_WORD: usize = 1;
const TEXT_UUID: usize = 2;
const TEXT_DIGEST: usize = 3;
const TEXT_DIGITS: usize = 4;
const TEXT_KNOWN: usize = 5;

/// Texts below this many bytes are told anew unless they were said a moment ago: naming them would
/// take as much and would differ from record to record.
const SHORT: usize = 6;
const MOMENT: usize = 96;

/// Numbers from here on are mostly times, and are said several times.
const LARGE: u64 = 1 << 28;
const RECENT: usize = 4;

/// What both sides remember.
#[derive(Debug, Default)]
pub(super) struct Atoms {
    ids: Memory<[u8; 16]>,
    digests: Memory<[u8; 32]>,
    texts: Memory<Rc<str>>,
    newest_id: [u8; 16],
    /// The last number at each place.
    standing: HashMap<Place, i64>,
    /// Large numbers said last, the last one first.
    recent: Vec<i64>,
}

impl Atoms {
    // Numbers.

    /// What a number at a place is told as the difference from.
    fn expected(&self, place: Place) -> i64 {
        self.standing.get(&place).copied().unwrap_or(0)
    }

    fn note_number(&mut self, value: i64, place: Place) {
        self.standing.insert(place, value);
        if value.unsigned_abs() < LARGE {
            return;
        }
        match self.recent.iter().position(|recent| *recent == value) {
            Some(at) => self.recent[..=at].rotate_right(1),
            None => {
                self.recent.truncate(RECENT - 1);
                self.recent.insert(0, value);
            }
        }
    }

    pub(super) fn put_number(&mut self, out: &mut Writer, value: i64, place: Place) {
        match self.recent.iter().position(|recent| *recent == value) {
            Some(at) => out.count(at + 1),
            None => {
                out.count(0);
                out.signed(value.wrapping_sub(self.expected(place)));
            }
        }
        self.note_number(value, place);
    }

    pub(super) fn take_number(
        &mut self,
        from: &mut Reader<'_>,
        place: Place,
    ) -> Result<i64, Spoilt> {
        let value = match from.count()? {
            0 => from.signed()?.wrapping_add(self.expected(place)),
            at => *self.recent.get(at - 1).ok_or(Spoilt)?,
        };
        self.note_number(value, place);
        Ok(value)
    }

    /// A time that is said for the first time at `place`: near one that was said just now.
    pub(super) fn put_time(&mut self, out: &mut Writer, value: i64, place: Place) {
        self.expect_time(place);
        self.put_number(out, value, place);
    }

    pub(super) fn take_time(&mut self, from: &mut Reader<'_>, place: Place) -> Result<i64, Spoilt> {
        self.expect_time(place);
        self.take_number(from, place)
    }

    fn expect_time(&mut self, place: Place) {
        if let Some(recent) = self.recent.first() {
            self.standing.insert(place, *recent);
        }
    }

    // Ids.

    pub(super) fn put_id(&mut self, out: &mut Writer, id: [u8; 16], by: By) {
        if let Some(place) = self.ids.find(&id) {
            match by {
                By::Distance => out.count(ID_KNOWN + self.ids.distance(place)),
                By::Step => {
                    out.count(ID_KNOWN);
                    out.signed_kind(self.ids.step(place));
                }
            }
            self.ids.say(place);
            return;
        }
        let ahead = u128::from_be_bytes(id).wrapping_sub(u128::from_be_bytes(self.newest_id));
        if (1..=64).contains(&ahead) {
            out.count(ID_NEXT);
            out.count((ahead - 1) as usize);
        } else if is_timed(&id) {
            out.count(ID_TIMED);
            let bits = u128::from_be_bytes(id);
            self.put_time(out, ((bits >> 80) as u64).cast_signed(), UUID_TIME);
            // 12 and 62 random bits, around the version and the variant.
            let random = ((bits >> 64) & 0xfff) << 62 | (bits & ((1 << 62) - 1));
            out.raw(&random.to_be_bytes()[7..]);
            out.number((random >> 72) as u64);
        } else {
            out.count(ID_RANDOM);
            out.raw(&id);
        }
        self.newest_id = id;
        self.ids.add_findable(id);
    }

    pub(super) fn take_id(&mut self, from: &mut Reader<'_>, by: By) -> Result<[u8; 16], Spoilt> {
        let id = match from.count()? {
            ID_NEXT => {
                let ahead = (from.count()?.min(64) + 1) as u128;
                u128::from_be_bytes(self.newest_id)
                    .wrapping_add(ahead)
                    .to_be_bytes()
            }
            ID_TIMED => {
                let time = self.take_time(from, UUID_TIME)?.cast_unsigned();
                let low: [u8; 9] = from.array()?;
                let mut bytes = [0; 16];
                bytes[7..].copy_from_slice(&low);
                let random = u128::from_be_bytes(bytes) | u128::from(from.number()? & 3) << 72;
                let bits = u128::from(time) << 80
                    | 7 << 76
                    | (random >> 62) << 64
                    | 2 << 62
                    | (random & ((1 << 62) - 1));
                bits.to_be_bytes()
            }
            ID_RANDOM => from.array()?,
            known => {
                let place = match by {
                    By::Distance => self.ids.at_distance(known - ID_KNOWN)?,
                    By::Step => self.ids.at_step(from.signed_kind()?)?,
                };
                self.ids.say(place);
                return self.ids.get(place);
            }
        };
        self.newest_id = id;
        self.ids.add(id);
        Ok(id)
    }

    // Hashes.

    /// Both sides have the bytes behind this hash.
    pub(super) fn learn_digest(&mut self, digest: [u8; 32]) {
        if self.digests.find(&digest).is_none() {
            self.digests.add_findable(digest);
        }
    }

    pub(super) fn put_digest(&mut self, out: &mut Writer, digest: [u8; 32], by: By) {
        match self.digests.find(&digest) {
            Some(place) => {
                match by {
                    By::Distance => out.count(DIGEST_KNOWN + self.digests.distance(place)),
                    By::Step => {
                        out.count(DIGEST_KNOWN);
                        out.signed_kind(self.digests.step(place));
                    }
                }
                self.digests.say(place);
            }
            None => {
                out.count(DIGEST_NEW);
                out.raw(&digest);
                self.digests.add_findable(digest);
            }
        }
    }

    pub(super) fn take_digest(
        &mut self,
        from: &mut Reader<'_>,
        by: By,
    ) -> Result<[u8; 32], Spoilt> {
        let known = from.count()?;
        if known == DIGEST_NEW {
            let digest = from.array()?;
            self.learn_digest(digest);
            return Ok(digest);
        }
        let place = match by {
            By::Distance => self.digests.at_distance(known - DIGEST_KNOWN)?,
            By::Step => self.digests.at_step(from.signed_kind()?)?,
        };
        self.digests.say(place);
        self.digests.get(place)
    }

    // Texts.

    pub(super) fn put_text(&mut self, out: &mut Writer, text: &str, stands: As) {
        if let Some(word) = vocabulary::number_of(text) {
            out.count(TEXT_WORD);
            match stands {
                As::Name => out.kind(word),
                As::Value => out.words.push(word),
            }
            return;
        }
        if let Some(id) = uuid(text) {
            out.count(TEXT_UUID);
            return self.put_id(out, id, By::Distance);
        }
        if let Some(digest) = digest_in_hex(text) {
            out.count(TEXT_DIGEST);
            return self.put_digest(out, digest, By::Distance);
        }
        if let Some(number) = digits(text) {
            out.count(TEXT_DIGITS);
            out.count(text.len());
            return self.put_number(out, number, DIGITS + text.len() as u64);
        }
        if let Some(place) = self.texts.find(text) {
            let distance = self.texts.distance(place);
            if text.len() >= SHORT || distance <= MOMENT {
                out.count(TEXT_KNOWN + distance - 1);
                self.texts.say(place);
                return;
            }
            out.count(TEXT_NEW);
            out.text(text);
            self.texts.say(place);
            return;
        }
        out.count(TEXT_NEW);
        out.text(text);
        self.texts.add_findable(text.into());
    }

    pub(super) fn take_text(
        &mut self,
        from: &mut Reader<'_>,
        stands: As,
    ) -> Result<Rc<str>, Spoilt> {
        let kind = from.count()?;
        Ok(match kind {
            TEXT_WORD => {
                let number = match stands {
                    As::Name => from.kind()?,
                    As::Value => from.word()?,
                };
                vocabulary::word(number).ok_or(Spoilt)?.into()
            }
            TEXT_UUID => uuid_text(self.take_id(from, By::Distance)?).into(),
            TEXT_DIGEST => hex::encode(self.take_digest(from, By::Distance)?).into(),
            TEXT_DIGITS => {
                let length = from.count()?;
                let place = DIGITS.checked_add(length as u64).ok_or(Spoilt)?;
                let number = self.take_number(from, place)?;
                if length > MOST_DIGITS {
                    return Err(Spoilt);
                }
                format!("{number:0length$}").into()
            }
            TEXT_NEW => {
                let text: Rc<str> = from.text()?.into();
                match self.texts.find(&text) {
                    Some(place) => self.texts.say(place),
                    None => self.texts.add_findable(text.clone()),
                }
                text
            }
            known => {
                let place = self.texts.at_distance(known - TEXT_KNOWN + 1)?;
                self.texts.say(place);
                self.texts.get(place)?
            }
        })
    }
}

const DIGITS: Place = 1 << 32;
const MOST_DIGITS: usize = 18;

fn digits(text: &str) -> Option<i64> {
    let is_number =
        (1..=MOST_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

const fn is_timed(id: &[u8; 16]) -> bool {
    id[6] >> 4 == 7 && id[8] >> 6 == 2
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 || [8, 13, 18, 23].iter().any(|at| bytes[*at] != b'-') {
        return None;
    }
    let mut id = [0; 16];
    let mut nibbles = bytes.iter().filter(|byte| **byte != b'-');
    for byte in &mut id {
        *byte = nibble(*nibbles.next()?)? << 4 | nibble(*nibbles.next()?)?;
    }
    nibbles.next().is_none().then_some(id)
}

/// Lower case only: upper case would not come back.
const fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

fn uuid_text(id: [u8; 16]) -> String {
    let hex = hex::encode(id);
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

fn digest_in_hex(text: &str) -> Option<[u8; 32]> {
    let is_hex = text.len() == 64 && text.bytes().all(|byte| nibble(byte).is_some());
    let mut digest = [0; 32];
    (is_hex && hex::decode_to_slice(text, &mut digest).is_ok()).then_some(digest)
}
