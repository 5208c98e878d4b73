//! `peekd hash-password`.

use std::io::{IsTerminal as _, Write};

use anyhow::Context as _;

use super::Usage;
use crate::api::auth::hash_password;

pub(super) fn run(out: &mut impl Write) -> anyhow::Result<()> {
    let password = read_password()?;
    if password.is_empty() {
        return Err(Usage("an empty password is not hashed".to_owned()).into());
    }
    writeln!(out, "{}", hash_password(&password))?;
    Ok(())
}

/// From standard input when that is no terminal, else asked for twice without echo.
fn read_password() -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let mut line = String::new();
        stdin
            .read_line(&mut line)
            .context("the password cannot be read from standard input")?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let password = rpassword::prompt_password("Password: ").context("no password was read")?;
    let again = rpassword::prompt_password("Again: ").context("no password was read")?;
    if password == again {
        Ok(password)
    } else {
        Err(Usage("the two passwords differ".to_owned()).into())
    }
}
