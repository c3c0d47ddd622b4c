//! People, areas, reference data, devices.

use gridlog_domain::reference::Person;

use super::*;
use crate::outside::Claim;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        an_actor_belongs_to_one_device,
        a_device_that_a_backup_did_not_know_is_kept_without_an_actor,
        actors_are_claimed_again_by_whoever_had_them_and_by_nobody_else,
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

fn actors_are_claimed_again_by_whoever_had_them_and_by_nobody_else(store: &impl Store) {
    let claim = |actor: u8, of: Option<u8>| Claim {
        actor: [actor; 16],
        device: of.map(|n| device(n).id),
        person: if of.is_some() { "W001" } else { "" }.into(),
        at_ms: 5,
    };
    store.add_device(&device(1), [1; 16]).unwrap();
    let all = [claim(1, Some(2)), claim(3, Some(3)), claim(4, None)];
    assert_eq!(store.claim_again(&all).unwrap(), 2);
    assert_eq!(store.claim_again(&all).unwrap(), 0, "once");
    assert_eq!(store.actors_of(device(1).id).unwrap(), [[1; 16]]);
    assert_eq!(store.device(device(2).id).unwrap(), None);
    assert_eq!(store.actors_of(device(3).id).unwrap(), [[3; 16]]);
    for actor in [1, 3, 4, 5] {
        let free = store.actor_is_free([actor; 16], &"W001".into()).unwrap();
        assert_eq!(free, actor == 5, "{actor}");
        let added = store.add_actor([actor; 16], device(1).id, 6);
        assert_eq!(added.is_ok(), [1, 5].contains(&actor), "{actor}");
    }
    let mut known = store.claims().unwrap();
    known.sort_by_key(|claim| claim.actor);
    assert_eq!(known[1..3], all[1..]);
}
