//! Stores are sound: what is kept ready is what would be computed.

use std::collections::BTreeSet;

use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::workflow::CaseState;
use gridlog_protocol::{Fact, ScopePrint, audience};
use gridlog_sync_server::store::{ExchangeQuery, Store};
use rusqlite::Connection;

use super::{unread, whole_log};
use crate::broken::Broken;
use crate::handset;
use crate::world::World;

impl World {
    /// Checks the server's store, and the files of all machines.
    pub(super) fn check_stores(&mut self, store: &dyn Store) -> Result<(), Broken> {
        let records = self.check_audiences(store)?;
        self.check_folds(store, &records)?;
        self.check_files()
    }

    /// Who sees a record follows from where it lives, who has it and who wrote in it.
    fn check_audiences(
        &mut self,
        store: &dyn Store,
    ) -> Result<Vec<(RecordId, BTreeSet<String>)>, Broken> {
        let Some(running) = self.house.running() else {
            return Ok(Vec::new());
        };
        let directory = running.directory.now();
        let mut ids: BTreeSet<RecordId> = BTreeSet::new();
        for (entry, _) in whole_log(store)? {
            if matches!(entry.fact, Fact::Admit { .. }) {
                ids.insert(RecordId::from_bytes(entry.record.0));
            }
        }
        let mut records = Vec::new();
        for id in ids {
            let Some(row) = store.record(id).map_err(|error| unread(&error))? else {
                continue;
            };
            let area = AreaCode::new(row.area.clone());
            let mut should: BTreeSet<String> =
                directory.area_audiences(&area).into_iter().collect();
            let state = row.state.as_deref().map(serde_json::from_str::<CaseState>);
            if let Some(Ok(state)) = &state {
                let departments = state.departments();
                should.extend(departments.map(|name| audience::department(name.as_str())));
            }
            let changes = store.record_changes(id).map_err(|error| unread(&error))?;
            should.extend(
                changes
                    .iter()
                    .map(|change| audience::person(&change.person)),
            );
            let has = store.audiences_of(id).map_err(|error| unread(&error))?;
            let has: BTreeSet<String> = has.into_iter().collect();
            if has != should {
                return Err(Broken::new(
                    "those see a record who should",
                    format!("{id}: {has:?}, should be {should:?}"),
                ));
            }
            if !row.archived {
                records.push((id, should));
            }
        }
        Ok(records)
    }

    /// The prints of a scope are those of its records.
    fn check_folds(
        &mut self,
        store: &dyn Store,
        records: &[(RecordId, BTreeSet<String>)],
    ) -> Result<(), Broken> {
        let Some(running) = self.house.running() else {
            return Ok(());
        };
        let directory = running.directory.now();
        for person in directory.people.keys() {
            let audiences = directory.audiences(person, self.time.now_ms());
            let mut fold = ScopePrint::EMPTY;
            let mut count = 0;
            for (id, of_record) in records {
                let row = store.record(*id).map_err(|error| unread(&error))?;
                let shared = audiences.iter().filter(|name| of_record.contains(*name));
                let shared = shared.count();
                count += usize::from(shared > 0);
                if let Some(row) = row {
                    fold.add(row.print(), u32::try_from(shared).unwrap_or(u32::MAX));
                }
            }
            let told = store.exchange(&ExchangeQuery {
                device: gridlog_domain::id::DeviceId::from_bytes([0; 16]),
                actors: Vec::new(),
                items: Vec::new(),
                audiences: audiences.clone(),
                after: None,
                walk: None,
                wants: Vec::new(),
                recall: None,
                max_entries: 1,
                target_bytes: 1,
            });
            let told = told.map_err(|error| unread(&error))?;
            let listed = store.prints(&audiences).map_err(|error| unread(&error))?;
            if told.scope != fold || listed.len() != count {
                return Err(Broken::new(
                    "the prints of a scope are those of its records",
                    format!("for {person}: {} records, should be {count}", listed.len()),
                ));
            }
        }
        Ok(())
    }

    fn check_files(&mut self) -> Result<(), Broken> {
        let path = self.house.machine.path("server.db");
        check_file("the server", &path, None)?;
        for handset in &self.handsets {
            if handset.is_usable() {
                let path = handset.machine.path(handset::FILE);
                check_file(&handset.name(), &path, Some(handset::KEY))?;
            }
        }
        Ok(())
    }
}

fn check_file(name: &str, path: &std::path::Path, key: Option<[u8; 32]>) -> Result<(), Broken> {
    let check = || -> rusqlite::Result<String> {
        let connection = Connection::open(path)?;
        if let Some(key) = key {
            connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
            connection.execute_batch(&format!("PRAGMA key = \"x'{}'\"", hex::encode(key)))?;
        }
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))
    };
    match check() {
        Ok(said) if said == "ok" => Ok(()),
        Ok(said) => Err(Broken::new("files are sound", format!("{name}: {said}"))),
        Err(error) => Err(Broken::new("files are sound", format!("{name}: {error}"))),
    }
}
