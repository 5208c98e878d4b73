//! Where a store is looked for: its directory, or the service that has it open.

use std::path::PathBuf;

use clap::Args;

use super::ask::{Service, password_of};
use crate::store;

const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// Which store, and how to get at it.
#[derive(Debug, Args)]
pub(super) struct Source {
    /// The store's directory; no service may have it open.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "peekd-store",
        conflicts_with = "url"
    )]
    pub(super) store: PathBuf,
    /// Ask the running service that answers here instead, for example `http://127.0.0.1:8080`.
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// Who asks; the password comes from `PEEKD_PASSWORD` or is asked for.
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(super) user: Option<String>,
}

impl Source {
    /// The service to ask, if one is.
    pub(super) fn service(&self) -> anyhow::Result<Option<Service>> {
        let Some(url) = &self.url else {
            return Ok(None);
        };
        let password = self.user.as_deref().map(password_of).transpose()?;
        let user = self.user.as_deref().zip(password.as_ref());
        Ok(Some(Service::new(url, user)?))
    }
}

/// Says how else to ask when a running service holds the store.
pub(super) fn asked_otherwise(error: store::Error) -> anyhow::Error {
    let is_locked = matches!(error, store::Error::Locked { .. });
    let error = anyhow::Error::from(error);
    if is_locked {
        let arguments = std::env::args().skip(1);
        error.context(format!(
            "a running service cannot be looked into offline; ask it instead, as one of its users: \
             {}",
            with_url(arguments)
        ))
    } else {
        error
    }
}

/// The same command for the running service, to be pasted into a shell.
fn with_url(arguments: impl Iterator<Item = String>) -> String {
    let mut line = "peekd".to_owned();
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        if argument == "--store" {
            arguments.next();
        } else if !argument.starts_with("--store=") {
            line = format!("{line} {}", quoted(&argument));
        }
    }
    format!("{line} --url {DEFAULT_URL} --user default")
}

fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:@,+".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_for_the_service_can_be_pasted() {
        let line = |arguments: &[&str]| with_url(arguments.iter().map(|&one| one.to_owned()));
        let asked = [
            "inspect",
            "history",
            "--store",
            "a dir",
            "--filter",
            "W*;Queue;it's;*",
        ];
        assert_eq!(
            line(&asked),
            "peekd inspect history --filter 'W*;Queue;it'\\''s;*' --url http://127.0.0.1:8080 \
             --user default"
        );
        assert_eq!(
            line(&["backup", "--store=x", "file"]),
            "peekd backup file --url http://127.0.0.1:8080 --user default"
        );
    }
}
