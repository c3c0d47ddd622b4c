//! A phone in a process of its own that writes without end, to be killed.
//!
//! Arguments: the store's folder, and a number that begins its titles. After every recording call
//! that returned it prints one line: `record <id> <title>` or `comment <id> <text>`.
#![allow(
    clippy::print_stdout,
    reason = "what it acknowledges is what the test reads"
)]

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use gridlog_cli::environment::SystemClock;
use gridlog_client_core::NewReport;
use gridlog_tests::{open_phone, words};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name the store's folder")?);
    let run = arguments.next().ok_or("name the run")?;
    let phone = open_phone(&folder, Arc::new(SystemClock));
    let mut output = std::io::stdout().lock();
    for n in 0_u64.. {
        let title = words(&format!("{run}-{n}"));
        let id = phone.report(NewReport {
            title: title.clone(),
            category: "01014".to_owned(),
            area: Some("43011100300101".into()),
            ..NewReport::default()
        })?;
        writeln!(output, "record {id} {title}")?;
        output.flush()?;
        let text = words(&format!("说明{run}-{n}"));
        phone.comment(id, &text)?;
        writeln!(output, "comment {id} {text}")?;
        output.flush()?;
    }
    Ok(())
}
