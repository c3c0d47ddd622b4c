//! Passing bytes on, counting them, and breaking off where that was asked for.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use super::requests::RequestCounter;
use super::{Cut, Direction, Shared, close};

/// Passes bytes on in both directions until both ends are done or the connection is cut; whether
/// it was cut. The caller closes both ends.
pub(super) fn relay(
    phone: &TcpStream,
    server: &TcpStream,
    cut: Option<Cut>,
    shared: &Shared,
) -> bool {
    let limit = |direction: Direction| {
        cut.filter(|cut| cut.direction == direction)
            .map(|cut| cut.after)
    };
    thread::scope(|scope| {
        let up = || pass(phone, server, Direction::Up, limit(Direction::Up), shared);
        let spawned = thread::Builder::new()
            .name("proxy up".to_owned())
            .spawn_scoped(scope, up);
        let Ok(going_up) = spawned else {
            return false;
        };
        let down = limit(Direction::Down);
        let cut_down = pass(server, phone, Direction::Down, down, shared);
        let cut_up = going_up.join().unwrap_or(false);
        cut_down || cut_up
    })
}

/// True if it broke off as planned.
fn pass(
    mut from: &TcpStream,
    mut to: &TcpStream,
    direction: Direction,
    mut left: Option<u64>,
    shared: &Shared,
) -> bool {
    let mut buffer = [0_u8; 16 * 1024];
    let mut requests = RequestCounter::default();
    loop {
        if left == Some(0) {
            shared.state().traffic.cuts += 1;
            close(from, to);
            return true;
        }
        let read = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        let passing = left.map_or(read, |left| {
            read.min(usize::try_from(left).unwrap_or(usize::MAX))
        });
        count(shared, direction, &buffer[..passing], &mut requests);
        if to.write_all(&buffer[..passing]).is_err() {
            break;
        }
        left = left.map(|left| left - passing as u64);
    }
    // Half-closed only: the answer to the last request may still be on its way.
    let _ = to.shutdown(Shutdown::Write);
    false
}

fn count(shared: &Shared, direction: Direction, bytes: &[u8], requests: &mut RequestCounter) {
    let mut state = shared.state();
    match direction {
        Direction::Up => {
            state.traffic.up += bytes.len() as u64;
            state.traffic.requests += requests.read(bytes);
        }
        Direction::Down => state.traffic.down += bytes.len() as u64,
    }
}
