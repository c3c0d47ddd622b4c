//! The server that ships, under a name that Cargo builds before these tests run.

fn main() -> std::process::ExitCode {
    gridlog_sync_server::command::run()
}
