//! A transport over HTTPS.

use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use gridlog_protocol::limits::MAX_PAGE_WIRE_BYTES;

use crate::files::{FileAnswer, FileMethod, FileRequest, FileTransport};
use crate::transport::{Answer, Transport, TransportError};

/// Longest time to send a request's body. The server gives up on it then, too.
const SENDING: Duration = Duration::from_secs(120);

/// Longest time until an answer begins. A page takes the server about a second.
const ANSWERING: Duration = Duration::from_secs(60);

/// Longest time to read an answer's body: a page of some hundred kilobytes comes whole over a line of
/// a few kilobits a second, since what came of a page that was cut is of no use.
const READING: Duration = Duration::from_secs(10 * 60);

/// Longest time without a word while something comes in. On a line that stays open the server says
/// something every 25 seconds.
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
    /// Talks to the server at `base`, for example `https://grid.example`. Plain `http` is for a server
    /// on the same machine, `localhost` or a loopback address: over a network, a password and residents'
    /// data would go in the clear.
    ///
    /// # Errors
    /// [`TransportError::BadAddress`] if `base` is neither `https://` and a host nor `http://` and this
    /// machine.
    pub fn new(base: &str) -> Result<Self, TransportError> {
        let base = base.trim_end_matches('/');
        let uri: ureq::http::Uri = base.parse().map_err(|_| TransportError::BadAddress)?;
        let is_safe = match (uri.scheme_str(), uri.host()) {
            (Some("https"), Some(_)) => true,
            (Some("http"), Some(host)) => is_this_machine(host),
            _ => false,
        };
        if !is_safe {
            return Err(TransportError::BadAddress);
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .timeout_send_body(Some(SENDING))
            .timeout_recv_response(Some(ANSWERING))
            .timeout_recv_body(Some(READING))
            .timeout_per_read(Some(SILENCE))
            .user_agent(concat!("gridlog/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            base: base.to_owned(),
        })
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = address
        .parse::<IpAddr>()
        .map(|address| address.is_loopback());
    loopback.unwrap_or(host == "localhost")
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

    fn get(&self, path: &str, bearer: Option<&str>) -> Result<Answer, TransportError> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        read_answer(request.call().map_err(translate)?)
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
            .timeout_recv_body(None)
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

impl FileTransport for HttpTransport {
    fn exchange(&self, bearer: &str, request: &FileRequest) -> Result<FileAnswer, TransportError> {
        let mut builder = ureq::http::Request::builder()
            .method(request.method.name())
            .uri(format!("{}{}", self.base, request.path))
            .header("authorization", format!("Bearer {bearer}"));
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let unsound = |_| TransportError::BadAddress;
        let answered = match request.method {
            FileMethod::Post | FileMethod::Patch => self
                .agent
                .run(builder.body(&request.body[..]).map_err(unsound)?),
            FileMethod::Head | FileMethod::Get => {
                self.agent.run(builder.body(()).map_err(unsound)?)
            }
        };
        let mut response = answered.map_err(translate)?;
        let text = |name: &str| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let number = |name: &str| text(name)?.trim().parse::<u64>().ok();
        let mut answer = FileAnswer {
            status: response.status().as_u16(),
            location: text("location"),
            upload_offset: number("upload-offset"),
            content_range: text("content-range"),
            retry_after_ms: number("retry-after").map(|seconds| seconds.saturating_mul(1_000)),
            body: Vec::new(),
        };
        if request.method != FileMethod::Head {
            answer.body = read_capped(response.body_mut(), request.max_answer)?;
        }
        Ok(answer)
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
        body: read_capped(response.body_mut(), MAX_PAGE_WIRE_BYTES)?,
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

fn read_capped(body: &mut ureq::Body, limit: usize) -> Result<Vec<u8>, TransportError> {
    let cap = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    body.as_reader()
        .take(cap.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| broken(&error))?;
    if bytes.len() > limit {
        return Err(TransportError::AnswerTooLarge { limit });
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
    fn nothing_goes_over_a_network_in_the_clear() {
        for far in [
            "http://grid.example",
            "http://10.0.2.2:8930",
            "http://localhost.example",
        ] {
            assert!(HttpTransport::new(far).is_err(), "{far}");
        }
        for here in [
            "http://localhost:8930",
            "http://127.0.0.1:1",
            "http://[::1]:1/",
        ] {
            assert!(HttpTransport::new(here).is_ok(), "{here}");
        }
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

    #[test]
    fn a_piece_of_a_file_goes_with_its_headers_and_what_the_head_says_comes_back() {
        const TAKEN: &str = "HTTP/1.1 204 No Content\r\nUpload-Offset: 262144\r\n\r\n";
        let (transport, server) = answering(&[TAKEN]);
        let request = FileRequest {
            method: FileMethod::Patch,
            path: "/v1/files/uploads/abc".to_owned(),
            headers: vec![("upload-offset", "7".to_owned())],
            body: b"a piece".to_vec(),
            max_answer: 100,
        };
        let answer = transport.exchange("secret", &request).unwrap();
        assert_eq!((answer.status, answer.upload_offset), (204, Some(262_144)));
        let head = server.join().unwrap();
        assert!(head.starts_with("patch /v1/files/uploads/abc "), "{head}");
        for line in [
            "authorization: bearer secret",
            "upload-offset: 7",
            "content-length: 7",
        ] {
            assert!(head.contains(line), "{head}");
        }
    }

    #[test]
    fn an_answer_about_files_is_read_no_further_than_was_asked_for() {
        const LONG: &str = "HTTP/1.1 206 Partial\r\nContent-Length: 5\r\n\r\nabcde";
        let (transport, server) = answering(&[LONG]);
        let request = FileRequest {
            method: FileMethod::Get,
            path: "/v1/files/r/f".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            max_answer: 4,
        };
        let refused = transport.exchange("secret", &request).unwrap_err();
        assert_eq!(refused, TransportError::AnswerTooLarge { limit: 4 });
        server.join().unwrap();
        const HEAD: &str = "HTTP/1.1 200 OK\r\nUpload-Offset: 9\r\nContent-Length: 0\r\n\r\n";
        let (transport, server) = answering(&[HEAD]);
        let ask = FileRequest {
            method: FileMethod::Head,
            ..request
        };
        assert_eq!(
            transport.exchange("secret", &ask).unwrap().upload_offset,
            Some(9)
        );
        assert!(server.join().unwrap().starts_with("head "));
    }
}
