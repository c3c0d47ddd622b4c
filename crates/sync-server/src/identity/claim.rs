//! Whose an actor is, in a way that a restore does not undo.
//!
//! Everybody reads actors in changes. A server that was put back does not know those that were claimed
//! after its backup, and whoever names one first would have it: its owner's changes, which phones give
//! back, would not fit behind the ones that a stranger wrote in the owner's name. So claims are noted
//! beside the database.

use std::collections::BTreeMap;

use crate::outside::{Claim, Outside};
use crate::store::{Store, StoreError};

/// Notes that an actor is about to be a device's.
///
/// # Errors
/// [`StoreError::ActorTaken`] if it is somebody else's.
pub fn note_claim(
    store: &dyn Store,
    outside: &dyn Outside,
    claim: &Claim,
) -> Result<(), StoreError> {
    if !store.actor_is_free(claim.actor, &claim.person)? {
        return Err(StoreError::ActorTaken);
    }
    Ok(outside.note_claims(std::slice::from_ref(claim))?)
}

/// Gives actors back to those who had claimed them and whom this store does not know, as it was restored
/// from a backup. `office` is the actor with which the server itself writes from now on. Returns how many
/// it gave back.
///
/// # Errors
/// [`StoreError`]; then the server must not serve.
pub fn claim_again(
    store: &dyn Store,
    outside: &dyn Outside,
    office: [u8; 16],
    now_ms: i64,
) -> Result<usize, StoreError> {
    // A device that could not be kept claims its actor once more, as another device.
    let noted: BTreeMap<[u8; 16], Claim> = outside
        .claims()?
        .into_iter()
        .map(|claim| (claim.actor, claim))
        .collect();
    let mut unnoted = store.claims()?;
    unnoted.retain(|claim| !noted.contains_key(&claim.actor));
    let office = Claim {
        actor: office,
        device: None,
        person: "".into(),
        at_ms: now_ms,
    };
    unnoted.push(office.clone());
    outside.note_claims(&unnoted)?;
    let noted: Vec<Claim> = noted.into_values().collect();
    let again = store.claim_again(&noted)?;
    store.claim_again(&[office])?;
    if again > 0 {
        tracing::warn!(
            actors = again,
            "actors that the database did not know are their owners' again"
        );
    }
    Ok(again)
}

#[cfg(test)]
mod tests {
    use gridlog_domain::id::DeviceId;

    use super::*;
    use crate::outside::OutsideMemory;
    use crate::store::{Device, SqliteStore};

    fn device(n: u8) -> Device {
        Device {
            id: DeviceId::from_bytes([n; 16]),
            person: "W001".into(),
            name: "手机".into(),
            enrolled_ms: 1,
            revoked_ms: None,
            last_sync_ms: None,
        }
    }

    fn store() -> (SqliteStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("district.db")).unwrap();
        (store, folder)
    }

    fn claim(store: &SqliteStore, outside: &OutsideMemory, n: u8, actor: u8) {
        let claim = Claim {
            actor: [actor; 16],
            device: Some(device(n).id),
            person: "W001".into(),
            at_ms: 5,
        };
        note_claim(store, outside, &claim).unwrap();
        store.add_actor([actor; 16], device(n).id, 5).unwrap();
    }

    #[test]
    fn a_restored_server_knows_whose_actors_are_that_its_backup_never_heard_of() {
        let outside = OutsideMemory::default();
        let (before, _folder) = store();
        before.add_device(&device(1), [1; 16]).unwrap();
        assert_eq!(claim_again(&before, &outside, [90; 16], 4).unwrap(), 0);
        claim(&before, &outside, 1, 11);
        before.adopt_device(&device(2)).unwrap();
        claim(&before, &outside, 2, 22);

        let (restored, _folder) = store();
        restored.add_device(&device(1), [1; 16]).unwrap();
        assert_eq!(claim_again(&restored, &outside, [91; 16], 9).unwrap(), 3);
        for actor in [11, 22, 90, 91] {
            let taken = restored.add_device(&device(3), [actor; 16]).unwrap_err();
            assert!(matches!(taken, StoreError::ActorTaken), "{actor}");
        }
        assert_eq!(restored.actors_of(device(1).id).unwrap().len(), 2);
        assert_eq!(restored.actors_of(device(2).id).unwrap(), [[22; 16]]);
        assert_eq!(claim_again(&restored, &outside, [92; 16], 9).unwrap(), 0);
    }

    #[test]
    fn an_actor_of_somebody_else_is_not_even_noted() {
        let outside = OutsideMemory::default();
        let (store, _folder) = store();
        store.add_device(&device(1), [1; 16]).unwrap();
        let foreign = Claim {
            actor: [1; 16],
            device: Some(device(2).id),
            person: "W002".into(),
            at_ms: 5,
        };
        let taken = note_claim(&store, &outside, &foreign).unwrap_err();
        assert!(matches!(taken, StoreError::ActorTaken));
        assert_eq!(outside.claims().unwrap(), []);
    }
}
