//! What the person may see, by number, and how far the walk through it is.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::meta;
use crate::error::PhoneError;

/// Most audiences that have numbers at once: one bit each in 63.
const MOST: i64 = 63;

/// An audience of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Audience {
    /// Its bit.
    pub(crate) number: i64,
    /// Its name; see [`gridlog_protocol::audience`].
    pub(crate) name: String,
    /// Whether every record of it is here.
    pub(crate) walked: bool,
}

/// All of them.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Audience>, PhoneError> {
    let mut statement =
        connection.prepare_cached("SELECT number, name, walked FROM audiences ORDER BY number")?;
    let rows = statement.query_map([], |row| {
        Ok(Audience {
            number: row.get(0)?,
            name: row.get(1)?,
            walked: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Replaces what the person may see. Audiences that stay keep their numbers; what only lost ones
/// showed leaves; new ones are walked through from the beginning.
pub(crate) fn replace(connection: &Connection, names: &[String]) -> Result<(), PhoneError> {
    let known = all(connection)?;
    for lost in known.iter().filter(|known| !names.contains(&known.name)) {
        connection.execute("DELETE FROM audiences WHERE number = ?1", [lost.number])?;
        connection.execute(
            "UPDATE records SET seen_by = seen_by & ~(1 << ?1),
                 out_of_scope = CASE WHEN seen_by & ~(1 << ?1) = 0 AND as_of > 0
                                THEN 1 ELSE out_of_scope END
             WHERE seen_by & (1 << ?1) <> 0",
            [lost.number],
        )?;
    }
    let taken: BTreeSet<i64> = all(connection)?.iter().map(|known| known.number).collect();
    let mut free = (0..MOST).filter(|number| !taken.contains(number));
    for name in names {
        if known.iter().any(|known| &known.name == name) {
            continue;
        }
        let number = free.next().ok_or(PhoneError::BadPage {
            what: "it names more audiences than there may be",
        })?;
        connection.execute(
            "INSERT INTO audiences (number, name, walked) VALUES (?1, ?2, 0)",
            (number, name),
        )?;
        meta::WALKED.clear(connection)?;
    }
    let list = serde_json::to_string(names);
    let list = list.map_err(|_| PhoneError::StoreDamaged { what: "audience" })?;
    meta::AUDIENCES.set(connection, list)
}

/// Everything is here: the walk is over.
pub(crate) fn mark_walked(connection: &Connection) -> Result<(), PhoneError> {
    connection.execute("UPDATE audiences SET walked = 1", [])?;
    meta::WALKED.clear(connection)
}

/// Translates the server's bits into this store's.
pub(crate) struct Numbering(Vec<Option<i64>>);

impl Numbering {
    /// The numbering as of the last profile.
    pub(crate) fn read(connection: &Connection) -> Result<Self, PhoneError> {
        let damaged = |_| PhoneError::StoreDamaged { what: "audience" };
        let names: Vec<String> = match meta::AUDIENCES.get(connection)? {
            Some(json) => serde_json::from_str(&json).map_err(damaged)?,
            None => Vec::new(),
        };
        let known = all(connection)?;
        let number = |name: &String| {
            let found = known.iter().find(|known| &known.name == name);
            found.map(|known| known.number)
        };
        Ok(Self(names.iter().map(number).collect()))
    }

    /// This store's bits for the server's.
    pub(crate) fn translate(&self, seen_by: u64) -> i64 {
        let mut bits = 0;
        for (place, number) in self.0.iter().enumerate() {
            let is_set = place < 64 && seen_by & (1 << place) != 0;
            if let Some(number) = number.filter(|_| is_set) {
                bits |= 1 << number;
            }
        }
        bits
    }
}
