//! A server that can do one thing: enrol one person, once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use gridlog_domain::id::DeviceId;
use gridlog_protocol::{Certificate, EnrolAnswer, EnrolRequest, Key, SigningKey};
use serde_json::json;

/// Starts the server; its address.
pub(crate) fn server_for(person: &'static str, grid: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let request = read_request(&stream);
        assert_eq!(
            (request.person.as_str(), request.password.as_str()),
            (person, "correct horse")
        );
        let body = serde_json::to_vec(&answer(&request, grid)).unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        (&stream)
            .write_all(&[head.as_bytes(), &body].concat())
            .unwrap();
    });
    format!("http://{address}")
}

fn read_request(stream: &TcpStream) -> EnrolRequest {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn answer(request: &EnrolRequest, grid: &str) -> EnrolAnswer {
    let key = SigningKey::from_bytes(&[9; 32]);
    let device = [5; 16];
    let mut actor = [0; 16];
    hex::decode_to_slice(&request.actor, &mut actor).unwrap();
    let certificate = Certificate {
        person: request.person.clone(),
        device: Key(device),
        actor: Key(actor),
        issued_ms: 0,
    };
    EnrolAnswer {
        device: DeviceId::from_bytes(device).to_string(),
        token: "token".to_owned(),
        server_key: hex::encode(key.verifying_key().as_bytes()),
        certificate: hex::encode(certificate.sign(&key)),
        district: "430111".to_owned(),
        profile: json!({
            "id": request.person, "name": "网格员 001", "enabled": true,
            "assignments": [{ "role": "grid_worker", "area": grid, "valid_from_ms": 0 }],
        }),
        profile_version: 1,
        successions: Vec::new(),
    }
}
