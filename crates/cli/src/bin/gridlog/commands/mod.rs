//! What each command does: it opens the phone, makes one call of the engine, and says what became
//! of it.

mod categories;
mod drafts;
mod edit;
mod enrol;
mod fieldwork;
mod files;
mod look;
mod needs_you;
mod online;
mod proof;
mod propose;
mod report;
mod show;
mod stay;
mod street;
mod sync;

use std::path::PathBuf;

use gridlog_domain::id::RecordId;
use serde_json::json;

use crate::answer::Answer;
use crate::arguments::Command;
use crate::error::CliError;
use crate::home::Home;
use crate::ids;

pub(crate) use stay::stay;

/// Carries out one command of the phone.
pub(crate) fn carry_out(home: Option<PathBuf>, command: Command) -> Result<Answer, CliError> {
    if let Command::Street { out, password } = &command {
        return street::street(out, password);
    }
    let home = Home::find(home)?;
    let phone = home.open()?;
    match command {
        Command::Enrol(arguments) => enrol::enrol(&home, &phone, &arguments),
        Command::Patrol(step) => fieldwork::patrol(&phone, step),
        Command::Visit(arguments) => fieldwork::visit(&phone, arguments),
        Command::Report(arguments) => report::report(&phone, arguments),
        Command::Draft(arguments) => drafts::draft(&phone, arguments),
        Command::Edit(arguments) => edit::edit(&phone, &arguments),
        Command::Resolve(arguments) => edit::resolve(&phone, &arguments),
        Command::Comment(arguments) => edit::comment(&phone, &arguments),
        Command::Attach(arguments) => files::attach(&phone, &arguments),
        Command::Photos { record } => files::photos(&phone, record.as_deref()),
        Command::Fetch(arguments) => files::fetch(&home, &phone, &arguments),
        Command::Propose(arguments) => propose::propose(&phone, arguments),
        Command::Withdraw(arguments) => propose::withdraw(&phone, &arguments),
        Command::Tasks => look::tasks(&phone),
        Command::List(arguments) => look::list(&phone, &arguments),
        Command::Show { record } => show::show(&phone, &record),
        Command::Search {
            text,
            limit,
            online: false,
        } => look::search(&phone, &text, limit),
        Command::Search { text, limit, .. } => online::search(&home, &phone, &text, limit),
        Command::NeedsYou(command) => needs_you::needs_you(&phone, &command),
        Command::Sync {
            server, no_files, ..
        } => sync::sync(&home, &phone, server.as_deref(), !no_files),
        Command::Verify { server } => sync::verify(&home, &phone, server.as_deref()),
        Command::Proof { record, out } => proof::proof(&home, &phone, &record, out),
        Command::Status => sync::status(&home, &phone),
        Command::Categories { text } => categories::list(&phone, text.as_deref()),
        Command::Scribe { record } => crate::demo::scribe(&phone, &record),
        Command::Demo | Command::Street { .. } => unreachable!("these need no phone"),
    }
}

/// The answer of a command that wrote to a record.
fn recorded(record: RecordId, words: &str) -> Answer {
    Answer::new(
        json!({ "record": record }),
        format!("{words}  {}\n", ids::short(&record)),
    )
}
