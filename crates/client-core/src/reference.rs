//! Reference data on the phone: typed, read once, and read again when sync brought a newer version.

use std::sync::Arc;

use gridlog_domain::deadline::Timetable;
use gridlog_domain::record::ReferenceVersions;
use gridlog_domain::reference::{AreaTree, Calendar, Catalogue, Checklists, Part, Staff};
use gridlog_domain::triage::Triage;
use gridlog_protocol::{PartUpdate, PartVersion};
use rusqlite::{Connection, OptionalExtension};
use serde::de::DeserializeOwned;

use crate::error::PhoneError;
use crate::phone::Phone;

/// What the district decided once, as this phone has it. Parts that no sync has brought yet are
/// empty or absent.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    versions: ReferenceVersions,
    areas: AreaTree,
    catalogue: Option<Catalogue>,
    checklists: Option<Checklists>,
    calendar: Option<Calendar>,
    timetable: Option<Timetable>,
    staff: Staff,
}

impl Reference {
    /// The versions that the phone has, by part.
    pub const fn versions(&self) -> &ReferenceVersions {
        &self.versions
    }

    /// Areas; empty before the first sync.
    pub const fn areas(&self) -> &AreaTree {
        &self.areas
    }

    /// Categories, filing conditions and limits.
    pub const fn catalogue(&self) -> Option<&Catalogue> {
        self.catalogue.as_ref()
    }

    /// Checklist templates.
    pub const fn checklists(&self) -> Option<&Checklists> {
        self.checklists.as_ref()
    }

    /// Working days.
    pub const fn calendar(&self) -> Option<&Calendar> {
        self.calendar.as_ref()
    }

    /// The calendar, ready for counting; `None` too for one that cannot be counted by.
    pub const fn timetable(&self) -> Option<&Timetable> {
        self.timetable.as_ref()
    }

    /// Names of the staff; empty before the first sync.
    pub const fn staff(&self) -> &Staff {
        &self.staff
    }

    fn load(connection: &Connection, versions: ReferenceVersions) -> Result<Self, PhoneError> {
        let calendar: Option<Calendar> = read(connection, Part::Calendar)?;
        Ok(Self {
            timetable: calendar
                .as_ref()
                .and_then(|calendar| Timetable::new(calendar).ok()),
            areas: read(connection, Part::Areas)?.unwrap_or_default(),
            catalogue: read(connection, Part::Catalogue)?,
            checklists: read(connection, Part::Checklists)?,
            calendar,
            staff: read(connection, Part::Staff)?.unwrap_or_default(),
            versions,
        })
    }
}

fn read<T: DeserializeOwned>(connection: &Connection, part: Part) -> Result<Option<T>, PhoneError> {
    let json: Option<String> = connection
        .query_row(
            "SELECT json FROM parts WHERE name = ?1",
            [part.name()],
            |row| row.get(0),
        )
        .optional()?;
    let typed = json.map(|json| serde_json::from_str(&json)).transpose();
    typed.map_err(|_| PhoneError::StoreDamaged {
        what: "part of the reference data",
    })
}

/// The versions in the store, by part.
fn versions(connection: &Connection) -> Result<ReferenceVersions, PhoneError> {
    let mut statement = connection.prepare_cached("SELECT name, version FROM parts")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a request says about the parts that the phone has.
pub(crate) fn part_versions(connection: &Connection) -> Result<Vec<PartVersion>, PhoneError> {
    let known = versions(connection)?;
    let versions = Part::FOR_PHONES.into_iter().map(|part| PartVersion {
        part: part.name().to_owned(),
        version: known.get(part.name()).copied().unwrap_or(0),
    });
    Ok(versions.collect())
}

/// Stores a part that a page brought. One that this app cannot read is left out, so that it holds
/// up nothing else; the phone goes on with what it has.
pub(crate) fn store_part(connection: &Connection, update: &PartUpdate) -> Result<(), PhoneError> {
    let Some(json) =
        Part::from_name(&update.part).and_then(|part| sound_json(part, &update.json.0))
    else {
        tracing::warn!(part = %update.part.chars().take(32).collect::<String>(),
            version = update.version, "a part of the reference data cannot be read here");
        return Ok(());
    };
    connection.execute(
        "INSERT OR REPLACE INTO parts (name, version, json) VALUES (?1, ?2, ?3)",
        (&update.part, update.version, json),
    )?;
    Ok(())
}

fn sound_json(part: Part, bytes: &[u8]) -> Option<&str> {
    fn is<T: DeserializeOwned>(text: &str) -> bool {
        serde_json::from_str::<T>(text).is_ok()
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let sound = match part {
        Part::Areas => is::<AreaTree>(text),
        Part::Catalogue => is::<Catalogue>(text),
        Part::Checklists => is::<Checklists>(text),
        Part::Calendar => is::<Calendar>(text),
        Part::Staff => is::<Staff>(text),
        Part::Triage => is::<Triage>(text),
    };
    sound.then_some(text)
}

impl Phone {
    /// The reference data, as of the last sync. Cheap unless a sync brought something new.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn reference(&self) -> Result<Arc<Reference>, PhoneError> {
        self.inner
            .store
            .read(|connection| self.inner.reference(connection))
    }
}

impl crate::phone::Inner {
    /// The reference data that `connection` sees.
    pub(crate) fn reference(&self, connection: &Connection) -> Result<Arc<Reference>, PhoneError> {
        let versions = versions(connection)?;
        let mut cached = crate::phone::lock(&self.reference);
        if cached.versions != versions {
            *cached = Arc::new(Reference::load(connection, versions)?);
        }
        Ok(Arc::clone(&cached))
    }
}
