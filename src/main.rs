//! The `peekd` binary: arguments in, exit code out. Everything else is in the library.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

/// Answers to many statistics at once make many small allocations on every core: mimalloc serves
/// them without one core waiting for another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = peekd::cli::Arguments::parse();
    let mut out = io::BufWriter::new(io::stdout());
    let code = peekd::cli::run(arguments, &mut out, &mut io::stderr());
    match out.flush() {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}
