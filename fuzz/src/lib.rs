//! Bodies of the fuzz targets.
//!
//! A target is one function over bytes that panics when something that must hold does not. The
//! programs in `fuzz_targets/` hand these functions to libFuzzer; stable tests run them over
//! honest changes, hostile changes and mutations of both.

use std::sync::OnceLock;

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, Change, ObjType, ROOT, ReadDoc};
use gridlog_merge_guard::{Admitted, History, Limits, Outcome, forge};
use gridlog_picture_guard::{
    Keep, Limits as PictureLimits, Outcome as Stripping, PictureKind, preview, sniff, strip,
};
use gridlog_protocol::dictionary::Form;
use gridlog_protocol::{
    Evidence, Key, LogEntry, SigningKey, SyncRequest, codec, dense, limits, open_page,
};

/// An honest edit of a record.
type Edit = fn(&mut Transaction<'_>) -> Result<(), automerge::AutomergeError>;

/// `receive` over bytes as they are, and over bytes put into a chunk with a right checksum (libFuzzer
/// does not guess one). What it accepts must lie within the caps.
pub fn receive(data: &[u8]) {
    for bytes in [data.to_vec(), forge::seal(data)] {
        let limits = Limits::default();
        if let Ok(header) = gridlog_merge_guard::receive(&bytes, &limits) {
            assert!((1..=limits.max_ops).contains(&header.op_count));
            assert!(header.start_op <= limits.max_start_op);
            assert!(header.deps.len() <= limits.max_deps);
        }
    }
}

/// `admit` over the contents of a change, judged as the next change of a fixed record and as the
/// first change of a new one. Only checks of our own may refuse, and what is admitted must leave
/// a record that saves, loads and takes an honest edit.
pub fn admit(data: &[u8]) {
    gridlog_merge_guard::quiet_panics();
    let bytes = forge::seal(data);
    for history in [fixture(), &History::empty()] {
        let outcome = gridlog_merge_guard::admit(history, &bytes, &Limits::default(), |_| Ok(()));
        match outcome {
            Ok(Outcome::Admitted(admitted)) => require_sound(*admitted),
            Ok(Outcome::AlreadyKnown | Outcome::Waiting { .. }) => {}
            Err(refusal) => assert!(
                !["automerge_panicked", "automerge_refused", "does_not_reload"]
                    .contains(&refusal.code()),
                "only Automerge noticed: {refusal}"
            ),
        }
    }
}

/// Everything that is read from the wire, over bytes as they are and over bytes put into a frame of
/// each form (libFuzzer does not guess one). Nothing may panic, and what is accepted keeps the caps.
pub fn message(data: &[u8]) {
    let key = SigningKey::from_bytes(&[9; 32]).verifying_key();
    let mut bodies = vec![data.to_vec()];
    bodies.extend(Form::ALL.map(|form| codec::encode_as(form, &Raw(data))));
    for body in bodies {
        if let Ok(request) = codec::decode::<SyncRequest>("sync request", &body)
            && request.check().is_ok()
        {
            assert!(request.push.len() <= limits::MAX_PUSH_ITEMS);
            assert!(request.returns.len() <= limits::MAX_RETURNS);
        }
        let forged = open_page(&body, Key([0; 16]), Key([1; 16]), &key);
        assert!(forged.is_err(), "a page without a signature was taken");
    }
    if let Ok(entry) = LogEntry::from_bytes(data) {
        assert_eq!(entry.to_bytes(), data, "an entry has two forms");
    }
    if let Ok(evidence) = Evidence::from_bytes(data) {
        assert!(evidence.check(&key).is_err(), "evidence was forged");
    }
    // What it declares is checked before Automerge sees a byte of it.
    let _ = gridlog_merge_guard::snapshot_heads(data);
}

/// The dense form over bytes that may be anything: what is put together keeps the cap, and what can be
/// taken apart comes back byte for byte.
pub fn dense(data: &[u8]) {
    const MOST: usize = 1 << 20;
    if let Ok(message) = dense::unpack(data, MOST) {
        assert!(message.len() <= MOST, "a message grew beyond its cap");
    }
    if let Some(packed) = dense::pack(data) {
        let back = dense::unpack(&packed.concat(), data.len());
        assert_eq!(back.as_deref(), Ok(data), "a message came back as another");
    }
}

/// Pictures: nothing panics, a preview is a small picture, and what was cleaned is clean. The limit on pixels is low, so
/// that libFuzzer spends its time on parsers and not on large empty pictures.
pub fn picture(data: &[u8]) {
    let limits = PictureLimits {
        max_pixels: 250_000,
        ..PictureLimits::default()
    };
    if let Ok(small) = preview(data, &limits) {
        assert!(
            small.len() <= limits.max_preview_bytes,
            "a preview is large"
        );
        assert_eq!(sniff(&small), Some(PictureKind::Jpeg));
    }
    for keep in [Keep::Nothing, Keep::Exif] {
        let once = strip(data, keep);
        assert!(once.bytes.len() <= data.len() + 64, "a picture grew");
        if once.what != Stripping::NotUnderstood {
            let twice = strip(&once.bytes, keep);
            assert_eq!(
                twice.what,
                Stripping::Clean,
                "a picture was not clean at once"
            );
        }
    }
}

/// Bytes that are the CBOR already.
struct Raw<'a>(&'a [u8]);

impl<C> minicbor::Encode<C> for Raw<'_> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let written = encoder.writer_mut().write_all(self.0);
        written.map_err(minicbor::encode::Error::write)
    }
}

/// Contents of sound changes that could follow the record of [`admit`]: seeds for its corpus.
pub fn seeds() -> Vec<Vec<u8>> {
    let edits: [Edit; 4] = [
        |tx| tx.put(ROOT, "title", "井盖"),
        |tx| {
            tx.put_object(ROOT, "c", ObjType::Map)
                .and_then(|map| tx.put(map, "by", 7))
        },
        |tx| match tx.get(ROOT, "text")? {
            Some((_, text)) => tx.splice_text(&text, 1, 1, "路面"),
            None => Ok(()),
        },
        |tx| tx.delete(ROOT, "kind"),
    ];
    edits
        .into_iter()
        .filter_map(|edit| contents_of(fixture().document(), edit))
        .collect()
}

fn contents_of(document: &Automerge, edit: Edit) -> Option<Vec<u8>> {
    let mut document = document.clone().with_actor(ActorId::from([3; 16]));
    let change = commit(&mut document, edit)?;
    forge::contents(change.raw_bytes()).ok().map(<[u8]>::to_vec)
}

fn require_sound(admitted: Admitted) {
    let saved = admitted.history.document().save();
    let mut loaded = Automerge::load(&saved)
        .expect("an admitted record loads")
        .with_actor(ActorId::from([9; 16]));
    let edit = commit(&mut loaded, |tx| tx.put(ROOT, "after", true)).expect("an edit is a change");
    let next = gridlog_merge_guard::admit(
        &admitted.history,
        edit.raw_bytes(),
        &Limits::default(),
        |_| Ok(()),
    );
    assert!(
        matches!(next, Ok(Outcome::Admitted(_))),
        "an honest edit was not admitted"
    );
}

/// A record of a few changes by two actors.
fn fixture() -> &'static History {
    static FIXTURE: OnceLock<History> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let mut document = Automerge::new().with_actor(ActorId::from([5; 16]));
        commit(&mut document, |tx| {
            tx.put(ROOT, "kind", "case")?;
            tx.put_object(ROOT, "comments", ObjType::Map)?;
            let text = tx.put_object(ROOT, "text", ObjType::Text)?;
            tx.splice_text(&text, 0, 0, "破损")?;
            tx.put_object(ROOT, "list", ObjType::List).map(drop)
        });
        let mut document = document.with_actor(ActorId::from([3; 16]));
        commit(&mut document, |tx| tx.put(ROOT, "title", "井"));
        let changes = document.get_changes(&[]);
        History::load(changes.iter().map(Change::raw_bytes)).expect("honest changes load")
    })
}

fn commit(
    document: &mut Automerge,
    edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), automerge::AutomergeError>,
) -> Option<Change> {
    let mut tx = document.transaction();
    edit(&mut tx).expect("an honest edit works");
    let (hash, _) = tx.commit_with(CommitOptions::default().with_time(1_754_000_000_000));
    document.get_change_by_hash(&hash?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn every_seed_is_admitted_and_stays_sound() {
        let seeds = super::seeds();
        assert_eq!(seeds.len(), 4);
        for seed in seeds {
            let outcome = gridlog_merge_guard::admit(
                super::fixture(),
                &super::forge::seal(&seed),
                &super::Limits::default(),
                |_| Ok(()),
            );
            assert!(matches!(outcome, Ok(super::Outcome::Admitted(_))));
            super::admit(&seed);
            super::receive(&seed);
        }
    }

    /// An idle request, an entry and a snapshot as CBOR and bytes.
    fn messages() -> Vec<Vec<u8>> {
        let idle = gridlog_protocol::SyncRequest::idle(super::Key([1; 16]), super::Key([2; 16]), 7);
        let entry = gridlog_protocol::LogEntry {
            seq: 1,
            previous: gridlog_protocol::Digest::ZERO,
            at_ms: 5,
            record: super::Key([3; 16]),
            fact: gridlog_protocol::Fact::Archived,
            origin: None,
        };
        let request = super::codec::uncompressed(&super::codec::encode(&idle)).unwrap();
        let snapshot = super::fixture().to_snapshot().unwrap();
        assert_eq!(
            gridlog_merge_guard::snapshot_heads(&snapshot),
            Ok(super::fixture().heads())
        );
        vec![request, entry.to_bytes(), snapshot]
    }

    /// A request that pushes the fixture's changes, in the dense form.
    fn packed() -> Vec<u8> {
        let changes = super::fixture().document().get_changes(&[]);
        let push = changes.iter().map(|change| gridlog_protocol::PushItem {
            record: super::Key([4; 16]),
            change: gridlog_protocol::Blob(change.raw_bytes().to_vec()),
            offset_ms: None,
        });
        let request = gridlog_protocol::SyncRequest {
            push: push.collect(),
            ..gridlog_protocol::SyncRequest::idle(super::Key([1; 16]), super::Key([2; 16]), 7)
        };
        let cbor = super::codec::uncompressed(&super::codec::encode(&request)).unwrap();
        super::dense(&cbor);
        let packed = super::dense::pack(&cbor).unwrap().concat();
        assert_eq!(super::dense::unpack(&packed, cbor.len()), Ok(cbor));
        packed
    }

    #[test]
    fn pictures_stay_small_and_clean_over_mutated_ones() {
        use gridlog_picture_guard::gallery;

        let pictures = [
            gallery::jpeg(32, 24, 1),
            gallery::png(32, 24, 2),
            gallery::webp(32, 24, 3),
            gallery::LOSSY_WEBP.to_vec(),
        ];
        for (seed, picture) in (0..).zip(pictures) {
            let telling = gallery::with_metadata(&picture, 6);
            super::picture(&telling);
            for mutation in 0..50 {
                super::picture(&gallery::mutate(&telling, seed * 1_000 + mutation));
            }
        }
    }

    proptest! {
        #[test]
        fn the_dense_form_is_bounded_over_mutated_messages(
            cut in any::<u16>(),
            edits in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..6),
        ) {
            let mut data = packed();
            for (at, with) in edits {
                let at = at as usize % data.len();
                data[at] = with;
            }
            super::dense(&data);
            data.truncate(cut as usize % data.len());
            super::dense(&data);
        }

        #[test]
        fn nothing_on_the_wire_panics_over_mutated_messages(
            which in 0_usize..3,
            cut in any::<u16>(),
            edits in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..4),
        ) {
            let mut data = messages().swap_remove(which);
            for (at, with) in edits {
                let at = at as usize % data.len();
                data[at] = with;
            }
            super::message(&data);
            data.truncate(cut as usize % data.len());
            super::message(&data);
        }

        #[test]
        fn the_targets_hold_over_mutated_seeds(
            which in 0_usize..4,
            edits in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..4),
        ) {
            let mut data = super::seeds().swap_remove(which);
            for (at, with) in edits {
                let at = at as usize % data.len();
                data[at] = with;
            }
            super::receive(&data);
            super::admit(&data);
        }
    }
}
