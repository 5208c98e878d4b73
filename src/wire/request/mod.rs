//! What a client sends. The bytes are in `encode` and `decode`.

mod decode;
mod encode;

use std::borrow::Cow;

use secrecy::SecretString;

use crate::model::NotificationMode;

/// A request. `reference_id` is the sender's handle for the answer, unique per connection; for an
/// open it is the statistic's handle for its whole life.
///
/// Texts are borrowed, from whoever asks or from the bytes that arrived: a start asks a million times.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "the protocol's own names; fields are told at their types"
)]
pub enum Request<'a> {
    Register(Register),
    /// Ask for a value now and notifications from then on.
    Open {
        reference_id: i32,
        tag: Option<i32>,
        object: Object<'a>,
        metric: Cow<'a, str>,
        notification: Notification,
        refinements: Refinements<'a>,
    },
    /// Ask for one value; nothing stays open.
    Get {
        reference_id: i32,
        tag: Option<i32>,
        object: Object<'a>,
        metric: Cow<'a, str>,
        refinements: Refinements<'a>,
    },
    /// As `Open`, with the statistic's definition in the request.
    OpenEx {
        reference_id: i32,
        tag: Option<i32>,
        object: Object<'a>,
        definition: Box<Definition>,
        notification: Notification,
    },
    /// As `Get`, with the statistic's definition in the request.
    GetEx {
        reference_id: i32,
        tag: Option<i32>,
        object: Object<'a>,
        definition: Box<Definition>,
    },
    /// Recalculate an open statistic and send it now.
    Peek {
        reference_id: i32,
        statistic: i32,
    },
    Suspend {
        reference_id: i32,
        statistic: i32,
    },
    Resume {
        reference_id: i32,
        statistic: i32,
    },
    Close {
        reference_id: i32,
        statistic: i32,
    },
    Profile {
        reference_id: i32,
        tag: Option<i32>,
        kind: ProfileKind,
    },
}

/// What a client says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// The protocol's name and version in one text.
    pub protocol: String,
    /// The client's name, for the server's log.
    pub client_name: String,
    /// The client library's number.
    pub library_version: i32,
    /// The client's id; 0 if unset.
    pub client_id: i32,
    /// What the client can cope with, each `yes`.
    pub capabilities: Capabilities,
}

/// The names of a client's capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities(pub Vec<String>);

impl Register {
    /// What the vendor's own client says, under another name.
    #[must_use]
    pub fn as_client(client_name: &str, client_id: i32) -> Self {
        let capabilities = [
            "ccap-large-kv-lists-in-data-streams",
            "ccap-packaged-statistics-support",
            "ccap-multi-media-devices-support",
            "ccap-group-by",
        ];
        Self {
            protocol: "StatExchangeProtocol 2.0.4".to_owned(),
            client_name: client_name.to_owned(),
            library_version: 7,
            client_id,
            capabilities: Capabilities(capabilities.map(str::to_owned).to_vec()),
        }
    }
}

/// The object a statistic is about, as sent.
#[derive(Debug)]
pub struct Object<'a> {
    /// The object type's number.
    pub object_type: i32,
    /// The object's id.
    pub object_id: Cow<'a, str>,
    /// The tenant's name.
    pub tenant: Cow<'a, str>,
    /// The tenant's password; empty when it has none.
    pub tenant_password: Cow<'a, SecretString>,
}

/// When an open statistic is to send values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// The mode.
    pub mode: NotificationMode,
    /// How much a value must change to be told, if set.
    pub insensitivity: Option<i32>,
    /// Seconds between values, if set.
    pub frequency: Option<i32>,
}

impl Notification {
    /// A mode with neither insensitivity nor frequency.
    #[must_use]
    pub const fn of(mode: NotificationMode) -> Self {
        Self {
            mode,
            insensitivity: None,
            frequency: None,
        }
    }
}

/// What narrows a named statistic down; each empty when unset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the configuration's own names")]
pub struct Refinements<'a> {
    pub filter: Cow<'a, str>,
    pub time_profile: Cow<'a, str>,
    pub time_range: Cow<'a, str>,
    pub time_range2: Cow<'a, str>,
}

/// A statistic spelled out in the request instead of named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct Definition {
    pub category: i32,
    pub subject: i32,
    pub interval: i32,
    pub interval_length: Option<i32>,
    /// Bit k of the action enumeration, least-significant bit first, byte k/8.
    pub main_mask: Vec<u8>,
    pub relative_mask: Vec<u8>,
    /// Seconds, `low` and `high` of the first and the second range.
    pub time_range: Option<(i32, i32)>,
    pub time_range2: Option<(i32, i32)>,
    pub filter: String,
    pub time_profile: String,
}

/// The lists a Stat Server gives out of its own configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub enum ProfileKind {
    StatTypes,
    TimeProfiles,
    Filters,
    TimeRanges,
}

impl ProfileKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 4] = [
        Self::StatTypes,
        Self::TimeProfiles,
        Self::Filters,
        Self::TimeRanges,
    ];

    /// The kind with this number.
    #[must_use]
    pub fn from_code(code: i64) -> Option<Self> {
        usize::try_from(code)
            .ok()
            .and_then(|code| Self::ALL.get(code).copied())
    }

    /// The number on the wire.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::StatTypes => 0,
            Self::TimeProfiles => 1,
            Self::Filters => 2,
            Self::TimeRanges => 3,
        }
    }
}

const REGISTER: u32 = 1024;
const GET_EX: u32 = 1025;
const OPEN_EX: u32 = 1026;
const PEEK: u32 = 1027;
const CLOSE: u32 = 1028;
const PROFILE: u32 = 1029;
const GET: u32 = 1033;
const OPEN: u32 = 1034;
const SUSPEND: u32 = 1044;
const RESUME: u32 = 1045;

const KNOWN: [u32; 10] = [
    REGISTER, GET_EX, OPEN_EX, PEEK, CLOSE, PROFILE, GET, OPEN, SUSPEND, RESUME,
];

/// Periodical's insensitivity travels under this key, since its attribute holds the frequency.
const INSENSITIVITY_KEY: &str = "Insens";

impl Request<'_> {
    /// Whether a message with this number is a request this program understands.
    pub(super) fn is_known(id: u32) -> bool {
        KNOWN.contains(&id)
    }
}
