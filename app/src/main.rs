//! The one binary `danxia`: settings, assembly, order of shutdown, commands.
//!
//! It knows every room by name and none from the inside.

mod accounts;
mod auth;
mod catalogue;
mod cli;
mod clock;
mod commands;
mod config;
mod descriptors;
mod devices;
mod disk;
mod heartbeat;
mod hj212;
mod influx_stage;
mod instance;
mod intake;
mod notify_stage;
mod platform;
mod ports;
mod publish_back;
mod remotes;
mod seams;
mod sparkplug;
mod stage;
mod statement;
mod tls;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use cli::{Cli, Command, Config, Export, Import, Verify, VerifyWhat};
use commands::Exit;

/// How long threads that are still at work are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(exit) => ExitCode::from(exit.code()),
        // `danxia … | head` has seen enough: that is no failure.
        Err(e) if pipe_closed(&e) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("danxia: {e:#}");
            ExitCode::from(class(&e).code())
        }
    }
}

fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(args) => wait(commands::run::run(&args)),
        Command::Demo(args) => wait(commands::demo::run(&args)),
        Command::Replay(args) => wait(commands::replay::run(&args)),
        Command::Import { what: Import::Waveform(args) } => wait(commands::import::waveform(&args)),
        Command::Import { what: Import::Points(args) } => wait(commands::import::points(&args)),
        Command::Doctor(args) => wait(commands::doctor::run(&args)),
        Command::Evaluate { task } => commands::evaluate::run(&task),
        Command::Export { what: Export::Points(args) } => commands::export::points(&args),
        Command::Export { what: Export::Waveforms(args) } => commands::export::waveforms(&args),
        Command::Export { what: Export::Ledger(args) } => commands::ledger::export(&args),
        Command::Backup(args) => commands::backup::run(&args),
        Command::Backfill(args) => wait(commands::backfill::run(&args)),
        Command::Restore(args) => commands::restore::run(&args),
        Command::Config { what: Config::Show(args) } => commands::config::show(&args),
        Command::Device { what } => commands::device::run(&what),
        Command::User { what } => commands::user::run(&what),
        Command::Verify(Verify { what: Some(VerifyWhat::Statement(args)), .. }) => commands::ledger::verify(&args),
        Command::Verify(Verify { data, .. }) => commands::verify::run(&data.unwrap_or_default()),
        Command::Openapi => commands::openapi(),
    }
}

fn wait(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    // A thread that hangs (a router that stopped answering ends the service) must not keep the process from ending.
    runtime.shutdown_timeout(PATIENCE);
    result
}

fn pipe_closed(e: &anyhow::Error) -> bool {
    let kind = |e: &(dyn std::error::Error + 'static)| {
        let io = e.downcast_ref::<io::Error>().map(io::Error::kind);
        io.or_else(|| e.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind))
    };
    e.chain().any(|e| kind(e) == Some(io::ErrorKind::BrokenPipe))
}

/// Which exit code an error deserves.
fn class(e: &anyhow::Error) -> Exit {
    if e.downcast_ref::<config::ConfigError>().is_some() {
        Exit::Configuration
    } else if e.downcast_ref::<ports::BindError>().is_some() {
        Exit::Unavailable
    } else {
        Exit::Failure
    }
}
