//! `gridlog-server`: see [`gridlog_sync_server::command`].

#[cfg(feature = "mutations")]
compile_error!("a server that is to do wrong on purpose must not be built");

fn main() -> std::process::ExitCode {
    gridlog_sync_server::command::run()
}
