//! How a Stat Server is asked to tell of changes.

use std::fmt;
use std::str::FromStr;

/// The notification mode of an open statistic. The discriminants are the wire's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum NotificationMode {
    /// A value at once and at every change.
    #[default]
    Immediate = 0,
    /// A value every so many seconds.
    Periodical = 1,
    /// No values by themselves; each is peeked for.
    NoNotification = 2,
    /// The value just before it returns to zero. Part of a statistic's identity.
    Reset = 3,
}

impl NotificationMode {
    /// All modes, in the order of the wire's numbers.
    pub const ALL: [Self; 4] = [
        Self::Immediate,
        Self::Periodical,
        Self::NoNotification,
        Self::Reset,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The mode with this number on the wire.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The documented name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Immediate => "Immediate",
            Self::Periodical => "Periodical",
            Self::NoNotification => "NoNotification",
            Self::Reset => "Reset",
        }
    }

    /// Whether values arrive without being peeked for, so that silence means "unchanged or small
    /// change" and not "nobody asked".
    #[must_use]
    pub const fn notifies(self) -> bool {
        !matches!(self, Self::NoNotification)
    }

    /// Whether this mode tells more than `other`: `Immediate` more than `Periodical`, that more than
    /// `NoNotification`. `Reset` is another statistic, and compares with none.
    #[must_use]
    pub const fn tells_more_than(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Immediate, Self::Periodical | Self::NoNotification)
                | (Self::Periodical, Self::NoNotification)
        )
    }
}

impl fmt::Display for NotificationMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for NotificationMode {
    type Err = ();

    /// Reads a mode's name, in any case.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(text))
            .ok_or(())
    }
}
