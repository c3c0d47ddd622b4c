//! Counting the HTTP/1.1 requests in a stream of bytes.
//!
//! Phones send bodies with a `Content-Length`. After a chunked body the counter loses its place
//! and counts nothing more on that connection, which is better than counting what is not there.

const MAX_HEAD: usize = 64 * 1024;

/// Where in the stream the counter stands.
#[derive(Debug)]
enum Place {
    /// In a request's head; what has been read of it.
    Head(Vec<u8>),
    /// In a body; how much of it is to come.
    Body(u64),
    /// Nowhere it knows.
    Lost,
}

/// Counts the requests of one connection.
#[derive(Debug)]
pub(super) struct RequestCounter {
    place: Place,
}

impl Default for RequestCounter {
    fn default() -> Self {
        Self {
            place: Place::Head(Vec::new()),
        }
    }
}

impl RequestCounter {
    /// Reads on; how many heads ended in these bytes.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> u64 {
        let mut counted = 0;
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.place {
                Place::Head(head) => {
                    head.push(*first);
                    bytes = rest;
                    if head.ends_with(b"\r\n\r\n") {
                        counted += 1;
                        self.place = after_head(head);
                    } else if head.len() > MAX_HEAD {
                        self.place = Place::Lost;
                    }
                }
                Place::Body(left) => {
                    let skipped = bytes
                        .len()
                        .min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= skipped as u64;
                    bytes = &bytes[skipped..];
                    if *left == 0 {
                        self.place = Place::Head(Vec::new());
                    }
                }
                Place::Lost => return counted,
            }
        }
        counted
    }
}

fn after_head(head: &[u8]) -> Place {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim())
    };
    if value("transfer-encoding").is_some() {
        return Place::Lost;
    }
    match value("content-length").map(str::parse::<u64>) {
        None | Some(Ok(0)) => Place::Head(Vec::new()),
        Some(Ok(length)) => Place::Body(length),
        Some(Err(_)) => Place::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"POST /v1/sync HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET \r\n\r\n!\
                         GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn requests_are_counted_and_bodies_are_not_taken_for_requests() {
        assert_eq!(RequestCounter::default().read(TWO), 2);
    }

    #[test]
    fn it_does_not_matter_how_the_stream_is_cut_into_pieces() {
        let mut counter = RequestCounter::default();
        let counted: u64 = TWO.chunks(1).map(|piece| counter.read(piece)).sum();
        assert_eq!(counted, 2);
    }

    #[test]
    fn a_request_that_is_cut_in_its_head_is_not_counted() {
        assert_eq!(RequestCounter::default().read(b"POST /v1/sync HT"), 0);
    }
}
