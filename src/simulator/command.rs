//! Which server of a pair, and the faults that can be ordered on a running simulator.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

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
///
/// All but [`Command::Rate`] concern one server. The five before it spoil the connections that exist
/// at that instant, later ones are sound; the others before [`Command::Restore`] last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// The process dies: every connection drops and new ones are refused.
    Kill(Role),
    /// The process hangs: bytes and new connections are accepted, nothing is answered, heartbeats
    /// included.
    Freeze(Role),
    /// Registrations are answered with an error. Who is registered already stays so.
    Refuse(Role),
    /// Connections are accepted and heartbeats answered, but registrations never. Who is
    /// registered already is served.
    HalfOpen(Role),
    /// Every byte takes so much longer, in each direction; none overtakes another.
    Delay(Role, Duration),
    /// The server tells its clients that it is the backup now.
    BackupMode(Role),
    /// The server tells its clients that it is the primary now.
    PrimaryMode(Role),
    /// The server loses its T-Server: every open statistic is told to be invalid, and those opened
    /// from now on are so after their first value. No changes are told; peeks are answered.
    Invalid(Role),
    /// The T-Server is back: every open statistic is told to be valid, and then what it reads.
    Valid(Role),
    /// The server is itself again. After a kill or a freeze it is a new process: connections and
    /// open statistics are gone and totals count from now. All other faults end too, the
    /// connections that one of them has spoilt are dropped, and after a mode change the server
    /// tells its clients that it is the primary.
    Restore(Role),
    /// [`Command::Restore`] for both servers.
    RestoreAll,
    /// Every connection is sent half a frame, and then nothing more, heartbeats included.
    CutFrame(Role),
    /// Every connection is sent bytes that are no frame.
    Garbage(Role),
    /// On every connection the open statistic with the lowest reference id is closed unasked.
    CloseOne(Role),
    /// Every connection is sent the announcement of a big frame, then a few bytes of it with each
    /// tick of [`run_centre`](super::Simulator::run_centre), and nothing else but heartbeats.
    EndlessFrame(Role),
    /// Every connection is sent a frame that says to be 0xfffffffe bytes long, and then nothing
    /// more.
    HugeLength(Role),
    /// Every server pushes so many values a second to each client from now on, see
    /// [`set_rate`](super::Simulator::set_rate); 0 ends it.
    Rate(usize),
}

/// A command for one of several pairs: `NAME: kill primary`, or without a name for the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The pair's name.
    pub pair: Option<String>,
    /// What is to happen to it.
    pub command: Command,
}

/// A text that is no [`Command`], and which texts are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a command; commands are: {COMMANDS}")]
pub struct ParseCommandError(String);

/// Why an [`Order`] was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// It is none.
    #[error(transparent)]
    NoCommand(#[from] ParseCommandError),
    /// It names a pair that there is not.
    #[error("there is no pair '{0}'")]
    UnknownPair(String),
}

/// What commands look like, in one line.
pub const COMMANDS: &str = "kill SIDE, freeze SIDE, refuse SIDE, half-open SIDE, \
     delay SIDE DURATION, backup-mode SIDE, primary-mode SIDE, invalid SIDE, valid SIDE, \
     cut-frame SIDE, garbage SIDE, close-one SIDE, endless-frame SIDE, huge-length SIDE, \
     restore [SIDE], rate N, where SIDE is primary or backup and NAME: in front means another pair; help explains them";

/// No answer is worth waiting longer for.
const DELAY_MAX: Duration = Duration::from_mins(10);

/// A verb, the command it makes of a side, and what happens then.
type Plain = (&'static str, fn(Role) -> Command, &'static str);

const DELAY_HELP: &str = "every byte takes so much longer, each way; 0ms ends it";
const RATE_HELP: &str = "every server pushes N values a second to each client; 0 ends it";

/// Values a second and connection; more was never tried.
pub(super) const RATE_MAX: usize = 1_000_000;

/// The commands that take nothing but a side.
const PLAIN: [Plain; 14] = [
    (
        "kill",
        Command::Kill,
        "the process dies: connections drop, new ones are refused",
    ),
    (
        "freeze",
        Command::Freeze,
        "the process hangs: takes bytes and connections, answers nothing",
    ),
    (
        "refuse",
        Command::Refuse,
        "registrations are answered with an error",
    ),
    (
        "half-open",
        Command::HalfOpen,
        "connections are accepted, registrations never answered",
    ),
    (
        "backup-mode",
        Command::BackupMode,
        "clients are told that the server is the backup now",
    ),
    (
        "primary-mode",
        Command::PrimaryMode,
        "clients are told that the server is the primary now",
    ),
    (
        "invalid",
        Command::Invalid,
        "the T-Server is lost: every open statistic is told to be invalid",
    ),
    (
        "valid",
        Command::Valid,
        "the T-Server is back: every open statistic is told to be valid",
    ),
    (
        "cut-frame",
        Command::CutFrame,
        "connections are sent half a frame and nothing more",
    ),
    (
        "garbage",
        Command::Garbage,
        "connections are sent bytes that are no frame",
    ),
    (
        "close-one",
        Command::CloseOne,
        "the first open statistic of each connection is closed unasked",
    ),
    (
        "endless-frame",
        Command::EndlessFrame,
        "connections are sent a big frame that only trickles in",
    ),
    (
        "huge-length",
        Command::HugeLength,
        "connections are sent a length of 0xfffffffe and nothing more",
    ),
    (
        "restore",
        Command::Restore,
        "the server is itself again; without SIDE, both are",
    ),
];

/// What every command does, a line each.
#[must_use]
pub fn command_help() -> String {
    let plain = PLAIN.map(|(verb, _, help)| (format!("{verb} SIDE"), help));
    let delay = ("delay SIDE DURATION".to_owned(), DELAY_HELP);
    let rate = ("rate N".to_owned(), RATE_HELP);
    let lines = plain.into_iter().chain([delay, rate]);
    let lines = lines.map(|(form, help)| format!("  {form:<20} {help}\n"));
    lines.collect()
}

impl FromStr for Command {
    type Err = ParseCommandError;

    /// Reads a command as typed: words in any case, separated by any white space.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let role = |side| Role::ALL.into_iter().find(|role| role.name() == side);
        let plain = |verb| PLAIN.into_iter().find(|(name, ..)| *name == verb);
        let command = match *words.as_slice() {
            ["restore"] | ["restore", "all"] => Some(Self::RestoreAll),
            ["delay", side, duration] => {
                let delay = humantime::parse_duration(duration).ok();
                let delay = delay.filter(|delay| *delay <= DELAY_MAX);
                role(side)
                    .zip(delay)
                    .map(|(role, delay)| Self::Delay(role, delay))
            }
            ["rate", rate] => {
                let rate = rate.parse().ok().filter(|rate| *rate <= RATE_MAX);
                rate.map(Self::Rate)
            }
            [verb, side] => role(side)
                .zip(plain(verb))
                .map(|(role, (_, make, _))| make(role)),
            _ => None,
        };
        command.ok_or_else(|| ParseCommandError(text.trim().to_owned()))
    }
}

impl FromStr for Order {
    type Err = ParseCommandError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pair, command) = match text.split_once(':') {
            Some((pair, command)) => (Some(pair.trim().to_owned()), command),
            None => (None, text),
        };
        Ok(Self {
            pair,
            command: command.parse()?,
        })
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
            (
                "delay primary 75ms",
                Command::Delay(Role::Primary, Duration::from_millis(75)),
            ),
            ("restore", Command::RestoreAll),
            ("restore all", Command::RestoreAll),
            ("rate 70000", Command::Rate(70_000)),
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
            "delay primary",
            "delay primary soon",
            "delay primary 2h",
            "rate primary",
            "rate 1000001",
        ] {
            let error = text.parse::<Command>().unwrap_err().to_string();
            assert!(
                error.contains("freeze SIDE") && error.contains(text),
                "{error}"
            );
        }
    }

    #[test]
    fn every_command_is_listed_and_reads_for_both_sides() {
        for (verb, make, help) in PLAIN {
            for role in Role::ALL {
                assert_eq!(format!("{verb} {role}").parse(), Ok(make(role)));
            }
            assert!(COMMANDS.contains(&format!("{verb} ")), "{verb}");
            assert!(command_help().contains(help), "{verb}");
        }
    }

    #[test]
    fn an_order_may_name_a_pair() {
        let command = Command::Kill(Role::Backup);
        let pair = Some("Chat".to_owned());
        assert_eq!("Chat: kill backup".parse(), Ok(Order { pair, command }));
        let pair = None;
        assert_eq!("kill backup".parse(), Ok(Order { pair, command }));
        assert!("Chat: die".parse::<Order>().is_err());
    }
}
