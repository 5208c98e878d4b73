//! What a client sends.

use secrecy::{ExposeSecret as _, SecretString};

use super::attribute::{Attribute, AttributeId, Body};
use super::charset::Charset;
use super::error::{Error, Fault};
use super::kv::{Kv, KvValue};
use crate::model::NotificationMode;

/// A request. `reference_id` is the sender's handle for the answer, unique per connection; for an
/// open it is the statistic's handle for its whole life.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "the protocol's own names; fields are told at their types"
)]
pub enum Request {
    Register(Register),
    /// Ask for a value now and notifications from then on.
    Open {
        reference_id: i32,
        tag: Option<i32>,
        object: Object,
        metric: String,
        notification: Notification,
        refinements: Refinements,
    },
    /// Ask for one value; nothing stays open.
    Get {
        reference_id: i32,
        tag: Option<i32>,
        object: Object,
        metric: String,
        refinements: Refinements,
    },
    /// As `Open`, with the statistic's definition in the request.
    OpenEx {
        reference_id: i32,
        tag: Option<i32>,
        object: Object,
        definition: Box<Definition>,
        notification: Notification,
    },
    /// As `Get`, with the statistic's definition in the request.
    GetEx {
        reference_id: i32,
        tag: Option<i32>,
        object: Object,
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
pub struct Object {
    /// The object type's number.
    pub object_type: i32,
    /// The object's id.
    pub object_id: String,
    /// The tenant's name.
    pub tenant: String,
    /// The tenant's password; empty when it has none.
    pub tenant_password: SecretString,
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
pub struct Refinements {
    pub filter: String,
    pub time_profile: String,
    pub time_range: String,
    pub time_range2: String,
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

impl Request {
    pub(super) fn encode(&self, charset: Charset) -> Vec<u8> {
        match self {
            Self::Register(register) => encode_register(register, charset),
            Self::Open {
                reference_id,
                tag,
                object,
                metric,
                notification,
                refinements,
            } => {
                let mut body = Body::new(OPEN, charset);
                put_object(&mut body, object);
                let mut extensions = refinements.to_kv();
                put_notification(&mut body, *notification, Some(&mut extensions));
                body.kv(AttributeId::EXTENSIONS, &extensions);
                put_reference(&mut body, *reference_id, *tag);
                body.text(AttributeId::STATISTIC_TYPE, metric)
                    .finish_owned()
            }
            Self::Get {
                reference_id,
                tag,
                object,
                metric,
                refinements,
            } => {
                let mut body = Body::new(GET, charset);
                put_object(&mut body, object);
                body.kv(AttributeId::EXTENSIONS, &refinements.to_kv());
                put_reference(&mut body, *reference_id, *tag);
                body.text(AttributeId::STATISTIC_TYPE, metric)
                    .finish_owned()
            }
            Self::OpenEx {
                reference_id,
                tag,
                object,
                definition,
                notification,
            } => {
                let mut body = Body::new(OPEN_EX, charset);
                put_object(&mut body, object);
                definition.put(&mut body);
                put_notification(&mut body, *notification, None);
                put_reference(&mut body, *reference_id, *tag);
                body.finish()
            }
            Self::GetEx {
                reference_id,
                tag,
                object,
                definition,
            } => {
                let mut body = Body::new(GET_EX, charset);
                put_object(&mut body, object);
                definition.put(&mut body);
                put_reference(&mut body, *reference_id, *tag);
                body.finish()
            }
            Self::Peek {
                reference_id,
                statistic,
            } => about(PEEK, *reference_id, *statistic, charset),
            Self::Suspend {
                reference_id,
                statistic,
            } => about(SUSPEND, *reference_id, *statistic, charset),
            Self::Resume {
                reference_id,
                statistic,
            } => about(RESUME, *reference_id, *statistic, charset),
            Self::Close {
                reference_id,
                statistic,
            } => about(CLOSE, *reference_id, *statistic, charset),
            Self::Profile {
                reference_id,
                tag,
                kind,
            } => {
                let mut body = Body::new(PROFILE, charset);
                put_reference(&mut body, *reference_id, *tag);
                body.int(AttributeId::INT_VALUE, kind.code()).finish_owned()
            }
        }
    }

    pub(super) fn is_known(id: u32) -> bool {
        KNOWN.contains(&id)
    }

    pub(super) fn decode(
        id: u32,
        attributes: &[Attribute<'_>],
        charset: Charset,
    ) -> Result<Option<Self>, Error> {
        let fields = Fields {
            attributes,
            charset,
        };
        if id == REGISTER {
            return Ok(Some(Self::Register(fields.register()?)));
        }
        if !Self::is_known(id) {
            return Ok(None);
        }
        let reference_id = fields.int(AttributeId::REFERENCE_ID, "the reference id")?;
        let tag = fields.optional_int(AttributeId::TAG, "the tag")?;
        let statistic = || fields.int(AttributeId::STATISTIC_ID, "the statistic's id");
        Ok(Some(match id {
            OPEN => Self::Open {
                reference_id,
                tag,
                object: fields.object()?,
                metric: fields.text(AttributeId::STATISTIC_TYPE, "the statistic type")?,
                notification: fields.notification(true)?,
                refinements: fields.refinements()?,
            },
            GET => Self::Get {
                reference_id,
                tag,
                object: fields.object()?,
                metric: fields.text(AttributeId::STATISTIC_TYPE, "the statistic type")?,
                refinements: fields.refinements()?,
            },
            OPEN_EX => Self::OpenEx {
                reference_id,
                tag,
                object: fields.object()?,
                definition: Box::new(fields.definition()?),
                notification: fields.notification(false)?,
            },
            GET_EX => Self::GetEx {
                reference_id,
                tag,
                object: fields.object()?,
                definition: Box::new(fields.definition()?),
            },
            PEEK => Self::Peek {
                reference_id,
                statistic: statistic()?,
            },
            SUSPEND => Self::Suspend {
                reference_id,
                statistic: statistic()?,
            },
            RESUME => Self::Resume {
                reference_id,
                statistic: statistic()?,
            },
            CLOSE => Self::Close {
                reference_id,
                statistic: statistic()?,
            },
            _ => Self::Profile {
                reference_id,
                tag,
                kind: fields.profile_kind()?,
            },
        }))
    }
}

impl Body {
    fn finish_owned(&mut self) -> Vec<u8> {
        std::mem::replace(self, Self::new(0, Charset::UTF_8)).finish()
    }
}

fn encode_register(register: &Register, charset: Charset) -> Vec<u8> {
    let yes = register
        .capabilities
        .0
        .iter()
        .map(|name| (name.as_str(), "yes"));
    let mut body = Body::new(REGISTER, charset);
    body.text(AttributeId::PROTOCOL_NAME, &register.protocol)
        .text(AttributeId::CLIENT_NAME, &register.client_name)
        .int(AttributeId::LIBRARY_VERSION, register.library_version)
        .int(AttributeId::CLIENT_ID, register.client_id)
        .kv(AttributeId::CLIENT_CAPABILITIES, &Kv::of_texts(yes));
    body.finish()
}

fn about(id: u32, reference_id: i32, statistic: i32, charset: Charset) -> Vec<u8> {
    let mut body = Body::new(id, charset);
    body.int(AttributeId::REFERENCE_ID, reference_id)
        .int(AttributeId::STATISTIC_ID, statistic);
    body.finish()
}

fn put_reference(body: &mut Body, reference_id: i32, tag: Option<i32>) {
    body.int(AttributeId::REFERENCE_ID, reference_id)
        .int_if(AttributeId::TAG, tag);
}

fn put_object(body: &mut Body, object: &Object) {
    body.int(AttributeId::OBJECT_TYPE, object.object_type)
        .text(AttributeId::OBJECT_ID, &object.object_id)
        .text(AttributeId::TENANT_NAME, &object.tenant)
        .text(
            AttributeId::TENANT_PASSWORD,
            object.tenant_password.expose_secret(),
        );
}

/// The mode's numbers stand elsewhere for `Periodical`, unless the request is an Ex one, which has
/// no `extensions` list.
fn put_notification(body: &mut Body, notification: Notification, extensions: Option<&mut Kv>) {
    let Notification {
        mode,
        insensitivity,
        frequency,
    } = notification;
    body.int(AttributeId::NOTIFICATION_MODE, mode.code().into());
    match extensions {
        Some(extensions) if mode == NotificationMode::Periodical => {
            body.int(AttributeId::INSENSITIVITY, frequency.unwrap_or(0));
            if let Some(insensitivity) = insensitivity {
                extensions
                    .0
                    .push((INSENSITIVITY_KEY.to_owned(), KvValue::Int(insensitivity)));
            }
        }
        _ => {
            body.int_if(AttributeId::FREQUENCY, frequency)
                .int_if(AttributeId::INSENSITIVITY, insensitivity);
        }
    }
}

impl Refinements {
    fn pairs(&self) -> [(&'static str, &str); 4] {
        [
            ("TimeProfile", &self.time_profile),
            ("Filter", &self.filter),
            ("TimeRange", &self.time_range),
            ("TimeRange2", &self.time_range2),
        ]
    }

    fn to_kv(&self) -> Kv {
        Kv::of_texts(
            self.pairs()
                .into_iter()
                .filter(|(_, text)| !text.is_empty()),
        )
    }
}

impl Definition {
    fn put(&self, body: &mut Body) {
        body.int(AttributeId::CATEGORY, self.category)
            .block(AttributeId::MAIN_MASK, &self.main_mask)
            .int(AttributeId::SUBJECT, self.subject)
            .int(AttributeId::INTERVAL_TYPE, self.interval)
            .int_if(AttributeId::INTERVAL_LENGTH, self.interval_length)
            .block(AttributeId::RELATIVE_MASK, &self.relative_mask)
            .int_if(
                AttributeId::TIME_RANGE_LEFT,
                self.time_range.map(|range| range.0),
            )
            .int_if(
                AttributeId::TIME_RANGE_RIGHT,
                self.time_range.map(|range| range.1),
            )
            .int_if(
                AttributeId::TIME_RANGE_LEFT2,
                self.time_range2.map(|range| range.0),
            )
            .int_if(
                AttributeId::TIME_RANGE_RIGHT2,
                self.time_range2.map(|range| range.1),
            )
            .text_if(AttributeId::FILTER, &self.filter)
            .text_if(AttributeId::TIME_PROFILE, &self.time_profile);
    }
}

/// The attributes of a request, asked for by number.
struct Fields<'a> {
    attributes: &'a [Attribute<'a>],
    charset: Charset,
}

impl<'a> Fields<'a> {
    fn find(&self, id: u32) -> Option<&'a Attribute<'a>> {
        self.attributes.iter().find(|attribute| attribute.id == id)
    }

    fn require(&self, id: u32, name: &'static str) -> Result<&'a Attribute<'a>, Error> {
        self.find(id)
            .ok_or(Error::at(0, Fault::Missing(name)).in_attribute(id))
    }

    fn int(&self, id: u32, name: &'static str) -> Result<i32, Error> {
        self.require(id, name)?.int_as(name)
    }

    fn optional_int(&self, id: u32, name: &'static str) -> Result<Option<i32>, Error> {
        self.find(id)
            .map(|attribute| attribute.int_as(name))
            .transpose()
    }

    fn text(&self, id: u32, name: &'static str) -> Result<String, Error> {
        Ok(self
            .charset
            .decode(self.require(id, name)?.text()?)
            .into_owned())
    }

    fn optional_text(&self, id: u32) -> Result<String, Error> {
        match self.find(id) {
            Some(attribute) => Ok(self.charset.decode(attribute.text()?).into_owned()),
            None => Ok(String::new()),
        }
    }

    fn extensions(&self) -> Result<Kv, Error> {
        match self.find(AttributeId::EXTENSIONS) {
            Some(attribute) => attribute.kv(self.charset),
            None => Ok(Kv::default()),
        }
    }

    fn object(&self) -> Result<Object, Error> {
        Ok(Object {
            object_type: self.int(AttributeId::OBJECT_TYPE, "the object type")?,
            object_id: self.text(AttributeId::OBJECT_ID, "the object id")?,
            tenant: self.optional_text(AttributeId::TENANT_NAME)?,
            tenant_password: self.optional_text(AttributeId::TENANT_PASSWORD)?.into(),
        })
    }

    fn refinements(&self) -> Result<Refinements, Error> {
        let kv = self.extensions()?;
        let text = |key| kv.text(key).unwrap_or_default().to_owned();
        Ok(Refinements {
            filter: text("Filter"),
            time_profile: text("TimeProfile"),
            time_range: text("TimeRange"),
            time_range2: text("TimeRange2"),
        })
    }

    fn notification(&self, named: bool) -> Result<Notification, Error> {
        let attribute = self.require(AttributeId::NOTIFICATION_MODE, "the notification mode")?;
        let name = "the notification mode";
        let code: u8 = attribute.int_as(name)?;
        let mode = NotificationMode::from_code(code).ok_or_else(|| {
            attribute.fault(Fault::OutOfRange {
                name,
                value: code.into(),
            })
        })?;
        let first = self.optional_int(AttributeId::INSENSITIVITY, "the insensitivity")?;
        if named && mode == NotificationMode::Periodical {
            let insensitivity = self.extensions()?.int(INSENSITIVITY_KEY);
            // The attribute is always there in this mode: 0 stands for unset.
            return Ok(Notification {
                mode,
                insensitivity,
                frequency: first.filter(|seconds| *seconds != 0),
            });
        }
        let frequency = self.optional_int(AttributeId::FREQUENCY, "the frequency")?;
        Ok(Notification {
            mode,
            insensitivity: first,
            frequency,
        })
    }

    fn definition(&self) -> Result<Definition, Error> {
        let range = |left, right| -> Result<Option<(i32, i32)>, Error> {
            let low = self.optional_int(left, "a time range's low end")?;
            let high = self.optional_int(right, "a time range's high end")?;
            Ok(low.zip(high))
        };
        let mask = |id, name| self.require(id, name)?.block().map(<[u8]>::to_vec);
        Ok(Definition {
            category: self.int(AttributeId::CATEGORY, "the category")?,
            subject: self.int(AttributeId::SUBJECT, "the subject")?,
            interval: self.int(AttributeId::INTERVAL_TYPE, "the interval type")?,
            interval_length: self
                .optional_int(AttributeId::INTERVAL_LENGTH, "the interval length")?,
            main_mask: mask(AttributeId::MAIN_MASK, "the main mask")?,
            relative_mask: mask(AttributeId::RELATIVE_MASK, "the relative mask")?,
            time_range: range(AttributeId::TIME_RANGE_LEFT, AttributeId::TIME_RANGE_RIGHT)?,
            time_range2: range(
                AttributeId::TIME_RANGE_LEFT2,
                AttributeId::TIME_RANGE_RIGHT2,
            )?,
            filter: self.optional_text(AttributeId::FILTER)?,
            time_profile: self.optional_text(AttributeId::TIME_PROFILE)?,
        })
    }

    fn profile_kind(&self) -> Result<ProfileKind, Error> {
        let name = "the profile kind";
        let attribute = self.require(AttributeId::INT_VALUE, name)?;
        let value = attribute.int()?;
        ProfileKind::from_code(value)
            .ok_or_else(|| attribute.fault(Fault::OutOfRange { name, value }))
    }

    fn register(&self) -> Result<Register, Error> {
        let capabilities = match self.find(AttributeId::CLIENT_CAPABILITIES) {
            Some(attribute) => attribute.kv(self.charset)?,
            None => Kv::default(),
        };
        Ok(Register {
            protocol: self.text(AttributeId::PROTOCOL_NAME, "the protocol's name")?,
            client_name: self.text(AttributeId::CLIENT_NAME, "the client's name")?,
            library_version: self
                .optional_int(AttributeId::LIBRARY_VERSION, "the library's version")?
                .unwrap_or(0),
            client_id: self
                .optional_int(AttributeId::CLIENT_ID, "the client's id")?
                .unwrap_or(0),
            capabilities: Capabilities(capabilities.0.into_iter().map(|(key, _)| key).collect()),
        })
    }
}
