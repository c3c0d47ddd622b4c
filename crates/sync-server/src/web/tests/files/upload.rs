//! Uploads that go well, sooner or later.

use super::*;

#[test]
fn a_file_arrives_in_pieces_and_whoever_sees_its_record_reads_it() {
    let bytes = photo(1, 300_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    assert_eq!(worker.stands_at(&at), 0);
    let answer = worker.read(record(1), hash(&bytes), &[]);
    assert_eq!(answer.code(), (404, "file_not_here".to_owned()));
    for (offset, piece) in [(0, &bytes[..200_000]), (200_000, &bytes[200_000..])] {
        let sum = checksum(piece);
        let answer = worker.piece(&at, offset, piece, &[("upload-checksum", &sum)]);
        assert_eq!(answer.status, 204, "{:?}", answer.code());
        let stands = (offset + piece.len()).to_string();
        assert_eq!(answer.header("upload-offset"), stands);
        assert!(answer.header("upload-expires").ends_with(" GMT"));
    }
    assert_eq!(worker.stands_at(&at), bytes.len());
    for reader in [worker, Sender::office(&site, OFFICE)] {
        let answer = reader.read(record(1), hash(&bytes), &[]);
        assert_eq!((answer.status, &answer.body), (200, &bytes));
    }
    let strangers = [
        Sender::office(&site, NEIGHBOUR),
        Sender::office(&site, KEEPER),
    ];
    for stranger in strangers {
        let answer = stranger.read(record(1), hash(&bytes), &[]);
        assert_eq!(answer.code(), (404, "not_found".to_owned()));
    }
    let unsigned = Sender {
        site: &site,
        token: String::new(),
    };
    assert_eq!(unsigned.read(record(1), hash(&bytes), &[]).status, 401);
    assert_eq!(on_disk(&town).len(), 1, "nothing is left of the upload");
}

#[test]
fn an_upload_goes_on_after_a_restart_where_it_stood() {
    let bytes = photo(1, 100_000);
    let (town, _phone) = town_with(&[&bytes]);
    let at = {
        let site = Site::over(&town);
        let worker = Sender::phone(&site, WORKER, 1);
        let at = worker.begun(record(1), &bytes);
        worker.piece(&at, 0, &bytes[..70_000], &[]);
        at
    };
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    assert_eq!(worker.stands_at(&at), 70_000);
    let answer = worker.piece(&at, 70_000, &bytes[70_000..], &[]);
    assert_eq!(answer.status, 204);
    let answer = worker.read(record(1), hash(&bytes), &[]);
    assert_eq!((answer.status, &answer.body), (200, &bytes));
}

#[test]
fn an_upload_that_was_whole_when_the_server_was_killed_is_finished_without_a_byte_sent_again() {
    let bytes = photo(1, 100_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    let id = at.rsplit('/').next().unwrap();
    let part = town.folder.path().join("files/unfinished").join(id);
    std::fs::write(part, &bytes).unwrap();
    assert_eq!(worker.stands_at(&at), bytes.len());
    let answer = worker.read(record(1), hash(&bytes), &[]);
    assert_eq!((answer.status, &answer.body), (200, &bytes));
}

#[test]
fn beginning_again_is_the_same_upload_and_what_is_held_is_finished_at_once() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    town.phone(2, WORKER);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    worker.piece(&at, 0, &bytes[..2_000], &[]);
    let again = worker.begin(record(1), hash(&bytes), bytes.len());
    assert_eq!(again.header("location"), at);
    assert_eq!(again.header("upload-offset"), "2000");
    let other = Sender::phone(&site, WORKER, 2);
    assert_ne!(other.begun(record(1), &bytes), at, "another phone's own");
    worker.piece(&at, 2_000, &bytes[2_000..], &[]);
    for sender in [worker, other, Sender::office(&site, OFFICE)] {
        let held = sender.begin(record(1), hash(&bytes), bytes.len());
        assert_eq!(held.header("upload-offset"), "5000");
        assert_eq!(sender.stands_at(held.header("location")), 5_000);
    }
    assert_eq!(town.store.stored_files().unwrap(), (1, 5_000));
}

#[test]
fn a_small_file_arrives_with_the_request_that_begins_it() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let answer = worker.begin_with(record(1), &bytes, &bytes, &checksum(&bytes));
    assert_eq!(
        (answer.status, answer.header("upload-offset")),
        (201, "5000")
    );
    assert_eq!(worker.read(record(1), hash(&bytes), &[]).body, bytes);
    assert_eq!(on_disk(&town).len(), 1);
}

#[test]
fn uploads_that_end_at_the_same_moment_are_finished_together_and_each_is_answered() {
    let photos: Vec<Vec<u8>> = (1..=30).map(|n| photo(n, 5_000)).collect();
    let photos: Vec<&[u8]> = photos.iter().map(Vec::as_slice).collect();
    let (town, _phone) = town_with(&photos);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for at_once in photos.chunks(6) {
        let requests = at_once.iter().map(|bytes| {
            let request = worker.beginning(record(1), bytes, bytes, &checksum(bytes));
            runtime.spawn(router(site.app.clone()).oneshot(request))
        });
        for answer in Vec::from_iter(requests) {
            let answer = runtime.block_on(answer).unwrap().unwrap();
            assert_eq!(answer.status(), StatusCode::CREATED);
            assert_eq!(answer.headers()["upload-offset"], "5000");
        }
    }
    assert_eq!(town.store.stored_files().unwrap(), (30, 150_000));
    assert_eq!(on_disk(&town).len(), 30);
}

#[test]
fn the_first_piece_comes_with_the_request_that_begins_and_counts_once() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let first = &bytes[..2_000];
    let begin = |checksum: &str| worker.begin_with(record(1), &bytes, first, checksum);
    let damaged = begin(&checksum(b"something else"));
    assert_eq!(damaged.code(), (460, "checksum_wrong".to_owned()));
    let begun = begin(&checksum(first));
    assert_eq!((begun.status, begun.header("upload-offset")), (201, "2000"));
    let again = begin(&checksum(first));
    assert_eq!((again.status, again.header("upload-offset")), (201, "2000"));
    let at = begun.header("location");
    assert_eq!(again.header("location"), at);
    assert_eq!(worker.piece(at, 2_000, &bytes[2_000..], &[]).status, 204);
    assert_eq!(worker.read(record(1), hash(&bytes), &[]).body, bytes);
}

#[test]
fn a_first_piece_that_is_longer_than_the_file_begins_nothing() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let longer = photo(1, 5_001);
    let answer = worker.begin_with(record(1), &bytes, &longer, &checksum(&longer));
    assert_eq!(answer.code(), (413, "upload_beyond_end".to_owned()));
    assert_eq!(on_disk(&town), [] as [std::path::PathBuf; 0]);
}

#[test]
fn after_a_cut_every_byte_counts_without_a_checksum_and_none_with_one() {
    let bytes = photo(1, 400_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    let sum = checksum(&bytes[..300_000]);
    let cut = |said: &[(&str, &str)]| {
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> = vec![
            Ok(bytes[..150_000].to_vec()),
            Ok(bytes[150_000..151_000].to_vec()),
            Err(std::io::ErrorKind::ConnectionReset.into()),
        ];
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let mut headers = vec![TUS, PIECE, ("upload-offset", "0")];
        headers.extend(said);
        send(
            &site,
            with_body("PATCH", &at, &worker.token, &headers, body),
        )
    };
    let answer = cut(&[("upload-checksum", &sum)]);
    assert_eq!(answer.code(), (408, "upload_cut".to_owned()));
    assert_eq!(worker.stands_at(&at), 0);
    assert_eq!(cut(&[]).code(), (408, "upload_cut".to_owned()));
    assert_eq!(worker.stands_at(&at), 151_000);
    let answer = worker.piece(&at, 151_000, &bytes[151_000..], &[]);
    assert_eq!(answer.status, 204);
    assert_eq!(worker.read(record(1), hash(&bytes), &[]).body, bytes);
}

#[test]
fn a_client_that_can_only_post_says_what_it_means_in_a_header() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    let said = [
        TUS,
        PIECE,
        ("upload-offset", "0"),
        ("x-http-method-override", "PATCH"),
    ];
    let body = Body::from(bytes.clone());
    let answer = send(&site, with_body("POST", &at, &worker.token, &said, body));
    assert_eq!(answer.status, 204);
    assert_eq!(worker.read(record(1), hash(&bytes), &[]).body, bytes);
    assert_eq!(worker.ask("POST", &at, &[TUS]).status, 405);
}

#[test]
fn who_left_the_area_still_brings_the_photo_that_their_words_refer_to() {
    let (old, new) = (photo(1, 5_000), photo(2, 5_000));
    let (town, _phone) = town_with(&[]);
    let mut colleague = town.phone(2, COLLEAGUE);
    colleague.bootstrap(&town);
    let said = colleague.write(&town, record(1), &[refer(&town, &old, None, COLLEAGUE)]);
    colleague.push(&town, vec![said]);
    let mut person = town.directory.now().people[&staff(COLLEAGUE)].clone();
    person.person.assignments[0].area = GRID_B.into();
    town.store.put_people(&[person]).unwrap();
    town.directory.refresh(&*town.store).unwrap();
    let site = Site::over(&town);
    let colleague = Sender::phone(&site, COLLEAGUE, 2);
    let answer = colleague.begin(record(1), hash(&new), new.len());
    assert_eq!(answer.code(), (403, "record_out_of_scope".to_owned()));
    colleague.upload(record(1), &old);
    assert!(town.store.held_file(pair(1, &old)).unwrap().is_some());
}

#[test]
fn the_server_says_what_it_can_to_anybody() {
    let town = Town::new();
    let site = Site::over(&town);
    let answer = send(&site, request("OPTIONS", "/v1/files", "", &[]));
    assert_eq!(answer.status, 204);
    for (name, said) in [
        ("tus-resumable", "1.0.0"),
        ("tus-version", "1.0.0"),
        (
            "tus-extension",
            "creation,creation-with-upload,checksum,expiration,termination",
        ),
        ("tus-max-size", "10485760"),
        ("tus-checksum-algorithm", "sha256,sha1"),
    ] {
        assert_eq!(answer.header(name), said, "{name}");
    }
}

#[test]
fn an_upload_that_is_given_up_is_gone() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    worker.piece(&at, 0, &bytes[..100], &[]);
    assert_eq!(worker.ask("DELETE", &at, &[TUS]).status, 204);
    assert_eq!(worker.ask("HEAD", &at, &[TUS]).status, 404);
    assert!(on_disk(&town).is_empty());
}
