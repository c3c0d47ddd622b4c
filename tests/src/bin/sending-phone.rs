//! A phone in a process of its own that sends its files until none is left, to be killed.
//!
//! Arguments: the store's folder, and the address of the server. It goes on after every failure and ends when the
//! server has everything.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gridlog_cli::environment::SystemClock;
use gridlog_client_core::{HttpTransport, SendOptions};
use gridlog_tests::open_phone;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name the store's folder")?);
    let url = arguments.next().ok_or("name the server's address")?;
    let phone = open_phone(&folder, Arc::new(SystemClock));
    let transport = HttpTransport::new(&url)?;
    loop {
        match phone.send_files(&transport, SendOptions::default()) {
            Ok(report) if report.left == 0 => return Ok(()),
            // No server, no network, a busy one: the next run goes on where this one ended.
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
