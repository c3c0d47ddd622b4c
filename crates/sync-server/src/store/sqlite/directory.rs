//! People, areas, reference data and devices in SQLite.

use gridlog_domain::id::{DeviceId, PersonId};
use gridlog_domain::reference::{Area, Part as PartKind};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{facts, tallies};
use crate::outside::Claim;
use crate::store::error::StoreError;
use crate::store::model::{Device, Part, StoredPerson};

fn to_json(what: &'static str, id: &str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Damaged {
        what,
        id: id.to_owned(),
    })
}

fn from_json<T: DeserializeOwned>(
    what: &'static str,
    id: &str,
    json: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Damaged {
        what,
        id: id.to_owned(),
    })
}

pub(super) fn people(tx: &Transaction<'_>) -> Result<Vec<StoredPerson>, StoreError> {
    let mut query = tx.prepare_cached("SELECT id, json, password_hash FROM people ORDER BY id")?;
    let rows = query.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get(2)?,
        ))
    })?;
    let mut people = Vec::new();
    for row in rows {
        let (id, json, password_hash) = row?;
        people.push(StoredPerson {
            person: from_json("person", &id, &json)?,
            password_hash,
        });
    }
    Ok(people)
}

pub(super) fn put_people(tx: &Transaction<'_>, people: &[StoredPerson]) -> Result<(), StoreError> {
    for stored in people {
        let id = stored.person.id.as_str();
        let json = to_json("person", id, &stored.person)?;
        tx.prepare_cached(
            "INSERT INTO people (id, json, password_hash) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET json = ?2,
                 password_hash = coalesce(?3, password_hash)",
        )?
        .execute(params![id, json, stored.password_hash])?;
    }
    Ok(())
}

pub(super) fn areas(tx: &Transaction<'_>) -> Result<Vec<Area>, StoreError> {
    let mut query = tx.prepare_cached("SELECT code, json FROM areas ORDER BY code")?;
    let rows = query.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut areas = Vec::new();
    for row in rows {
        let (code, json) = row?;
        areas.push(from_json("area", &code, &json)?);
    }
    Ok(areas)
}

pub(super) fn put_areas(tx: &Transaction<'_>, areas: &[Area]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM areas", [])?;
    for area in areas {
        let code = area.code.as_str();
        tx.prepare_cached("INSERT INTO areas (code, json) VALUES (?1, ?2)")?
            .execute(params![code, to_json("area", code, area)?])?;
    }
    Ok(())
}

pub(super) fn parts(tx: &Transaction<'_>) -> Result<Vec<Part>, StoreError> {
    let mut query = tx.prepare_cached("SELECT name, version, json FROM parts ORDER BY name")?;
    let rows = query.query_map([], |row| {
        Ok(Part {
            name: row.get(0)?,
            version: row.get(1)?,
            json: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put_part(tx: &Transaction<'_>, part: &Part) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO parts (name, version, json) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET version = ?2, json = ?3",
    )?
    .execute(params![part.name, part.version, part.json])?;
    if part.name == PartKind::Calendar.name() {
        facts::count_by_new_calendar(tx)?;
    }
    Ok(())
}

pub(super) fn add_device(tx: &Transaction<'_>, device: &Device) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO devices (id, person, name, enrolled_ms, revoked_ms, last_sync_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        device.id.as_bytes(),
        device.person.as_str(),
        device.name,
        device.enrolled_ms,
        device.revoked_ms,
        device.last_sync_ms
    ])?;
    Ok(())
}

const DEVICE: &str = "SELECT id, person, name, enrolled_ms, revoked_ms, last_sync_ms FROM devices";

fn read_device(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        id: DeviceId::from_bytes(row.get(0)?),
        person: PersonId::new(row.get::<_, String>(1)?),
        name: row.get(2)?,
        enrolled_ms: row.get(3)?,
        revoked_ms: row.get(4)?,
        last_sync_ms: row.get(5)?,
    })
}

pub(super) fn device(tx: &Transaction<'_>, id: DeviceId) -> Result<Option<Device>, StoreError> {
    let mut query = tx.prepare_cached(&format!("{DEVICE} WHERE id = ?1"))?;
    Ok(query
        .query_row(params![id.as_bytes()], read_device)
        .optional()?)
}

pub(super) fn devices_of(
    tx: &Transaction<'_>,
    person: &PersonId,
) -> Result<Vec<Device>, StoreError> {
    let mut query =
        tx.prepare_cached(&format!("{DEVICE} WHERE person = ?1 ORDER BY enrolled_ms"))?;
    let rows = query.query_map(params![person.as_str()], read_device)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn revoke_device(
    tx: &Transaction<'_>,
    id: DeviceId,
    at_ms: i64,
) -> Result<bool, StoreError> {
    let changed = tx
        .prepare_cached("UPDATE devices SET revoked_ms = coalesce(revoked_ms, ?2) WHERE id = ?1")?
        .execute(params![id.as_bytes(), at_ms])?;
    Ok(changed > 0)
}

pub(super) fn note_sync(tx: &Transaction<'_>, id: DeviceId, at_ms: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE devices SET last_sync_ms = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), at_ms])?;
    Ok(())
}

pub(super) fn add_actor(
    tx: &Transaction<'_>,
    actor: [u8; 16],
    device: DeviceId,
    at_ms: i64,
) -> Result<(), StoreError> {
    let owner: Option<[u8; 16]> = tx
        .prepare_cached("SELECT device FROM actors WHERE actor = ?1")?
        .query_row(params![actor], |row| row.get(0))
        .optional()?;
    match owner {
        Some(owner) if &owner == device.as_bytes() => Ok(()),
        Some(_) => Err(StoreError::ActorTaken),
        None if wrote_for_another(tx, actor, device)? => Err(StoreError::ActorTaken),
        None => {
            tx.prepare_cached(
                "INSERT INTO actors (actor, device, registered_ms) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![actor, device.as_bytes(), at_ms])?;
            tallies::join_actor(tx, device, actor)
        }
    }
}

/// Whether the log has changes of the actor by somebody else than the device's person: it is an office's,
/// or its device came after the backup from which this store was restored.
fn wrote_for_another(
    tx: &Transaction<'_>,
    actor: [u8; 16],
    device: DeviceId,
) -> Result<bool, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT 1 FROM changes WHERE actor = ?1
             AND person <> (SELECT person FROM devices WHERE id = ?2)",
    )?;
    Ok(query.exists(params![actor, device.as_bytes()])?)
}

/// Stands for the device of an office's own actors.
pub(super) const NO_DEVICE: [u8; 16] = [0; 16];

pub(super) fn actor_is_free(
    tx: &Transaction<'_>,
    actor: [u8; 16],
    person: &PersonId,
) -> Result<bool, StoreError> {
    let mut taken = tx.prepare_cached(
        "SELECT 1 FROM actors WHERE actor = ?1
         UNION ALL SELECT 1 FROM changes WHERE actor = ?1 AND person <> ?2",
    )?;
    Ok(!taken.exists(params![actor, person.as_str()])?)
}

pub(super) fn claims(tx: &Transaction<'_>) -> Result<Vec<Claim>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT a.actor, a.device, coalesce(d.person, ''), a.registered_ms
         FROM actors a LEFT JOIN devices d ON d.id = a.device",
    )?;
    let rows = query.query_map([], |row| {
        let device: [u8; 16] = row.get(1)?;
        Ok(Claim {
            actor: row.get(0)?,
            device: (device != NO_DEVICE).then(|| DeviceId::from_bytes(device)),
            person: PersonId::new(row.get::<_, String>(2)?),
            at_ms: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn claim_again(tx: &Transaction<'_>, claims: &[Claim]) -> Result<usize, StoreError> {
    let mut again = 0;
    for claim in claims {
        if !actor_is_free(tx, claim.actor, &claim.person)? {
            continue;
        }
        again += 1;
        let Some(id) = claim.device else {
            tx.prepare_cached(
                "INSERT INTO actors (actor, device, registered_ms) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![claim.actor, NO_DEVICE, claim.at_ms])?;
            continue;
        };
        if device(tx, id)?.is_none() {
            let forgotten = Device {
                id,
                person: claim.person.clone(),
                name: String::new(),
                enrolled_ms: claim.at_ms,
                revoked_ms: None,
                last_sync_ms: None,
            };
            add_device(tx, &forgotten)?;
        }
        add_actor(tx, claim.actor, id, claim.at_ms)?;
    }
    Ok(again)
}

pub(super) fn actors_of(
    tx: &Transaction<'_>,
    device: DeviceId,
) -> Result<Vec<[u8; 16]>, StoreError> {
    let mut query = tx.prepare_cached("SELECT actor FROM actors WHERE device = ?1")?;
    let rows = query.query_map(params![device.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
