//! The hot paths, each to be counted in instructions by valgrind: see README.md here.
//!
//! `counts PATH` prepares a path, goes it a few times so that all is in place, and then goes it a stated
//! number of times inside [`counted`], which is what the counter is told to look at. Everything is drawn
//! from fixed seeds. Prints how many units of the path that were.

mod made;
mod notifications;
mod peeks;
mod reopening;
mod storing;

use std::error::Error;
use std::process::ExitCode;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many units were gone.
type Outcome = Result<usize, Box<dyn Error>>;

/// A path, what one unit of it is, and how to go it.
type HotPath = (&'static str, &'static str, fn() -> Outcome);

const PATHS: [HotPath; 7] = [
    ("peek", "request", peeks::one),
    ("peeks-of-100", "request", peeks::hundred),
    ("peeks-encoded", "request", peeks::hundred_encoded),
    ("notification", "value", notifications::notifications),
    ("reopening", "statistic", reopening::reopening),
    ("journal", "change", storing::journal),
    ("history", "row", storing::history),
];

/// The counter looks at what happens in here, and at nothing else.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    work()
}

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let Some((_, unit, go)) = PATHS.iter().find(|(name, ..)| *name == wanted) else {
        for (name, ..) in PATHS {
            report(name);
        }
        return ExitCode::SUCCESS;
    };
    match go() {
        Ok(units) => {
            report(&format!("{units} {unit}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            report(&format!("{wanted}: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is what the script reads")]
fn report(line: &str) {
    println!("{line}");
}
