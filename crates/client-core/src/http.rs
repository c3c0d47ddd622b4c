//! A transport over HTTPS.

use std::io::Read;
use std::time::Duration;

use gridlog_protocol::limits::MAX_PAGE_WIRE_BYTES;

use crate::transport::{Answer, Transport, TransportError};

/// Longest time for one request and its answer. A page takes the server about a second; the rest is
/// for a bad line.
const LONGEST: Duration = Duration::from_secs(90);

/// Longest time without a word on a line that stays open. The server says something every 25 seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(15);

/// Speaks HTTP/1.1 over TLS (rustls) to one server.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    agent: ureq::Agent,
    base: String,
}

impl HttpTransport {
    /// Talks to the server at `base`, for example `https://grid.example`. Plain `http` is meant
    /// for a server on the same machine.
    ///
    /// # Errors
    /// [`TransportError::BadAddress`] if `base` is neither `https://` nor `http://` and a host.
    pub fn new(base: &str) -> Result<Self, TransportError> {
        let base = base.trim_end_matches('/');
        let host = base
            .strip_prefix("https://")
            .or_else(|| base.strip_prefix("http://"));
        if host.is_none_or(str::is_empty) {
            return Err(TransportError::BadAddress);
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(LONGEST))
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("gridlog/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            base: base.to_owned(),
        })
    }
}

impl Transport for HttpTransport {
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("content-type", content_type);
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        read_answer(request.send(body).map_err(translate)?)
    }

    fn listen(
        &self,
        path: &str,
        bearer: Option<&str>,
        on_bytes: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Answer, TransportError> {
        let mut request = self
            .agent
            .get(format!("{}{path}", self.base))
            .config()
            .timeout_global(None)
            .timeout_recv_response(Some(LONGEST))
            .timeout_per_read(Some(SILENCE))
            .build()
            .header("accept", "text/event-stream");
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().map_err(translate)?;
        if response.status() != 200 {
            return read_answer(response);
        }
        let mut reader = response.body_mut().as_reader();
        let mut bytes = [0; 1_024];
        loop {
            let count = reader.read(&mut bytes).map_err(|error| broken(&error))?;
            if count == 0 || !on_bytes(&bytes[..count]) {
                return Ok(Answer {
                    status: 200,
                    ..Answer::default()
                });
            }
        }
    }
}

fn read_answer(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, TransportError> {
    let retry_after_ms = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .and_then(|seconds| seconds.trim().parse::<u64>().ok())
        .map(|seconds| seconds.saturating_mul(1_000));
    Ok(Answer {
        status: response.status().as_u16(),
        body: read_capped(response.body_mut())?,
        retry_after_ms,
    })
}

fn broken(error: &std::io::Error) -> TransportError {
    match error.kind() {
        std::io::ErrorKind::TimedOut => TransportError::TimedOut,
        kind => TransportError::Unreachable {
            reason: kind.to_string(),
        },
    }
}

fn read_capped(body: &mut ureq::Body) -> Result<Vec<u8>, TransportError> {
    let cap = u64::try_from(MAX_PAGE_WIRE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    body.as_reader()
        .take(cap.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| broken(&error))?;
    if bytes.len() > MAX_PAGE_WIRE_BYTES {
        return Err(TransportError::AnswerTooLarge {
            limit: MAX_PAGE_WIRE_BYTES,
        });
    }
    Ok(bytes)
}

fn translate(error: ureq::Error) -> TransportError {
    let unreachable = |reason: &str| TransportError::Unreachable {
        reason: reason.to_owned(),
    };
    match error {
        ureq::Error::Timeout(_) => TransportError::TimedOut,
        ureq::Error::BadUri(_) => TransportError::BadAddress,
        ureq::Error::Io(cause) if cause.kind() == std::io::ErrorKind::TimedOut => {
            TransportError::TimedOut
        }
        ureq::Error::Io(cause) => unreachable(&cause.kind().to_string()),
        ureq::Error::HostNotFound => unreachable("host not found"),
        ureq::Error::ConnectionFailed => unreachable("connection failed"),
        _ => unreachable("the exchange failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    #[test]
    fn an_address_that_is_none_is_refused() {
        assert!(HttpTransport::new("grid.example").is_err());
        assert!(HttpTransport::new("https://").is_err());
        assert!(HttpTransport::new("https://grid.example/").is_ok());
    }

    #[test]
    fn a_refusal_is_an_answer_and_a_closed_door_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let mut body = [0; 5];
            reader.read_exact(&mut body).unwrap();
            stream
                .write_all(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno")
                .unwrap();
            (head.to_lowercase(), body)
        });
        let transport = HttpTransport::new(&format!("http://{address}")).unwrap();
        let answer = transport
            .post("/v1/sync", Some("secret"), "text/plain", b"hello")
            .unwrap();
        let (head, body) = server.join().unwrap();
        assert!(head.starts_with("post /v1/sync") && head.contains("bearer secret"));
        assert_eq!(&body, b"hello");
        assert_eq!((answer.status, answer.retry_after_ms), (503, Some(7_000)));
        assert_eq!(answer.body, b"no");
        assert!(transport.post("/v1/sync", None, "text/plain", b"").is_err());
    }

    /// A server that answers one request with `answer`, whole or in parts, and hangs up.
    fn answering(
        parts: &'static [&'static str],
    ) -> (HttpTransport, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            for part in parts {
                // Whoever has hung up hears no more.
                let _ = stream.write_all(part.as_bytes());
            }
            head.to_lowercase()
        });
        let transport = HttpTransport::new(&format!("http://{address}")).unwrap();
        (transport, server)
    }

    const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
        Transfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn a_line_hands_over_what_comes_until_the_server_ends_it() {
        let (transport, server) = answering(&[STREAM, "3\r\nabc\r\n", "2\r\nde\r\n", "0\r\n\r\n"]);
        let mut heard = Vec::new();
        let mut hear = |bytes: &[u8]| {
            heard.extend_from_slice(bytes);
            true
        };
        let ended = transport.listen("/v1/live?epoch=1&seq=2", Some("secret"), &mut hear);
        assert_eq!(ended.unwrap().status, 200);
        assert_eq!(heard, b"abcde");
        let head = server.join().unwrap();
        assert!(head.starts_with("get /v1/live?epoch=1&seq=2 ") && head.contains("bearer secret"));
    }

    #[test]
    fn a_line_ends_when_nobody_wants_to_hear_more_and_when_it_breaks() {
        let (transport, server) = answering(&[STREAM, "3\r\nabc\r\n"]);
        let ended = transport.listen("/v1/live", None, &mut |_| false);
        assert_eq!(ended.unwrap().status, 200);
        server.join().unwrap();
        let (transport, server) = answering(&[STREAM, "3\r\nabc\r\n"]);
        assert!(transport.listen("/v1/live", None, &mut |_| true).is_err());
        server.join().unwrap();
    }

    #[test]
    fn a_line_that_is_refused_is_an_answer() {
        const REFUSAL: &str = "HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno";
        let (transport, server) = answering(&[REFUSAL]);
        let answer = transport.listen("/v1/live", None, &mut |_| panic!("nothing is said"));
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.retry_after_ms), (503, Some(3_000)));
        server.join().unwrap();
    }
}
