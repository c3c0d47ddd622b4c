//! What the loopback alone takes for so many bytes.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use crate::error::BenchError;

/// How much is written at once, bytes.
const PIECE: usize = 256 * 1024;

/// Seconds until that many bytes arrived at the other end of one connection.
pub(crate) fn carrying_s(bytes: u64) -> Result<f64, BenchError> {
    let failed = |source| BenchError::Proxy { source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let begun = Instant::now();
    thread::scope(|scope| {
        let sending = scope.spawn(move || {
            let mut line = TcpStream::connect(address)?;
            let piece = vec![7; PIECE];
            let mut left = bytes;
            while left > 0 {
                let now = piece.len().min(usize::try_from(left).unwrap_or(PIECE));
                line.write_all(&piece[..now])?;
                left -= now as u64;
            }
            Ok(())
        });
        let (mut line, _) = listener.accept().map_err(failed)?;
        let mut buffer = vec![0; PIECE];
        while line.read(&mut buffer).map_err(failed)? > 0 {}
        let sent = sending.join().map_err(|_| BenchError::Broken {
            what: "had a sender that panicked",
        })?;
        sent.map_err(failed)
    })?;
    Ok(begun.elapsed().as_secs_f64())
}
