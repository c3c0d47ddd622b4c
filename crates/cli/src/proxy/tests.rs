use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::*;

/// A server that sends back whatever comes, in capitals.
fn shouting_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut buffer = [0_u8; 1024];
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    let shouted = buffer[..read].to_ascii_uppercase();
                    if stream.write_all(&shouted).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Sends everything, then reads until the end; what came, and whether the end was regular.
fn talk(proxy: &Proxy, words: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    let mut heard = Vec::new();
    let sent = stream.write_all(words);
    if sent.is_ok() {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let _ = stream.read_to_end(&mut heard);
    heard
}

#[test]
fn bytes_pass_in_both_directions_and_are_counted() {
    let proxy = Proxy::start(shouting_server()).unwrap();
    let request = b"post /v1/sync http/1.1\r\ncontent-length: 2\r\n\r\nhi";
    assert_eq!(talk(&proxy, request), request.to_ascii_uppercase());
    let traffic = proxy.traffic();
    assert_eq!(traffic.up, request.len() as u64);
    assert_eq!(traffic.down, request.len() as u64);
    assert_eq!((traffic.connections, traffic.requests), (1, 1));
}

#[test]
fn a_connection_is_cut_after_exactly_that_many_bytes_and_the_next_one_is_whole() {
    let proxy = Proxy::start(shouting_server()).unwrap();
    proxy.cut_next(Cut {
        direction: Direction::Down,
        after: 3,
    });
    assert_eq!(talk(&proxy, b"hello"), b"HEL");
    assert_eq!(talk(&proxy, b"hello"), b"HELLO");
    assert_eq!(proxy.traffic().cuts, 1);
}

#[test]
fn a_connection_that_ends_too_early_passes_its_cut_on_to_the_next() {
    let proxy = Proxy::start(shouting_server()).unwrap();
    proxy.cut_next(Cut {
        direction: Direction::Down,
        after: 3,
    });
    assert_eq!(talk(&proxy, b"hi"), b"HI");
    // The proxy has seen the end of the first connection once it counts none as open.
    while !proxy.shared.state().open.is_empty() {
        thread::yield_now();
    }
    assert_eq!(talk(&proxy, b"hello"), b"HEL");
    assert_eq!(talk(&proxy, b"hello"), b"HELLO");
}

#[test]
fn what_is_cut_on_the_way_up_never_reaches_the_server() {
    let proxy = Proxy::start(shouting_server()).unwrap();
    proxy.cut_connection(
        2,
        Cut {
            direction: Direction::Up,
            after: 2,
        },
    );
    assert_eq!(talk(&proxy, b"hello"), b"HELLO");
    assert!(talk(&proxy, b"hello").len() <= 2);
    assert_eq!(proxy.traffic().up, 7);
}

#[test]
fn while_it_refuses_nobody_gets_through_and_afterwards_everybody_does() {
    let proxy = Proxy::start(shouting_server()).unwrap();
    proxy.set_refusing(true);
    assert_eq!(talk(&proxy, b"hello"), b"");
    proxy.set_refusing(false);
    assert_eq!(talk(&proxy, b"hello"), b"HELLO");
    let traffic = proxy.traffic();
    assert_eq!((traffic.connections, traffic.refused), (1, 1));
}

#[test]
fn it_follows_a_server_to_another_port() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let proxy = Proxy::start(nobody.unwrap()).unwrap();
    assert_eq!(talk(&proxy, b"hello"), b"");
    proxy.set_upstream(shouting_server());
    assert_eq!(talk(&proxy, b"hello"), b"HELLO");
}

#[test]
fn open_connections_can_be_dropped() {
    let proxy = Proxy::start(shouting_server()).unwrap();
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.write_all(b"a").unwrap();
    let mut heard = [0_u8; 1];
    stream.read_exact(&mut heard).unwrap();
    proxy.drop_open();
    let rest = stream.read(&mut heard);
    assert!(matches!(rest, Ok(0) | Err(_)), "{rest:?}");
}
