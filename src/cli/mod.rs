//! The command line: what each command is called and what it takes. Results go to standard
//! output, everything else to standard error.

mod ask;
mod backup;
mod completions;
mod demo;
mod hash_password;
mod inspect;
mod peek;
mod probe;
mod progress;
mod serve;
mod signals;
mod simulate;
mod source;
mod table;
mod top;
mod try_store;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::service::{Faults, LogFormat};

/// Answers "what is this contact-centre statistic now?" from a persistent store that Genesys Stat
/// Servers keep true.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Arguments {
    /// The form of log lines on standard error; `PEEKD_LOG` sets what is logged.
    #[arg(long, value_enum, default_value_t, global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a simulated pair of Stat Servers and the service in one process.
    Demo(demo::Demo),
    /// Run the service.
    Serve(serve::Serve),
    /// Run simulated Stat Servers alone; commands on standard input.
    Simulate(simulate::Simulate),
    /// Converse with a Stat Server and show everything it says.
    Probe(probe::Probe),
    /// Ask a running service for statistics.
    Peek(peek::Peek),
    /// Show a running service live, in a terminal.
    Top(top::Top),
    /// Look into a store offline, or through a running service.
    #[command(subcommand)]
    Inspect(inspect::Inspect),
    /// Write a whole store, history included, into one file.
    Backup(backup::Backup),
    /// Make a store out of a backup.
    Restore(backup::Restore),
    /// Print the completions of a shell, to be put where it looks for them.
    Completions(completions::Completions),
    /// Open a store and read it, as the service does in another process after an opening that came to
    /// no end.
    #[command(hide = true)]
    TryStore(try_store::TryStore),
    /// Read a password and print its Argon2id hash for the configuration file.
    HashPassword,
}

/// A command that ends in exit code 2: wrong usage or configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// Runs what the arguments say and tells the exit code: 0 done, 1 failed, 2 wrong usage or
/// configuration.
pub fn run(arguments: Arguments, out: &mut impl Write, err: &mut impl Write) -> ExitCode {
    let outcome = match arguments.command {
        Command::Demo(demo) => demo.run(arguments.log_format, out),
        Command::Serve(serve) => serve.run(arguments.log_format, out),
        Command::Simulate(simulate) => simulate.run(arguments.log_format, out),
        Command::Probe(probe) => probe.run(out),
        Command::Peek(peek) => peek.run(out, err),
        Command::Top(top) => top.run(),
        Command::Inspect(inspect) => inspect.run(out, err),
        Command::Completions(completions) => completions.run(out),
        Command::Backup(backup) => backup.run(err),
        Command::Restore(restore) => restore.run(err),
        Command::TryStore(tried) => tried.run(),
        Command::HashPassword => hash_password::run(out),
    };
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    // A reader that has seen enough (`| head`) is no failure.
    let broken_pipe = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    if error
        .chain()
        .filter_map(|cause| cause.downcast_ref())
        .any(broken_pipe)
    {
        return ExitCode::SUCCESS;
    }
    // Nothing is left to tell it to when standard error is gone.
    writeln!(err, "peekd: {error:#}").unwrap_or_default();
    if error.is::<Usage>() || error.is::<Faults>() {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

/// Runs a command on a runtime of its own. What still blocks a thread at the end, such as a read
/// from a terminal, is left behind.
fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_background();
    outcome
}
