//! The command line: everything that runs on one side only.

/// What can be asked for, and where settings come from.
mod settings;

/// One file for each command.
mod commands;

/// How far long work is.
mod progress;

/// Made-up traces that look like real ones.
mod demo;

/// Everything on one port: REST, pages, server functions, health.
mod server;

use std::io::IsTerminal;

use clap::Parser;
use settings::{Cli, Command};

/// Why a command ended with exit code 1.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> std::process::ExitCode {
    // A `.env` that is not there is none; one that can't be read is worth a word.
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        eprintln!("warning: .env is not read: {error}");
    }
    let cli = Cli::parse();
    let filter = std::env::var("TRACELLM_LOG").unwrap_or_else(|_| "warn,tracellm=info".to_owned());
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        // In a file, colours are rubbish.
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    let done = tokio::runtime::Runtime::new().map_err(Failure::from).and_then(|runtime| runtime.block_on(run(cli)));
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        // Whoever reads our output has enough of it; that is no failure.
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) => {
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    cli.install_prices()?;
    let location = cli.location();
    match cli.command {
        Command::Start(options) => commands::start(location?, options).await,
        Command::Demo(options) => commands::demo(location?, options).await,
        Command::Prices => commands::prices(),
        Command::Normalize => commands::normalize(),
        Command::Import(options) => commands::import(location?, options).await,
        Command::Export(options) => commands::export(location?, options).await,
        Command::Show(options) => commands::show(location?, options).await,
        Command::Replay(options) => commands::replay(location?, options).await,
        Command::Monitor(options) => commands::monitor(location?, options).await,
        Command::Copy(options) => commands::copy(options).await,
        Command::Repair(command) => commands::repair(location?, command).await,
        Command::Delete(options) => commands::delete(location?, options).await,
        Command::Retention(command) => commands::retention(location?, command).await,
        Command::Doctor(options) => commands::doctor(location?, options).await,
        Command::Project(command) => commands::project(location?, command).await,
        Command::Key(command) => commands::key(location?, command).await,
        Command::Audit(options) => commands::audit(location?, options).await,
        Command::User(command) => commands::user(location?, command).await,
    }
}
