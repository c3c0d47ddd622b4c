//! Work with files that nobody wants any more: wherever it is ended, it is as if it had not begun.

use std::cell::Cell;
use std::fs;

use gridlog_client_core::*;
use gridlog_domain::record::PhotoRole;

use crate::attaching::{photo, vault};
use crate::fixture::*;
use crate::sending::{attach_bytes, send};
use crate::shelf::Shelf;

/// Cancels `work` at its first look, then at its second, and so on, until it looks no more and comes to its end.
/// Says at how many places it could be ended.
fn ended_everywhere<T>(
    work: impl Fn(&CancelFlag) -> Result<T, PhoneError>,
    nothing_is_left: impl Fn(),
) -> (u64, T) {
    for look in 1.. {
        match work(&CancelFlag::at_look(look)) {
            Ok(done) => return (look - 1, done),
            Err(error) => assert_eq!(error.code(), "cancelled", "at look {look}"),
        }
        nothing_is_left();
    }
    unreachable!("there is always a next look")
}

#[test]
fn attaching_that_is_cancelled_anywhere_leaves_nothing_behind() {
    let f = Fixture::synced();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    let large = f.folder.path().join("large.bin");
    fs::write(&large, vec![7; 800_000]).unwrap();
    // Every piece that is read and written, and between the steps.
    for (path, least) in [(photo(&f, "near.jpg", 1), 8), (large, 12)] {
        let held = vault(&f).len();
        let files = f.phone.files(None).unwrap();
        let photos = f.detail(id).view.photos;
        let (places, attached) = ended_everywhere(
            |cancel| f.phone.attach_unless(id, &path, PhotoRole::Near, cancel),
            || {
                assert_eq!(vault(&f).len(), held);
                assert_eq!(f.phone.files(None).unwrap(), files);
                assert_eq!(f.detail(id).view.photos, photos);
            },
        );
        assert!(places >= least, "at {places} places");
        assert!(f.phone.read_attachment(attached.sha256).is_ok());
        assert_eq!(f.detail(id).view.photos.len(), photos.len() + 1);
    }
}

#[test]
fn fetching_that_is_cancelled_anywhere_keeps_nothing_and_asks_no_further() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = f.phone.report(report("井盖缺失")).unwrap();
    let large = attach_bytes(&f, id, "large.bin", 1_200_000).sha256;
    let near = photo(&f, "near.jpg", 1);
    let near = f.phone.attach(id, &near, PhotoRole::Near).unwrap();
    let small = f.phone.preview(near.sha256).unwrap().unwrap();
    f.sync();
    send(&f, &shelf);
    shelf.show(near.sha256, &small);
    let other = f.another("W001", 2);
    other.sync();
    let asked = Cell::new(shelf.log().len());
    let nothing_is_left = || {
        assert_eq!(vault(&other).len(), 0);
        assert!(other.phone.read_attachment(large).is_err());
        asked.set(shelf.log().len());
    };
    let (places, ()) = ended_everywhere(
        |cancel| {
            let before = shelf.log().len();
            let fetched = other.phone.fetch_file_unless(&shelf, id, large, cancel);
            let parts = shelf.log().len() - before;
            assert!(parts <= 3, "{parts}");
            fetched
        },
        nothing_is_left,
    );
    // Before each of three parts, and before it is kept.
    assert_eq!(places, 4);
    assert_eq!(shelf.log().len() - asked.get(), 3);

    let third = f.another("W001", 3);
    third.sync();
    let (places, shown) = ended_everywhere(
        |cancel| {
            let phone = &third.phone;
            phone.fetch_preview_unless(&shelf, id, near.sha256, cancel)
        },
        || assert_eq!(vault(&third).len(), 0),
    );
    assert_eq!((places, shown), (2, small));
}

#[test]
fn writing_a_photo_out_that_is_cancelled_anywhere_leaves_no_half_of_it() {
    let f = Fixture::synced();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    let attached = attach_bytes(&f, id, "large.bin", 1_200_000);
    let out = f.folder.path().join("out.bin");
    let (places, ()) = ended_everywhere(
        |cancel| {
            f.phone
                .export_attachment_unless(attached.sha256, &out, cancel)
        },
        || assert!(!out.exists()),
    );
    // Before it begins, and after each of five pieces.
    assert_eq!(places, 6);
    assert_eq!(fs::metadata(&out).unwrap().len(), attached.bytes);
}
