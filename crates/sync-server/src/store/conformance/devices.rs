//! People, areas, reference data, devices.

use gridlog_domain::reference::Person;

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        an_actor_belongs_to_one_device,
        a_device_that_a_backup_did_not_know_is_kept_without_an_actor,
    ]
}

fn an_actor_belongs_to_one_device(store: &impl Store) {
    store.add_device(&device(1), [1; 16]).unwrap();
    let taken = store.add_device(&device(2), [1; 16]).unwrap_err();
    assert!(matches!(taken, StoreError::ActorTaken));
    assert_eq!(
        store.device(device(2).id).unwrap(),
        None,
        "half a device was kept"
    );
    store.add_actor([2; 16], device(1).id, 2).unwrap();
    store.add_actor([2; 16], device(1).id, 3).unwrap();
    assert_eq!(store.actors_of(device(1).id).unwrap().len(), 2);
    assert!(store.revoke_device(device(1).id, 4).unwrap());
    assert_eq!(
        store.device(device(1).id).unwrap().unwrap().revoked_ms,
        Some(4)
    );
    let person = Person {
        id: "W001".into(),
        name: "张".to_owned(),
        enabled: true,
        assignments: Vec::new(),
    };
    let with = StoredPerson {
        person,
        password_hash: Some("hash".to_owned()),
    };
    let without = StoredPerson {
        password_hash: None,
        ..with.clone()
    };
    store.put_people(std::slice::from_ref(&with)).unwrap();
    store.put_people(&[without]).unwrap();
    assert_eq!(store.people().unwrap(), [with], "a password was forgotten");
}

fn a_device_that_a_backup_did_not_know_is_kept_without_an_actor(store: &impl Store) {
    store.adopt_device(&device(1)).unwrap();
    assert_eq!(store.device(device(1).id).unwrap(), Some(device(1)));
    assert!(store.actors_of(device(1).id).unwrap().is_empty());
}
