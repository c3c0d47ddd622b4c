//! Taking a device's rights away, in a way that a restore does not undo.

use gridlog_domain::id::DeviceId;

use crate::outside::{Outside, Revocation};
use crate::store::{Device, Store, StoreError};

/// Revokes a device: what it still pushes waits in review, and it pulls nothing (DESIGN section 4).
/// This is noted outside the store first. `false` if there is no such device.
///
/// # Errors
/// [`StoreError`]; the device may be noted as revoked, and then is when the server starts again.
pub fn revoke(
    store: &dyn Store,
    outside: &dyn Outside,
    device: DeviceId,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let Some(known) = store.device(device)? else {
        return Ok(false);
    };
    if known.revoked_ms.is_none() {
        outside.note_revoked(&Revocation {
            device,
            person: known.person,
            at_ms: now_ms,
        })?;
    }
    store.revoke_device(device, now_ms)
}

/// Revokes again what was revoked before and this store does not know to be: it was restored from a
/// backup. A device that was enrolled after the backup becomes known as a revoked one, since its token
/// would let it in again. Returns how many.
///
/// # Errors
/// [`StoreError`]; then the server must not serve.
pub fn revoke_again(store: &dyn Store, outside: &dyn Outside) -> Result<usize, StoreError> {
    let mut again = 0;
    for revoked in outside.revoked()? {
        match store.device(revoked.device)? {
            Some(device) if device.revoked_ms.is_some() => continue,
            Some(_) => {}
            None => store.adopt_device(&Device {
                id: revoked.device,
                person: revoked.person,
                name: String::new(),
                enrolled_ms: revoked.at_ms,
                revoked_ms: None,
                last_sync_ms: None,
            })?,
        }
        store.revoke_device(revoked.device, revoked.at_ms)?;
        again += 1;
    }
    if again > 0 {
        tracing::warn!(
            devices = again,
            "devices that had been revoked are revoked again"
        );
    }
    Ok(again)
}

#[cfg(test)]
mod tests {
    use gridlog_domain::id::PersonId;

    use super::*;
    use crate::outside::OutsideMemory;
    use crate::store::SqliteStore;

    fn device(n: u8) -> Device {
        Device {
            id: DeviceId::from_bytes([n; 16]),
            person: PersonId::new("W001"),
            name: "手机".into(),
            enrolled_ms: 1,
            revoked_ms: None,
            last_sync_ms: None,
        }
    }

    fn store_with(devices: &[u8]) -> (SqliteStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("district.db")).unwrap();
        for n in devices {
            store.add_device(&device(*n), [*n; 16]).unwrap();
        }
        (store, folder)
    }

    fn revoked_ms(store: &SqliteStore, n: u8) -> Option<i64> {
        let found = store.device(device(n).id).unwrap();
        found.expect("it is known").revoked_ms
    }

    #[test]
    fn a_restored_server_trusts_no_phone_that_was_lost_after_the_backup() {
        let outside = OutsideMemory::default();
        let (before, _folder) = store_with(&[1, 2, 3]);
        assert!(revoke(&before, &outside, device(1).id, 10).unwrap());
        assert!(revoke(&before, &outside, device(2).id, 20).unwrap());

        let (restored, _folder) = store_with(&[1, 3]);
        assert_eq!(revoke_again(&restored, &outside).unwrap(), 2);
        assert_eq!(revoked_ms(&restored, 1), Some(10));
        assert_eq!(
            revoked_ms(&restored, 2),
            Some(20),
            "enrolled after the backup"
        );
        assert_eq!(revoked_ms(&restored, 3), None);
        assert_eq!(revoke_again(&restored, &outside).unwrap(), 0);
    }

    #[test]
    fn a_device_is_noted_once_and_one_that_nobody_knows_never() {
        let outside = OutsideMemory::default();
        let (store, _folder) = store_with(&[1]);
        assert!(!revoke(&store, &outside, device(9).id, 5).unwrap());
        assert!(revoke(&store, &outside, device(1).id, 10).unwrap());
        assert!(revoke(&store, &outside, device(1).id, 20).unwrap());
        assert_eq!(outside.revoked().unwrap().len(), 1);
        assert_eq!(revoked_ms(&store, 1), Some(10));
    }
}
