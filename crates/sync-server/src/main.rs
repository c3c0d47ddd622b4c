//! `gridlog-server`: see [`gridlog_sync_server::command`].

fn main() -> std::process::ExitCode {
    gridlog_sync_server::command::run()
}
