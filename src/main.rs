//! The `peekd` binary: arguments in, exit code out. Everything else is in the library.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = peekd::cli::Arguments::parse();
    let mut out = io::BufWriter::new(io::stdout());
    let code = peekd::cli::run(arguments, &mut out, &mut io::stderr());
    match out.flush() {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}
