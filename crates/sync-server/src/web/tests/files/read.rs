//! Reading: who gets what, and in which words.

use super::*;

#[test]
fn knowing_a_hash_opens_nothing() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let mut thief = town.phone(3, NEIGHBOUR);
    thief.bootstrap(&town);
    let said = [
        new_case(GRID_B, "自己的案卷"),
        refer(&town, &bytes, None, NEIGHBOUR),
    ];
    let item = thief.write(&town, record(2), &said);
    thief.push(&town, vec![item]);
    let site = Site::over(&town);
    Sender::phone(&site, WORKER, 1).upload(record(1), &bytes);
    let thief = Sender::phone(&site, NEIGHBOUR, 3);
    let answer = thief.read(record(2), hash(&bytes), &[]);
    assert_eq!(answer.code(), (404, "file_not_here".to_owned()));
    let begun = thief.begin(record(2), hash(&bytes), bytes.len());
    assert_eq!(begun.header("upload-offset"), "0", "it takes the bytes");
    thief.upload(record(2), &bytes);
    assert_eq!(thief.read(record(2), hash(&bytes), &[]).body, bytes);
    assert_eq!(
        town.store.stored_files().unwrap(),
        (1, 5_000),
        "stored once"
    );
}

#[test]
fn a_file_to_which_the_record_does_not_refer_is_not_read() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    worker.upload(record(1), &bytes);
    let answer = worker.read(record(1), hash(&bytes), &[]);
    assert_eq!(answer.code(), (404, "not_found".to_owned()));
}

#[test]
fn a_part_is_read_by_its_range() {
    let bytes = photo(1, 10_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    worker.upload(record(1), &bytes);
    let read = |range: &str| worker.read(record(1), hash(&bytes), &[("range", range)]);
    for (range, said, part) in [
        ("bytes=0-99", "bytes 0-99/10000", &bytes[..100]),
        ("bytes=-10", "bytes 9990-9999/10000", &bytes[9_990..]),
        ("bytes=9000-20000", "bytes 9000-9999/10000", &bytes[9_000..]),
    ] {
        let answer = read(range);
        assert_eq!((answer.status, answer.header("content-range")), (206, said));
        assert_eq!(answer.body, part);
        assert_eq!(answer.header("content-length"), part.len().to_string());
    }
    let answer = read("bytes=10000-");
    assert_eq!(
        (answer.status, answer.header("content-range")),
        (416, "bytes */10000")
    );
    assert!(answer.body.is_empty());
    let answer = read("bytes=0-1,5-6");
    assert_eq!((answer.status, &answer.body), (200, &bytes), "several: all");
}

#[test]
fn who_holds_a_file_is_told_so() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    worker.upload(record(1), &bytes);
    let etag = worker
        .read(record(1), hash(&bytes), &[])
        .header("etag")
        .to_owned();
    assert_eq!(etag, format!("\"{}\"", hash(&bytes)));
    let answer = worker.read(record(1), hash(&bytes), &[("if-none-match", &etag)]);
    assert_eq!((answer.status, answer.body.len()), (304, 0));
}

#[test]
fn nothing_that_is_read_can_run_in_a_browser() {
    let page = b"<html><script>alert(1)</script></html>".to_vec();
    let picture = photo(1, 5_000);
    let (town, _phone) = town_with(&[&page, &picture]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    for (bytes, media_type, shown) in [
        (&page, "application/octet-stream", "attachment"),
        (&picture, "image/jpeg", "inline"),
    ] {
        worker.upload(record(1), bytes);
        let answer = worker.read(record(1), hash(bytes), &[]);
        assert_eq!(answer.header("content-type"), media_type);
        assert_eq!(answer.header("content-disposition"), shown);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let policy = answer.header("content-security-policy");
        assert_eq!(policy, "sandbox; default-src 'none'");
        assert!(answer.header("cache-control").starts_with("private"));
    }
}

#[test]
fn the_preview_that_a_reference_names_is_the_preview() {
    let (bytes, small) = (photo(1, 5_000), photo(2, 500));
    let (town, mut phone) = town_with(&[]);
    let said = refer(&town, &bytes, Some(&small), WORKER);
    let said = phone.write(&town, record(1), &[said]);
    phone.push(&town, vec![said]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let path = format!("/v1/files/{}/{}/preview", record(1), hash(&bytes));
    let answer = worker.ask("GET", &path, &[]);
    assert_eq!(answer.code(), (404, "file_not_here".to_owned()));
    worker.upload(record(1), &small);
    let answer = worker.ask("GET", &path, &[]);
    assert_eq!(
        (answer.status, &answer.body),
        (200, &small),
        "before the photo"
    );
    assert_eq!(answer.header("content-type"), "image/jpeg");
    worker.upload(record(1), &bytes);
    assert_eq!(worker.ask("GET", &path, &[]).body, small);
    assert_eq!(worker.read(record(1), hash(&small), &[]).body, small);
}

#[test]
fn the_api_describes_how_files_are_read() {
    let town = Town::new();
    let site = Site::over(&town);
    let api = send(&site, request("GET", "/v1/openapi.json", "", &[]));
    let api: Value = serde_json::from_slice(&api.body).unwrap();
    for path in [
        "/v1/files/{record}/{sha256}",
        "/v1/files/{record}/{sha256}/preview",
    ] {
        assert!(
            api["paths"][path]["get"]["responses"]["410"].is_object(),
            "{path}"
        );
    }
}

#[test]
fn the_server_makes_the_preview_of_a_photo_that_came_without_one() {
    let bytes = gridlog_picture_guard::gallery::jpeg(1_200, 900, 7);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    worker.upload(record(1), &bytes);
    let path = format!("/v1/files/{}/{}/preview", record(1), hash(&bytes));
    let first = worker.ask("GET", &path, &[]);
    assert_eq!(first.status, 200, "{:?}", first.code());
    assert_eq!(first.header("content-type"), "image/jpeg");
    assert!(first.body.len() < bytes.len() / 4, "{}", first.body.len());
    assert!(first.body.starts_with(b"\xff\xd8\xff"));
    let again = worker.ask("GET", &path, &[]);
    assert_eq!(again.body, first.body);
    let etag = first.header("etag").to_owned();
    assert_ne!(etag, format!("\"{}\"", hash(&bytes)));
    let held = worker.ask("GET", &path, &[("if-none-match", &etag)]);
    assert_eq!(held.status, 304);
}

#[test]
fn what_cannot_be_shown_small_is_a_file_without_a_preview_and_no_outage() {
    // A PNG that declares 60,000 by 60,000 pixels, and what a camera left half written.
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bomb.extend(60_000_u32.to_be_bytes());
    bomb.extend(60_000_u32.to_be_bytes());
    bomb.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    let torn = gridlog_picture_guard::gallery::jpeg(640, 480, 7)[..300].to_vec();
    let page = b"<html></html>".to_vec();
    let (town, _phone) = town_with(&[&bomb, &torn, &page]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    for bytes in [bomb, torn, page] {
        worker.upload(record(1), &bytes);
        let path = format!("/v1/files/{}/{}/preview", record(1), hash(&bytes));
        for _ in 0..2 {
            let answer = worker.ask("GET", &path, &[]);
            assert_eq!(answer.code(), (404, "no_preview".to_owned()));
        }
        assert_eq!(worker.read(record(1), hash(&bytes), &[]).body, bytes);
    }
}
