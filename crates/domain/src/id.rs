//! Identifiers.
//!
//! Records and the entries inside them are named by UUIDv7 (RFC 9562), made on the device that
//! writes them, so that nothing has to be asked of a server before a worker can write. People,
//! areas and departments are named by the codes that the district already uses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::environment::Entropy;

/// A text that is not an identifier of the wanted form.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not a {what}: expected a UUID such as 0190b5a0-7c1e-7000-8000-000000000001")]
pub struct InvalidId {
    /// What was expected.
    pub what: &'static str,
    /// What was given, cut to 64 characters.
    pub text: String,
}

fn new_v7(now_ms: i64, entropy: &mut dyn Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now_ms).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new id from the device's time in milliseconds and 10 random bytes.
            pub fn new(now_ms: i64, entropy: &mut dyn Entropy) -> Self {
                Self(new_v7(now_ms, entropy))
            }

            /// The id as 16 bytes, big-endian as in RFC 9562.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// An id from its 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId {
                    what: stringify!($name),
                    text: text.chars().take(64).collect(),
                })
            }
        }
    };
}

uuid_id! {
    /// Names one record (记录): one Automerge document.
    RecordId
}
uuid_id! {
    /// Names one entry inside a record: a comment, a check, a photo reference or a proposal.
    EntryId
}
uuid_id! {
    /// Names one enrolled installation of the app.
    DeviceId
}

/// Makes ids of entries that sort in the order in which they were made.
///
/// The entries of one form are written at one moment. Their ids count up from the first, which alone is
/// random (RFC 9562 section 6.2, method 2): a checklist stays in its order, and on the wire an id that
/// follows another takes a byte instead of ten.
#[derive(Debug, Clone, Default)]
pub struct EntryIds {
    last: Option<EntryId>,
}

impl EntryIds {
    /// Makes a new id from the device's time in milliseconds: the one after the last, if that was made
    /// in the same millisecond.
    pub fn make(&mut self, now_ms: i64, entropy: &mut dyn Entropy) -> EntryId {
        let fresh = EntryId::new(now_ms, entropy);
        let id = match self.last.and_then(EntryId::next) {
            Some(next) if next.0.as_bytes()[..6] == fresh.0.as_bytes()[..6] => next,
            _ => fresh,
        };
        self.last = Some(id);
        id
    }
}

impl EntryId {
    /// The id after this one in the same millisecond; `None` after the last that its random bits have.
    fn next(self) -> Option<Self> {
        /// Behind the bits of the variant.
        const LAST: u128 = (1 << 62) - 1;
        let bits = self.0.as_u128();
        (bits & LAST != LAST).then(|| Self(Uuid::from_u128(bits + 1)))
    }
}

macro_rules! code_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the code as the district writes it.
            pub fn new(code: impl Into<String>) -> Self {
                Self(code.into())
            }

            /// The code as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(code: &str) -> Self {
                Self(code.to_owned())
            }
        }
    };
}

code_id! {
    /// Names a person by staff number (工号), or an intake channel.
    PersonId
}
code_id! {
    /// Names an area by its code; see [`crate::reference::Area`].
    AreaCode
}
code_id! {
    /// Names a department (部门) as the catalogue does, for example 城管.
    Department
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::SeededEntropy;

    #[test]
    fn ids_made_later_sort_later() {
        let mut entropy = SeededEntropy::new(1);
        let early = RecordId::new(1_000, &mut entropy);
        let late = RecordId::new(2_000, &mut entropy);
        assert!(early < late);
    }

    #[test]
    fn entries_of_one_moment_sort_in_the_order_in_which_they_were_made() {
        let mut entropy = SeededEntropy::new(1);
        let mut ids = EntryIds::default();
        let made: Vec<EntryId> = (0..100).map(|_| ids.make(1_000, &mut entropy)).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
        let later = ids.make(1_001, &mut entropy);
        assert!(made.iter().all(|id| *id < later));
    }

    #[test]
    fn two_phones_at_one_moment_make_different_ids() {
        let mut ids = [1, 2].map(|seed| (EntryIds::default(), SeededEntropy::new(seed)));
        let [mut one, mut other] = ids.each_mut().map(|(ids, entropy)| {
            let made: Vec<EntryId> = (0..100).map(|_| ids.make(1_000, entropy)).collect();
            made
        });
        one.append(&mut other);
        one.sort_unstable();
        assert!(one.is_sorted_by(|a, b| a < b), "an id was made twice");
    }

    #[test]
    fn behind_the_last_id_of_a_moment_comes_a_random_one() {
        let mut bytes = [0xff; 16];
        bytes[..9].copy_from_slice(&[0, 0, 0, 0, 3, 232, 0x7f, 0xff, 0xbf]);
        let mut ids = EntryIds {
            last: Some(EntryId::from_bytes(bytes)),
        };
        let id = ids.make(1_000, &mut SeededEntropy::new(1));
        assert_eq!(id.as_bytes()[6] >> 4, 7);
        assert_eq!(id.as_bytes()[8] >> 6, 2);
    }

    #[test]
    fn an_id_survives_its_text() {
        let id = RecordId::new(1_700_000_000_000, &mut SeededEntropy::new(7));
        assert_eq!(id.to_string().parse::<RecordId>(), Ok(id));
        assert!("not an id".parse::<RecordId>().is_err());
    }
}
