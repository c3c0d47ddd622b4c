//! What a seal and a proof promise.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;

use gridlog_proof::{
    Consistency, Inclusion, Node, Origin, ProofError, PublicKey, Seal, SealKey, TreeError,
    TreeStore, appended, consistency_path, inclusion_path, leaf, root,
};
use proptest::prelude::*;

/// Seed and public key of RFC 8032, 7.1, test 1.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
/// The same of test 2.
const NEXT_SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const NEXT_PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";

#[derive(Default)]
struct Nodes(Vec<Node>);

impl TreeStore for Nodes {
    type Error = Infallible;

    fn nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, Infallible> {
        let known = numbers
            .iter()
            .filter_map(|n| self.0.get(usize::try_from(*n).unwrap()));
        Ok(known.copied().collect())
    }
}

fn tree(entries: &[Vec<u8>]) -> Nodes {
    let mut nodes = Nodes::default();
    for (size, entry) in entries.iter().enumerate() {
        let (first, new) = appended(&nodes, size as u64, leaf(entry)).unwrap();
        assert_eq!(first, nodes.0.len() as u64);
        nodes.0.extend(new);
    }
    nodes
}

fn bytes(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn key() -> SealKey {
    SealKey::new("gridlog/430111", &bytes(SEED), &bytes(PUBLIC)).unwrap()
}

fn next_key() -> SealKey {
    SealKey::new("gridlog/430111", &bytes(NEXT_SEED), &bytes(NEXT_PUBLIC)).unwrap()
}

fn origin(epoch: u64) -> Origin {
    let log = "gridlog/430111".to_owned();
    Origin { log, epoch }
}

fn sealed(nodes: &Nodes, size: u64) -> Seal {
    let root = root(nodes, size).unwrap();
    Seal::sign(origin(1), (size, root), &[&key()]).unwrap()
}

fn entries(count: u64) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| format!("entry {n}").into_bytes())
        .collect()
}

fn keys() -> Vec<PublicKey> {
    vec![key().public().clone()]
}

fn inclusion(entries: &[Vec<u8>], seq: u64) -> Inclusion {
    let nodes = tree(entries);
    let size = entries.len() as u64;
    let path = inclusion_path(&nodes, size, seq).unwrap();
    let entry = &entries[usize::try_from(seq - 1).unwrap()];
    Inclusion::new(&sealed(&nodes, size), (seq, entry), &path)
}

#[test]
fn roots_are_those_of_the_test_vectors_of_certificate_transparency() {
    let leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let leaves: Vec<Vec<u8>> = leaves
        .iter()
        .map(|text| hex::decode(text).unwrap())
        .collect();
    let nodes = tree(&leaves);
    let root = |size| hex::encode(root(&nodes, size).unwrap());
    assert_eq!(
        root(0),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        root(1),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    assert_eq!(
        root(8),
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    );
}

#[test]
fn a_seal_is_a_checkpoint_that_other_programs_read() {
    let nodes = tree(&entries(3));
    let seal = sealed(&nodes, 3);
    let lines: Vec<&str> = seal.note().lines().collect();
    assert_eq!(lines[0], "gridlog/430111/epoch/1");
    assert_eq!(lines[1], "3");
    assert_eq!(lines[3], "");
    assert!(
        lines[4].starts_with("\u{2014} gridlog/430111 "),
        "{}",
        lines[4]
    );
}

#[test]
fn while_keys_change_either_of_them_is_enough() {
    let nodes = tree(&entries(3));
    let root = root(&nodes, 3).unwrap();
    let seal = Seal::sign(origin(1), (3, root), &[&key(), &next_key()]).unwrap();
    for key in [key(), next_key()] {
        assert_eq!(
            Seal::read(seal.note(), &[key.public().clone()]),
            Ok(seal.clone())
        );
    }
    let alone = sealed(&nodes, 3);
    let refused = Seal::read(alone.note(), &[next_key().public().clone()]);
    assert_eq!(refused, Err(ProofError::Signature));
}

#[test]
fn seals_of_different_epochs_are_not_compared() {
    let nodes = tree(&entries(4));
    let older = sealed(&nodes, 3);
    let newer = Seal::sign(origin(2), (4, root(&nodes, 4).unwrap()), &[&key()]).unwrap();
    let path = consistency_path(&nodes, 3, 4).unwrap();
    let refused = Consistency::new(&older, &newer, &path).check(&keys());
    assert!(
        matches!(refused, Err(ProofError::OtherLog { .. })),
        "{refused:?}"
    );
}

#[test]
fn an_entry_beyond_the_seal_is_not_asked_for_nor_believed() {
    let nodes = tree(&entries(4));
    assert_eq!(
        inclusion_path(&nodes, 4, 5),
        Err(TreeError::Beyond { seq: 5, size: 4 })
    );
    assert_eq!(
        inclusion_path(&nodes, 4, 0),
        Err(TreeError::Beyond { seq: 0, size: 4 })
    );
    let mut proof = inclusion(&entries(4), 4);
    for seq in [0, 5, u64::MAX] {
        proof.seq = seq;
        let refused = proof.check(&keys());
        assert_eq!(refused, Err(ProofError::NotUnderSeal { seq, size: 4 }));
    }
}

#[test]
fn a_store_that_lost_a_node_is_noticed() {
    let mut nodes = tree(&entries(5));
    nodes.0.truncate(4);
    assert_eq!(root(&nodes, 5), Err(TreeError::Damaged));
}

#[test]
fn every_changed_character_of_a_proof_is_found() {
    let proof = serde_json::to_string(&inclusion(&entries(11), 7)).unwrap();
    assert!(
        serde_json::from_str::<Inclusion>(&proof)
            .unwrap()
            .check(&keys())
            .is_ok()
    );
    for (at, letter) in proof.char_indices() {
        let other = if letter == '1' { '2' } else { '1' };
        let mut changed = proof.clone();
        changed.replace_range(at..at + letter.len_utf8(), &other.to_string());
        let believed = serde_json::from_str::<Inclusion>(&changed)
            .is_ok_and(|proof| proof.check(&keys()).is_ok());
        assert!(!believed, "character {at} of {changed}");
    }
}

proptest! {
    #[test]
    fn every_entry_of_every_log_is_proven_and_no_other_is_believed(
        size in 1_u64..80, seq in 1_u64..80, other in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        prop_assume!(seq <= size);
        let mut proof = inclusion(&entries(size), seq);
        let (seal, entry) = proof.check(&keys()).unwrap();
        prop_assert_eq!(seal.size, size);
        prop_assert_eq!(&entry, &entries(size)[usize::try_from(seq - 1).unwrap()]);
        prop_assume!(entry != other);
        proof.entry = hex::encode(&other);
        prop_assert_eq!(proof.check(&keys()), Err(ProofError::NotIncluded { seq }));
    }

    #[test]
    fn a_log_that_grew_is_proven_to_and_one_that_was_rewritten_is_not(
        older in 1_u64..60, more in 0_u64..40, changed in 0_usize..60,
    ) {
        let mut log = entries(older + more);
        let before = sealed(&tree(&log), older);
        let nodes = tree(&log);
        let newer = older + more;
        let path = consistency_path(&nodes, older, newer).unwrap();
        let grown = Consistency::new(&before, &sealed(&nodes, newer), &path);
        prop_assert!(grown.check(&keys()).is_ok());

        let at = changed % log.len();
        log[at].push(b'!');
        prop_assume!(at < usize::try_from(older).unwrap());
        let rewritten = tree(&log);
        let path = consistency_path(&rewritten, older, newer).unwrap();
        let proof = Consistency::new(&before, &sealed(&rewritten, newer), &path);
        prop_assert_eq!(proof.check(&keys()), Err(ProofError::NotGrown { older, newer }));
    }

    #[test]
    fn no_text_makes_the_checks_panic(
        note in ".{0,200}", seq in any::<u64>(), path in proptest::collection::vec("[0-9a-f]{64}", 0..70),
    ) {
        let proof = Inclusion { seal: note.clone(), seq, entry: String::new(), path: path.clone() };
        prop_assert!(proof.check(&keys()).is_err());
        let size = seq >> 20;
        if let Ok(seal) = Seal::sign(origin(1), (size, [7; 32]), &[&key()]) {
            let proof = Inclusion { seal: seal.note().to_owned(), seq, entry: String::new(), path: path.clone() };
            prop_assert!(proof.check(&keys()).is_err());
            let newer = Seal::sign(origin(1), (seq >> 21, [8; 32]), &[&key()]);
            if let Ok(newer) = newer && size > 0 {
                let proof = Consistency { older: seal.note().to_owned(), newer: newer.note().to_owned(), path, successions: Vec::new() };
                prop_assert!(proof.check(&keys()).is_err());
            }
        }
    }
}
