//! Parses the command line, sets up logging, calls the command.

use std::io::IsTerminal;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let filter = std::env::var("ROLLCALL_LOG").unwrap_or_else(|_| "warn,rollcall::operator=info".to_owned());
    // What it says of an address could hold a password (R7).
    // So could what it says of an answer hold a Secret.
    let concealed = "sqlx_postgres::options=off,kube_client::client=off,kube_client::client::builder=warn";
    let filter = EnvFilter::new(format!("{filter},{concealed}"));
    let colored = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colored).with_writer(std::io::stderr).init();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(rollcall::cli::run()),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
