//! Which server of the pair, and the faults that can be ordered on a running simulator.

use std::fmt;
use std::str::FromStr;

/// One server of the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The server that clients are expected to use.
    Primary,
    /// The server that stands by.
    Backup,
}

impl Role {
    /// Both roles.
    pub const ALL: [Self; 2] = [Self::Primary, Self::Backup];

    /// The word used in commands and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault, or the end of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// The process dies: every connection drops and new ones are refused.
    Kill(Role),
    /// The process hangs: bytes and new connections are accepted, nothing is answered, heartbeats
    /// included.
    Freeze(Role),
    /// The server tells its clients that it is the backup now.
    BackupMode(Role),
    /// The server tells its clients that it is the primary now.
    PrimaryMode(Role),
    /// The server is itself again. After a kill or a freeze it is a new process: connections and
    /// open statistics are gone and totals count from now. After a mode change it tells its
    /// clients that it is the primary.
    Restore(Role),
    /// [`Command::Restore`] for both servers.
    RestoreAll,
}

/// A text that is no [`Command`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a command; commands are: kill SIDE, freeze SIDE, backup-mode SIDE, \
     primary-mode SIDE, restore [SIDE], where SIDE is primary or backup"
)]
pub struct ParseCommandError(String);

impl FromStr for Command {
    type Err = ParseCommandError;

    /// Reads a command as typed: words in any case, separated by any white space.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        let mut words = lower.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let side = words.next();
        let role = side.and_then(|side| Role::ALL.into_iter().find(|role| role.name() == side));
        let command = match (verb, side, role) {
            ("kill", _, Some(role)) => Some(Self::Kill(role)),
            ("freeze", _, Some(role)) => Some(Self::Freeze(role)),
            ("backup-mode", _, Some(role)) => Some(Self::BackupMode(role)),
            ("primary-mode", _, Some(role)) => Some(Self::PrimaryMode(role)),
            ("restore", _, Some(role)) => Some(Self::Restore(role)),
            ("restore", None | Some("all"), None) => Some(Self::RestoreAll),
            _ => None,
        };
        match (command, words.next()) {
            (Some(command), None) => Ok(command),
            _ => Err(ParseCommandError(text.trim().to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_read_as_typed() {
        for (text, command) in [
            ("kill primary", Command::Kill(Role::Primary)),
            ("  Freeze   BACKUP ", Command::Freeze(Role::Backup)),
            ("backup-mode primary", Command::BackupMode(Role::Primary)),
            ("primary-mode backup", Command::PrimaryMode(Role::Backup)),
            ("restore primary", Command::Restore(Role::Primary)),
            ("restore", Command::RestoreAll),
            ("restore all", Command::RestoreAll),
        ] {
            assert_eq!(text.parse(), Ok(command), "{text}");
        }
    }

    #[test]
    fn what_is_no_command_is_told_the_commands() {
        for text in [
            "",
            "kill",
            "kill everybody",
            "restore me",
            "kill primary now",
            "die backup",
        ] {
            let error = text.parse::<Command>().unwrap_err().to_string();
            assert!(
                error.contains("freeze SIDE") && error.contains(text),
                "{error}"
            );
        }
    }
}
