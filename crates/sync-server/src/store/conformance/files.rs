//! What is known of files.

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        an_upload_is_found_again_by_its_uploader_file_and_record,
        an_upload_that_expired_begins_anew,
        who_has_too_much_under_way_begins_nothing,
        a_record_holds_what_was_finished_for_it_and_no_other_does,
        of_uploads_that_are_finished_together_each_counts_for_itself,
        a_record_refers_to_what_its_view_names,
        a_reference_that_came_first_counts_as_well,
        what_nobody_refers_to_leaves_and_what_comes_back_stays,
        erasing_a_record_lets_go_of_what_no_other_holds,
        an_upload_of_an_erased_record_is_not_finished,
    ]
}

const NOW: i64 = 1_000_000;
const LIMITS: UploadLimits = UploadLimits {
    uploads: 3,
    bytes: 1_000,
};

fn file(n: u8) -> Digest {
    Digest([n; 32])
}

fn of(n: u8, sha256: Digest) -> FileOfRecord {
    FileOfRecord {
        record: record(n),
        sha256,
    }
}

/// An upload of file `f` for record `n`.
fn new(id: u8, n: u8, f: u8) -> NewUpload {
    NewUpload {
        id: [id; 16],
        by: Uploader {
            person: "W001".into(),
            device: Some(DeviceId::from_bytes(DEVICE)),
        },
        of: of(n, file(f)),
        length: 100,
        now_ms: NOW,
        expires_ms: NOW + 1_000,
        finished: false,
    }
}

fn begun(store: &impl Store, new: &NewUpload) -> Upload {
    match store.begin_upload(new, LIMITS).unwrap() {
        Begun::Upload(upload) => upload,
        refused => panic!("{refused:?}"),
    }
}

/// Puts a record in the log that refers to these files.
fn refers(store: &impl Store, n: u8, files: &[u8]) {
    let photo = |f: &u8| {
        let sha256 = file(*f);
        format!(r#""{f}":{{"sha256":"{sha256}","role":"near","bytes":100,"by":"W001","at_ms":1}}"#)
    };
    let photos: Vec<String> = files.iter().map(photo).collect();
    let mut batch = Entered::begun(n, &["a:1"]).on(store.head().unwrap());
    batch.records[0].view = format!("{{\"photos\":{{{}}}}}", photos.join(","));
    store.commit(&batch).unwrap();
}

fn finished(store: &impl Store, ids: &[UploadId]) -> Vec<bool> {
    let whole = ids.iter().map(|id| WholeUpload {
        id: *id,
        media_type: "image/jpeg",
    });
    store.finish_uploads(&Vec::from_iter(whole), NOW).unwrap()
}

fn hold(store: &impl Store, id: u8, n: u8, f: u8) {
    let upload = begun(store, &new(id, n, f));
    assert_eq!(finished(store, &[upload.id]), [true]);
}

fn an_upload_is_found_again_by_its_uploader_file_and_record(store: &impl Store) {
    let first = begun(store, &new(1, 1, 1));
    assert_eq!(store.upload([1; 16]).unwrap(), Some(first.clone()));
    let later = NewUpload {
        expires_ms: NOW + 5_000,
        ..new(2, 1, 1)
    };
    let again = begun(store, &later);
    assert_eq!((again.id, again.expires_ms), (first.id, NOW + 5_000));
    let office = Uploader {
        device: None,
        ..first.by.clone()
    };
    let others = [
        new(3, 2, 1),
        new(4, 1, 2),
        NewUpload {
            by: office,
            ..new(5, 1, 1)
        },
    ];
    for other in others {
        assert_eq!(begun(store, &other).id, other.id);
    }
    let longer = NewUpload {
        length: 101,
        ..new(6, 1, 1)
    };
    let refused = store.begin_upload(&longer, LIMITS).unwrap();
    assert_eq!(refused, Begun::LengthChanged(100));
    store.drop_uploads(&[first.id]).unwrap();
    assert_eq!(store.upload(first.id).unwrap(), None);
}

fn an_upload_that_expired_begins_anew(store: &impl Store) {
    begun(store, &new(1, 1, 1));
    let expired = |before_ms| store.expired_uploads(before_ms, 9).unwrap();
    assert_eq!(expired(NOW + 1_000), Vec::<UploadId>::new());
    assert_eq!(expired(NOW + 1_001), vec![[1; 16]]);
    let later = NewUpload {
        now_ms: NOW + 1_000,
        expires_ms: NOW + 2_000,
        length: 101,
        ..new(2, 1, 1)
    };
    assert_eq!(begun(store, &later).id, [2; 16]);
    assert_eq!(store.upload([1; 16]).unwrap(), None);
    store.extend_upload([2; 16], NOW + 9_000).unwrap();
    store.extend_upload([2; 16], NOW + 3_000).unwrap();
    let kept = store.upload([2; 16]).unwrap().unwrap();
    assert_eq!(kept.expires_ms, NOW + 9_000);
}

fn who_has_too_much_under_way_begins_nothing(store: &impl Store) {
    for n in 1..=3 {
        begun(store, &new(n, 1, n));
    }
    let fourth = new(4, 1, 4);
    assert_eq!(store.begin_upload(&fourth, LIMITS).unwrap(), Begun::TooMuch);
    let somebody = NewUpload {
        by: Uploader {
            person: "W002".into(),
            device: None,
        },
        ..new(5, 1, 5)
    };
    begun(store, &somebody);
    let after = NewUpload {
        now_ms: NOW + 1_000,
        ..fourth.clone()
    };
    begun(store, &after);
    let large = NewUpload {
        length: 1_000,
        ..new(6, 2, 6)
    };
    let refused = store.begin_upload(
        &large,
        UploadLimits {
            uploads: 99,
            ..LIMITS
        },
    );
    assert_eq!(refused.unwrap(), Begun::TooMuch, "in bytes");
    // What is finished counts until a record refers to it.
    assert_eq!(finished(store, &[[1; 16], [2; 16], [3; 16]]), [true; 3]);
    let left = NewUpload {
        length: 700,
        now_ms: NOW + 5_000,
        expires_ms: NOW + 9_000,
        ..new(7, 2, 7)
    };
    begun(store, &left);
    let more = NewUpload {
        length: 1,
        ..NewUpload {
            id: [8; 16],
            of: of(2, file(8)),
            ..left.clone()
        }
    };
    assert_eq!(store.begin_upload(&more, LIMITS).unwrap(), Begun::TooMuch);
    refers(store, 1, &[1]);
    begun(store, &more);
}

fn a_record_holds_what_was_finished_for_it_and_no_other_does(store: &impl Store) {
    assert_eq!(store.held_file(of(1, file(1))).unwrap(), None);
    hold(store, 1, 1, 1);
    let held = store.held_file(of(1, file(1))).unwrap().unwrap();
    let expected = StoredFile {
        bytes: 100,
        media_type: "image/jpeg".to_owned(),
        has_preview: None,
    };
    assert_eq!(held, expected);
    assert_eq!(store.held_file(of(2, file(1))).unwrap(), None);
    assert_eq!(store.held_file(of(1, file(2))).unwrap(), None);
    assert_eq!(store.stored_files().unwrap(), (1, 100));
    hold(store, 2, 2, 1);
    assert_eq!(store.stored_files().unwrap(), (1, 100), "stored once");
    store.note_preview(file(1), false).unwrap();
    let held = store.held_file(of(2, file(1))).unwrap().unwrap();
    assert_eq!(held.has_preview, Some(false));
    assert!(store.upload([1; 16]).unwrap().unwrap().finished);
    // Its bytes were found to be missing.
    assert!(!begun(store, &new(3, 1, 1)).finished);
    assert_eq!(finished(store, &[[9; 16]]), [false]);
}

fn of_uploads_that_are_finished_together_each_counts_for_itself(store: &impl Store) {
    for (id, n) in [(1, 1), (2, 2), (3, 2)] {
        begun(store, &new(id, n, id));
    }
    erase(store, 1, &["a:1"]);
    let together = [[3; 16], [1; 16], [9; 16], [2; 16]];
    assert_eq!(finished(store, &together), [true, false, false, true]);
    assert!(store.held_file(of(2, file(2))).unwrap().is_some());
    assert!(store.held_file(of(2, file(3))).unwrap().is_some());
    assert_eq!(store.stored_files().unwrap(), (2, 200));
}

fn a_record_refers_to_what_its_view_names(store: &impl Store) {
    let named = |preview: &str| {
        let sha256 = file(1);
        format!(
            r#"{{"photos":{{"a":{{"sha256":"{sha256}","by":"W001","preview":{preview}}},
            "b":{{"sha256":"{sha256}","by":"W002"}},"c":{{"sha256":"../../x","by":"W003"}}}}}}"#
        )
    };
    let mut batch = Entered::begun(1, &["a:1"]).on(store.head().unwrap());
    batch.records[0].view =
        named(&format!(r#"{{"sha256":"{}","bytes":7}}"#, file(2))).replace("\n            ", "");
    store.commit(&batch).unwrap();
    let referred = store.referred(of(1, file(1))).unwrap().unwrap();
    assert_eq!(referred.previews, [file(2)]);
    assert_eq!(referred.people, ["W001".into(), "W002".into()]);
    let preview = store.referred(of(1, file(2))).unwrap().unwrap();
    assert_eq!((preview.previews.len(), preview.people.len()), (0, 1));
    assert_eq!(store.referred(of(1, file(3))).unwrap(), None);
    assert_eq!(store.referred(of(2, file(1))).unwrap(), None);
}

fn a_reference_that_came_first_counts_as_well(store: &impl Store) {
    refers(store, 1, &[1]);
    hold(store, 1, 1, 1);
    hold(store, 2, 2, 2);
    refers(store, 2, &[2]);
    assert_eq!(store.drop_unreferenced(i64::MAX, 9).unwrap(), 0);
    hold(store, 3, 1, 3);
    assert_eq!(store.drop_unreferenced(i64::MAX, 9).unwrap(), 1);
}

fn what_nobody_refers_to_leaves_and_what_comes_back_stays(store: &impl Store) {
    hold(store, 1, 1, 1);
    hold(store, 2, 2, 1);
    refers(store, 2, &[1]);
    hold(store, 3, 3, 3);
    assert_eq!(store.drop_unreferenced(NOW, 9).unwrap(), 0, "too young");
    assert_eq!(store.drop_unreferenced(NOW + 1, 1).unwrap(), 1);
    assert_eq!(store.drop_unreferenced(NOW + 1, 9).unwrap(), 1);
    assert_eq!(store.leaving_files(9).unwrap(), [file(3)]);
    assert_eq!(store.is_leaving(file(1)).unwrap(), Some(false));
    assert_eq!(store.is_leaving(file(3)).unwrap(), Some(true));
    assert_eq!(store.is_leaving(file(9)).unwrap(), None);
    assert!(store.held_file(of(2, file(1))).unwrap().is_some());
    assert_eq!(store.held_file(of(1, file(1))).unwrap(), None);
    assert_eq!(store.held_file(of(3, file(3))).unwrap(), None);
    assert_eq!(
        store.upload([3; 16]).unwrap(),
        None,
        "it is to be sent again"
    );
    hold(store, 4, 3, 3);
    assert_eq!(store.is_leaving(file(3)).unwrap(), Some(false));
    store.forget_file(file(3)).unwrap();
    assert!(store.held_file(of(3, file(3))).unwrap().is_some());
    assert_eq!(store.drop_unreferenced(NOW + 1, 9).unwrap(), 1);
    store.forget_file(file(3)).unwrap();
    assert_eq!(store.is_leaving(file(3)).unwrap(), None);
}

fn erasing_a_record_lets_go_of_what_no_other_holds(store: &impl Store) {
    refers(store, 1, &[1, 2]);
    refers(store, 2, &[1]);
    hold(store, 1, 1, 1);
    hold(store, 2, 1, 2);
    hold(store, 3, 2, 1);
    erase(store, 1, &["a:1"]);
    assert_eq!(store.leaving_files(9).unwrap(), [file(2)]);
    assert!(store.held_file(of(2, file(1))).unwrap().is_some());
    assert_eq!(store.held_file(of(1, file(1))).unwrap(), None);
    assert_eq!(store.referred(of(1, file(1))).unwrap(), None);
    assert_eq!(store.upload([1; 16]).unwrap(), None);
    erase(store, 2, &["a:1"]);
    assert_eq!(store.leaving_files(9).unwrap(), [file(1), file(2)]);
}

fn an_upload_of_an_erased_record_is_not_finished(store: &impl Store) {
    refers(store, 1, &[1]);
    begun(store, &new(1, 1, 1));
    erase(store, 1, &["a:1"]);
    assert_eq!(finished(store, &[[1; 16]]), [false]);
    // It began while the record was being erased.
    begun(store, &new(2, 1, 1));
    assert_eq!(finished(store, &[[2; 16]]), [false]);
    assert_eq!(store.stored_files().unwrap(), (0, 0));
}
