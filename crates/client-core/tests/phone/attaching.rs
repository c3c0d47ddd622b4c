//! Photos on the phone: taken whole or not at all, once, and unreadable to whoever finds the disk.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use gridlog_client_core::*;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::PhotoRole;
use gridlog_picture_guard::gallery;

use crate::fixture::*;

/// A photo in a file of the app, as a camera makes it.
pub(crate) fn photo(f: &Fixture, name: &str, seed: u64) -> PathBuf {
    let path = f.folder.path().join(name);
    fs::write(
        &path,
        gallery::with_metadata(&gallery::jpeg(480, 360, seed), 6),
    )
    .unwrap();
    path
}

/// The files that lie beside the phone's database.
pub(crate) fn vault(f: &Fixture) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(f.folder.path().join("phone.db.files")) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn case(f: &Fixture) -> RecordId {
    f.phone.report(report("井盖缺失")).unwrap()
}

#[test]
fn a_photo_is_on_the_phone_at_once_clean_named_by_its_content_and_with_a_preview() {
    let f = Fixture::synced();
    let id = case(&f);
    let path = photo(&f, "near.jpg", 1);
    let attached = f.phone.attach(id, &path, PhotoRole::Near).unwrap();
    assert!(attached.is_clean && path.exists());
    let mut contents = Vec::new();
    let mut reader = f.phone.read_attachment(attached.sha256).unwrap();
    reader.read_to_end(&mut contents).unwrap();
    assert_eq!(FileHash::of(&contents), attached.sha256);
    assert_eq!(contents.len() as u64, attached.bytes);
    for secret in gallery::SECRETS {
        assert!(!contents.windows(secret.len()).any(|bytes| bytes == secret));
    }
    let small = f.phone.preview(attached.sha256).unwrap().unwrap();
    assert_eq!(Some(FileHash::of(&small)), attached.preview);
    let view = f.detail(id).view;
    let reference = &view.photos[&attached.id];
    assert_eq!(reference.sha256, attached.sha256.to_string());
    assert_eq!(
        (reference.role, reference.bytes),
        (PhotoRole::Near, attached.bytes)
    );
    let named = reference.preview.as_ref().unwrap();
    assert_eq!(
        (&named.sha256, named.bytes),
        (&FileHash::of(&small).to_string(), small.len() as u64)
    );
    f.sync();
    assert!(f.status().all_in_log(), "the server takes such a reference");
}

#[test]
fn what_lies_on_the_disk_shows_neither_picture_nor_name() {
    let f = Fixture::synced();
    let attached = f
        .phone
        .attach(case(&f), &photo(&f, "near.jpg", 1), PhotoRole::Near)
        .unwrap();
    let files = vault(&f);
    assert_eq!(files.len(), 2, "a photo and its preview");
    for path in files {
        let bytes = fs::read(&path).unwrap();
        assert_eq!(gridlog_picture_guard::sniff(&bytes), None);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(!attached.sha256.to_string().contains(name));
    }
}

#[test]
fn the_same_photo_attached_twice_is_stored_once() {
    let f = Fixture::synced();
    let (one, other) = (case(&f), case(&f));
    let path = photo(&f, "near.jpg", 1);
    let first = f.phone.attach(one, &path, PhotoRole::Near).unwrap();
    let again = f.phone.attach(one, &path, PhotoRole::Near).unwrap();
    assert_eq!(first, again);
    assert_eq!(f.detail(one).view.photos.len(), 1);
    let elsewhere = f.phone.attach(other, &path, PhotoRole::Before).unwrap();
    assert_eq!(elsewhere.sha256, first.sha256);
    assert_eq!(vault(&f).len(), 2);
    assert_eq!(f.phone.files(None).unwrap().len(), 2, "one for each record");
}

#[test]
fn a_file_that_is_too_large_or_one_too_many_is_refused_before_anything_is_stored() {
    let f = Fixture::synced();
    let id = case(&f);
    let path = photo(&f, "near.jpg", 1);
    let bytes = fs::metadata(&path).unwrap().len();
    let rules = FileRules {
        max_file_bytes: bytes - 1,
        ..FileRules::default()
    };
    f.phone.set_file_rules(rules).unwrap();
    let refused = f.phone.attach(id, &path, PhotoRole::Near).unwrap_err();
    assert!(matches!(refused, PhoneError::FileTooLarge { limit, .. } if limit == bytes - 1));
    let rules = FileRules {
        max_record_bytes: bytes + 100,
        ..FileRules::default()
    };
    f.phone.set_file_rules(rules).unwrap();
    f.phone.attach(id, &path, PhotoRole::Near).unwrap();
    // The same photo in another role takes no room.
    f.phone.attach(id, &path, PhotoRole::Far).unwrap();
    let before = (vault(&f).len(), f.detail(id).heads);
    let refused = f
        .phone
        .attach(id, &photo(&f, "far.jpg", 2), PhotoRole::Far)
        .unwrap_err();
    assert_eq!(refused.code(), "record_full");
    assert!(refused.zh().contains("MB"), "{}", refused.zh());
    assert_eq!((vault(&f).len(), f.detail(id).heads), before);
}

#[test]
fn what_cannot_be_attached_leaves_nothing_behind() {
    let f = Fixture::synced();
    let path = photo(&f, "near.jpg", 1);
    let empty = f.folder.path().join("empty.jpg");
    fs::write(&empty, b"").unwrap();
    let deleted = case(&f);
    f.phone.delete(deleted).unwrap();
    for (id, path, code) in [
        (stranger(), &path, "unknown_record"),
        (deleted, &path, "deleted"),
        (case(&f), &empty, "file_empty"),
        (
            case(&f),
            &f.folder.path().join("none.jpg"),
            "file_unreadable",
        ),
    ] {
        let refused = f.phone.attach(id, path, PhotoRole::Near).unwrap_err();
        assert_eq!(refused.code(), code);
        assert!(vault(&f).is_empty(), "{code}");
    }
}

#[test]
fn a_store_that_fails_when_the_files_are_written_already_leaves_nothing_behind() {
    let f = Fixture::synced();
    let id = case(&f);
    let before = f.detail(id).heads;
    let raw = raw(&path(&f.folder));
    raw.execute_batch(
        "CREATE TRIGGER fails BEFORE INSERT ON attachments WHEN NEW.preview_of IS NOT NULL
         BEGIN SELECT RAISE(ABORT, 'in the middle'); END",
    )
    .unwrap();
    let photo = photo(&f, "near.jpg", 1);
    let refused = f.phone.attach(id, &photo, PhotoRole::Near).unwrap_err();
    assert_eq!(refused.code(), "store_failed");
    assert!(vault(&f).is_empty());
    assert_eq!(f.detail(id).heads, before);
    raw.execute_batch("DROP TRIGGER fails").unwrap();
    f.phone.attach(id, &photo, PhotoRole::Near).unwrap();
}

#[test]
fn a_picture_that_cannot_lose_its_place_is_refused_unless_the_district_keeps_it() {
    let f = Fixture::synced();
    let id = case(&f);
    let path = f.folder.path().join("photo");
    let pictures: [&[u8]; 3] = [
        b"\0\0\0\x18ftypheic as phones take it, with its place",
        b"\0\0\0\x18ftypavif the same",
        b"\xFF\xD8\xFF\xE1\xFF\xFFa camera's data, cut off",
    ];
    let before = f.detail(id).heads;
    for picture in pictures {
        fs::write(&path, picture).unwrap();
        let refused = f.phone.attach(id, &path, PhotoRole::Near).unwrap_err();
        assert_eq!(refused.code(), "file_not_cleanable");
        assert!(refused.zh().contains("JPEG"));
        assert!(vault(&f).is_empty());
        assert_eq!(f.detail(id).heads, before);
    }
    let keeps_exif = true;
    let rules = FileRules {
        keeps_exif,
        ..f.phone.file_rules().unwrap()
    };
    f.phone.set_file_rules(rules).unwrap();
    for picture in pictures {
        fs::write(&path, picture).unwrap();
        let attached = f.phone.attach(id, &path, PhotoRole::Near).unwrap();
        assert!(!attached.is_clean);
        assert_eq!(attached.sha256, FileHash::of(picture));
    }
}

#[test]
fn a_file_that_is_no_picture_goes_as_it_is_and_says_so() {
    let f = Fixture::synced();
    let path = f.folder.path().join("plan.pdf");
    fs::write(&path, b"%PDF-1.7 a plan of the building").unwrap();
    let attached = f.phone.attach(case(&f), &path, PhotoRole::Near).unwrap();
    assert!(!attached.is_clean && attached.preview.is_none());
    assert_eq!(attached.sha256, FileHash::of(&fs::read(&path).unwrap()));
}

#[test]
fn any_part_is_read_and_a_whole_file_is_handed_to_a_viewer() {
    let f = Fixture::synced();
    let path = f.folder.path().join("long.bin");
    let plain: Vec<u8> = (0_u32..60_000).flat_map(u32::to_le_bytes).collect();
    fs::write(&path, &plain).unwrap();
    let attached = f.phone.attach(case(&f), &path, PhotoRole::Near).unwrap();
    let mut reader = f.phone.read_attachment(attached.sha256).unwrap();
    assert_eq!(
        reader.read_part(100_000, 70_000).unwrap(),
        plain[100_000..170_000]
    );
    assert_eq!(reader.read_part(239_990, 70_000).unwrap(), plain[239_990..]);
    reader.seek(SeekFrom::End(-4)).unwrap();
    let mut end = Vec::new();
    reader.read_to_end(&mut end).unwrap();
    assert_eq!(end, plain[plain.len() - 4..]);
    let out = f.folder.path().join("out.bin");
    f.phone.export_attachment(attached.sha256, &out).unwrap();
    assert_eq!(fs::read(&out).unwrap(), plain);
    let again = f
        .phone
        .export_attachment(attached.sha256, &out)
        .unwrap_err();
    assert_eq!(again.code(), "file_unwritable");
    let unknown = f.phone.read_attachment(FileHash::of(b"?")).unwrap_err();
    assert_eq!(unknown.code(), "unknown_file");
}

#[test]
fn a_file_that_was_tampered_with_is_not_shown() {
    let f = Fixture::synced();
    let attached = f
        .phone
        .attach(case(&f), &photo(&f, "near.jpg", 1), PhotoRole::Near)
        .unwrap();
    for path in vault(&f) {
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let out = f.folder.path().join("out.jpg");
    let refused = f
        .phone
        .export_attachment(attached.sha256, &out)
        .unwrap_err();
    assert_eq!(refused.code(), "file_damaged");
    assert!(!out.exists());
    assert_eq!(
        f.phone.preview(attached.sha256).unwrap_err().code(),
        "file_damaged"
    );
    // Attached once more, it is whole again.
    f.phone
        .attach(f.only_row().id, &photo(&f, "near.jpg", 1), PhotoRole::Near)
        .unwrap();
    f.phone.export_attachment(attached.sha256, &out).unwrap();
}

#[test]
fn a_start_removes_what_a_phone_that_was_switched_off_left_half_done() {
    let f = Fixture::synced();
    f.phone
        .attach(case(&f), &photo(&f, "near.jpg", 1), PhotoRole::Near)
        .unwrap();
    let folder = f.folder.path().join("phone.db.files");
    fs::write(folder.join("0123.new"), b"half a photo").unwrap();
    fs::write(
        folder.join("00112233445566778899aabbccddeeff"),
        b"a photo nobody knows",
    )
    .unwrap();
    f.reopen(9);
    assert_eq!(vault(&f).len(), 2);
    assert!(!folder.join("0123.new").exists());
}

#[test]
fn a_district_that_keeps_exif_gets_it() {
    let f = Fixture::synced();
    let rules = FileRules {
        keeps_exif: true,
        ..FileRules::default()
    };
    f.phone.set_file_rules(rules).unwrap();
    let attached = f
        .phone
        .attach(case(&f), &photo(&f, "near.jpg", 1), PhotoRole::Near)
        .unwrap();
    let mut contents = Vec::new();
    let mut reader = f.phone.read_attachment(attached.sha256).unwrap();
    reader.read_to_end(&mut contents).unwrap();
    let exif = gallery::exif(6);
    assert!(contents.windows(exif.len()).any(|bytes| bytes == exif));
}
