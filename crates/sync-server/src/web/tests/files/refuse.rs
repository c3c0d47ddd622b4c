//! Each refusal has a code of its own, and leaves nothing behind.

use super::*;
use crate::config::Files;
use futures_util::StreamExt as _;

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[track_caller]
fn nothing_is_stored(town: &Town) {
    assert_eq!(town.store.stored_files().unwrap(), (0, 0));
    assert!(on_disk(town).is_empty(), "{:?}", on_disk(town));
}

#[test]
fn a_file_that_is_not_what_its_hash_says_is_thrown_away() {
    let (bytes, other) = (photo(1, 5_000), photo(2, 5_000));
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    let answer = worker.piece(&at, 0, &other, &[("upload-checksum", &checksum(&other))]);
    assert_eq!(answer.code(), code(460, "file_hash_wrong"));
    assert_eq!(worker.ask("HEAD", &at, &[TUS]).status, 404);
    nothing_is_stored(&town);
    worker.upload(record(1), &bytes);
}

#[test]
fn a_file_has_one_length() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    let changed = code(400, "upload_length_changed");
    assert_eq!(worker.begin(record(1), hash(&bytes), 5_001).code(), changed);
    let answer = worker.piece(&at, 0, &bytes, &[("upload-length", "5001")]);
    assert_eq!(answer.code(), changed);
    nothing_is_stored(&town);
    worker.piece(&at, 0, &bytes, &[]);
    assert_eq!(worker.begin(record(1), hash(&bytes), 5_001).code(), changed);
}

#[test]
fn nothing_is_written_beyond_the_end_or_where_an_upload_does_not_stand() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    let beyond = code(413, "upload_beyond_end");
    assert_eq!(worker.piece(&at, 5_001, b"x", &[]).code(), beyond);
    let long = [bytes.as_slice(), b"x"].concat();
    assert_eq!(worker.piece(&at, 0, &long, &[]).code(), beyond);
    // The same from a client that does not say how long its piece is.
    let pieces = vec![Ok::<_, std::io::Error>(bytes.clone()), Ok(b"x".to_vec())];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let said = [TUS, PIECE, ("upload-offset", "0")];
    let answer = send(&site, with_body("PATCH", &at, &worker.token, &said, body));
    assert_eq!(answer.code(), beyond);
    let answer = worker.piece(&at, 10, &bytes[10..], &[]);
    assert_eq!(answer.code(), code(409, "upload_offset"));
    assert_eq!(worker.stands_at(&at), 0);
    assert_eq!(town.store.stored_files().unwrap(), (0, 0));
}

#[test]
fn an_upload_is_its_own_senders_alone() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    town.phone(2, WORKER);
    town.phone(3, COLLEAGUE);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    let others = [
        Sender::phone(&site, WORKER, 2),
        Sender::phone(&site, COLLEAGUE, 3),
        Sender::office(&site, OFFICE),
        Sender::office(&site, WORKER),
    ];
    for other in others {
        let answer = other.piece(&at, 0, &bytes, &[]);
        assert_eq!(answer.code(), code(403, "upload_foreign"));
        assert_eq!(other.ask("HEAD", &at, &[TUS]).status, 403);
        assert_eq!(other.ask("DELETE", &at, &[TUS]).status, 403);
    }
    nothing_is_stored(&town);
    for unknown in ["/v1/files/uploads/7", "/v1/files/uploads/%2e%2e"] {
        let answer = worker.piece(unknown, 0, &bytes, &[]);
        assert_eq!(answer.code(), code(404, "upload_unknown"));
    }
}

#[test]
fn a_file_is_taken_only_for_a_record_that_is_here_and_that_they_may_write_in() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    town.phone(3, NEIGHBOUR);
    let site = Site::over(&town);
    let out_of_scope = code(403, "record_out_of_scope");
    let strangers = [
        Sender::phone(&site, NEIGHBOUR, 3),
        Sender::office(&site, KEEPER),
        Sender::office(&site, HANDLER),
    ];
    for stranger in strangers {
        let answer = stranger.begin(record(1), hash(&bytes), bytes.len());
        assert_eq!(answer.code(), out_of_scope);
    }
    let worker = Sender::phone(&site, WORKER, 1);
    let answer = worker.begin(record(9), hash(&bytes), bytes.len());
    assert_eq!(answer.code(), code(409, "record_unknown"));
    nothing_is_stored(&town);
}

#[test]
fn a_phone_that_was_handed_over_and_a_disabled_account_bring_and_read_nothing() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    town.store
        .revoke_device(DeviceId::from_bytes([1; 16]), NOW)
        .unwrap();
    let forbidden = code(403, "forbidden");
    assert_eq!(worker.piece(&at, 0, &bytes, &[]).code(), forbidden);
    assert_eq!(
        worker.begin(record(1), hash(&bytes), bytes.len()).code(),
        forbidden
    );
    assert_eq!(worker.read(record(1), hash(&bytes), &[]).code(), forbidden);
    nothing_is_stored(&town);
}

#[test]
fn a_piece_that_is_not_what_its_checksum_says_does_not_count() {
    let bytes = photo(1, 200_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    worker.piece(&at, 0, &bytes[..50_000], &[]);
    let sum = checksum(&bytes);
    let answer = worker.piece(&at, 50_000, &bytes[50_000..], &[("upload-checksum", &sum)]);
    assert_eq!(answer.code(), code(460, "checksum_wrong"));
    assert_eq!(worker.stands_at(&at), 50_000);
    for bad in ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha256", "sha256 AAAA"] {
        let answer = worker.piece(&at, 50_000, b"x", &[("upload-checksum", bad)]);
        assert_eq!(answer.code(), code(400, "bad_upload"), "{bad}");
    }
    let sum = checksum(&bytes[50_000..]);
    let answer = worker.piece(&at, 50_000, &bytes[50_000..], &[("upload-checksum", &sum)]);
    assert_eq!(answer.status, 204);
}

#[test]
fn what_is_no_upload_is_refused_before_anything_is_read() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    let answer = worker.begin(record(1), hash(&bytes), 10 * 1024 * 1024 + 1);
    assert_eq!(answer.code(), code(413, "file_too_large"));
    let answer = worker.begin(record(1), hash(&bytes), 0);
    assert_eq!(answer.code(), code(400, "bad_upload"));
    let answer = worker.ask("POST", "/v1/files", &[TUS, ("upload-length", "7")]);
    assert_eq!(answer.code(), code(400, "bad_upload"));
    for version in [vec![], vec![("tus-resumable", "0.2.2")]] {
        let answer = worker.ask("POST", "/v1/files", &version);
        assert_eq!(answer.code(), code(412, "tus_version"));
        assert_eq!(answer.header("tus-version"), "1.0.0");
    }
    let said = [TUS, ("upload-offset", "0"), ("content-type", "image/jpeg")];
    let body = Body::from(bytes.clone());
    let answer = send(&site, with_body("PATCH", &at, &worker.token, &said, body));
    assert_eq!(answer.code(), code(415, "upload_content_type"));
    nothing_is_stored(&town);
}

#[test]
fn who_has_too_much_under_way_finishes_that_first() {
    let photos: Vec<Vec<u8>> = (1..=5).map(|n| photo(n, 5_000)).collect();
    let photos: Vec<&[u8]> = photos.iter().map(Vec::as_slice).collect();
    let (town, _phone) = town_with(&photos[..2]);
    let files = Files {
        max_uploads: 2,
        max_unfinished_bytes: 12_000,
        ..Files::default()
    };
    let config = Config {
        files,
        ..Config::default()
    };
    let site = Site::set_up(&town, config);
    let worker = Sender::phone(&site, WORKER, 1);
    let begin = |n: usize| worker.begin(record(1), hash(photos[n]), photos[n].len());
    assert_eq!(begin(0).status, 201);
    assert_eq!(begin(1).status, 201);
    let answer = begin(2);
    assert_eq!(answer.code(), code(429, "too_many_uploads"));
    assert_eq!(answer.header("retry-after"), "60");
    assert_eq!(begin(1).status, 201, "the same one is no further one");
    let other = Sender::office(&site, OFFICE);
    assert_eq!(
        other.begin(record(1), hash(photos[2]), 5_000).status,
        201,
        "somebody else has room"
    );
    worker.upload(record(1), photos[0]);
    worker.upload(record(1), photos[1]);
    worker.upload(record(1), photos[2]);
    worker.upload(record(1), photos[3]);
    let answer = begin(4);
    assert_eq!(
        answer.code(),
        code(429, "too_many_uploads"),
        "two that no record refers to are held"
    );
}

#[test]
fn a_newer_request_takes_an_upload_over_and_uploads_take_no_place_of_those_who_sync() {
    let bytes = photo(1, 300_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let piece = || {
        let said = [TUS, PIECE, ("upload-offset", "0")];
        // So much is written before the end; more never comes.
        let came = vec![Ok::<_, std::io::Error>(bytes[..=256 * 1024].to_vec())];
        let body = futures_util::stream::iter(came).chain(futures_util::stream::pending());
        let body = Body::from_stream(body);
        with_body("PATCH", &at, &worker.token, &said, body)
    };
    runtime.block_on(async {
        let first = tokio::spawn(router(site.app.clone()).oneshot(piece()));
        while on_disk(&town).is_empty() {
            tokio::task::yield_now().await;
        }
        let second = tokio::spawn(router(site.app.clone()).oneshot(piece()));
        let first = first.await.unwrap().unwrap();
        assert_eq!(first.status(), StatusCode::CONFLICT);
        assert_eq!(site.app.places.available_permits(), 4);
        second.abort();
    });
}

#[test]
fn an_upload_that_nobody_goes_on_with_expires() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let at = {
        let site = Site::over(&town);
        let worker = Sender::phone(&site, WORKER, 1);
        let at = worker.begun(record(1), &bytes);
        worker.piece(&at, 0, &bytes[..100], &[]);
        at
    };
    town.wait(8 * 24 * 60 * 60_000);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let answer = worker.piece(&at, 100, &bytes[100..], &[]);
    assert_eq!(answer.code(), code(410, "upload_expired"));
    // Random sources begin anew with each site of a test: the first would give the same id.
    drop(site.app.entropy());
    let again = worker.begun(record(1), &bytes);
    assert_ne!(again, at);
    assert_eq!(worker.stands_at(&again), 0);
}
