//! Attributes to requests, for whoever plays the Stat Server.

use std::borrow::Cow;

use super::super::attribute::{Attribute, AttributeId};
use super::super::charset::Charset;
use super::super::error::{Error, Fault};
use super::super::kv::Kv;
use super::{
    CLOSE, Capabilities, Definition, GET, GET_EX, INSENSITIVITY_KEY, Notification, OPEN, OPEN_EX,
    Object, PEEK, ProfileKind, REGISTER, RESUME, Refinements, Register, Request, SUSPEND,
};
use crate::model::NotificationMode;

impl<'a> Request<'a> {
    pub(in crate::wire) fn decode(
        id: u32,
        attributes: &[Attribute<'a>],
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

/// The attributes of a request, asked for by number.
struct Fields<'f, 'a> {
    attributes: &'f [Attribute<'a>],
    charset: Charset,
}

impl<'f, 'a> Fields<'f, 'a> {
    fn find(&self, id: u32) -> Option<&'f Attribute<'a>> {
        self.attributes.iter().find(|attribute| attribute.id == id)
    }

    fn require(&self, id: u32, name: &'static str) -> Result<&'f Attribute<'a>, Error> {
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

    fn text(&self, id: u32, name: &'static str) -> Result<Cow<'a, str>, Error> {
        Ok(self.charset.decode(self.require(id, name)?.text()?))
    }

    fn optional_text(&self, id: u32) -> Result<Cow<'a, str>, Error> {
        match self.find(id) {
            Some(attribute) => Ok(self.charset.decode(attribute.text()?)),
            None => Ok(Cow::default()),
        }
    }

    fn extensions(&self) -> Result<Kv, Error> {
        match self.find(AttributeId::EXTENSIONS) {
            Some(attribute) => attribute.kv(self.charset),
            None => Ok(Kv::default()),
        }
    }

    fn object(&self) -> Result<Object<'a>, Error> {
        let password = self.optional_text(AttributeId::TENANT_PASSWORD)?;
        Ok(Object {
            object_type: self.int(AttributeId::OBJECT_TYPE, "the object type")?,
            object_id: self.text(AttributeId::OBJECT_ID, "the object id")?,
            tenant: self.optional_text(AttributeId::TENANT_NAME)?,
            tenant_password: Cow::Owned(password.into_owned().into()),
        })
    }

    fn refinements(&self) -> Result<Refinements<'a>, Error> {
        let kv = self.extensions()?;
        let text = |key| Cow::Owned(kv.text(key).unwrap_or_default().to_owned());
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
            filter: self.optional_text(AttributeId::FILTER)?.into_owned(),
            time_profile: self.optional_text(AttributeId::TIME_PROFILE)?.into_owned(),
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
            protocol: self
                .text(AttributeId::PROTOCOL_NAME, "the protocol's name")?
                .into_owned(),
            client_name: self
                .text(AttributeId::CLIENT_NAME, "the client's name")?
                .into_owned(),
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
