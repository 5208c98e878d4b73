//! `peekd completions`.

use std::io::Write;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Arguments;

/// Options of `completions`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        // By way of memory: the generator takes a broken pipe for a reason to panic.
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "peekd", &mut text);
        Ok(out.write_all(&text)?)
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_knows_every_command() {
        for shell in Shell::value_variants() {
            let mut out = Vec::new();
            Completions { shell: *shell }.run(&mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            for word in ["inspect", "hash-password", "filter"] {
                assert!(text.contains(word), "{shell}: {word}");
            }
        }
    }
}
