//! Requests to attributes, in the order the vendor's own client sends them.

use bytes::BytesMut;
use secrecy::ExposeSecret as _;

use super::super::attribute::{AttributeId, Body};
use super::super::charset::Charset;
use super::super::kv::{Kv, KvValue};
use super::{
    CLOSE, Definition, GET, GET_EX, INSENSITIVITY_KEY, Notification, OPEN, OPEN_EX, Object, PEEK,
    PROFILE, REGISTER, RESUME, Refinements, Register, Request, SUSPEND,
};
use crate::model::NotificationMode;

impl Request<'_> {
    /// Appends the request to `out`, framed.
    pub fn write(&self, charset: Charset, out: &mut BytesMut) {
        Body::write(self.number(), charset, out, |body| self.put(body));
    }

    fn number(&self) -> u32 {
        match self {
            Self::Register(_) => REGISTER,
            Self::Open { .. } => OPEN,
            Self::Get { .. } => GET,
            Self::OpenEx { .. } => OPEN_EX,
            Self::GetEx { .. } => GET_EX,
            Self::Peek { .. } => PEEK,
            Self::Suspend { .. } => SUSPEND,
            Self::Resume { .. } => RESUME,
            Self::Close { .. } => CLOSE,
            Self::Profile { .. } => PROFILE,
        }
    }

    fn put(&self, body: &mut Body<'_>) {
        match self {
            Self::Register(register) => register.put(body),
            Self::Open {
                reference_id,
                tag,
                object,
                metric,
                notification,
                refinements,
            } => {
                put_object(body, object);
                let mut extensions = refinements.to_kv();
                put_notification(body, *notification, Some(&mut extensions));
                body.kv(AttributeId::EXTENSIONS, &extensions);
                put_reference(body, *reference_id, *tag);
                body.text(AttributeId::STATISTIC_TYPE, metric);
            }
            Self::Get {
                reference_id,
                tag,
                object,
                metric,
                refinements,
            } => {
                put_object(body, object);
                body.kv(AttributeId::EXTENSIONS, &refinements.to_kv());
                put_reference(body, *reference_id, *tag);
                body.text(AttributeId::STATISTIC_TYPE, metric);
            }
            Self::OpenEx {
                reference_id,
                tag,
                object,
                definition,
                notification,
            } => {
                put_object(body, object);
                definition.put(body);
                put_notification(body, *notification, None);
                put_reference(body, *reference_id, *tag);
            }
            Self::GetEx {
                reference_id,
                tag,
                object,
                definition,
            } => {
                put_object(body, object);
                definition.put(body);
                put_reference(body, *reference_id, *tag);
            }
            Self::Peek {
                reference_id,
                statistic,
            }
            | Self::Suspend {
                reference_id,
                statistic,
            }
            | Self::Resume {
                reference_id,
                statistic,
            }
            | Self::Close {
                reference_id,
                statistic,
            } => {
                body.int(AttributeId::REFERENCE_ID, *reference_id)
                    .int(AttributeId::STATISTIC_ID, *statistic);
            }
            Self::Profile {
                reference_id,
                tag,
                kind,
            } => {
                put_reference(body, *reference_id, *tag);
                body.int(AttributeId::INT_VALUE, kind.code());
            }
        }
    }
}

impl Register {
    fn put(&self, body: &mut Body<'_>) {
        let names = self.capabilities.0.iter();
        let yes = names.map(|name| (name.as_str(), "yes"));
        body.text(AttributeId::PROTOCOL_NAME, &self.protocol)
            .text(AttributeId::CLIENT_NAME, &self.client_name)
            .int(AttributeId::LIBRARY_VERSION, self.library_version)
            .int(AttributeId::CLIENT_ID, self.client_id)
            .kv(AttributeId::CLIENT_CAPABILITIES, &Kv::of_texts(yes));
    }
}

fn put_reference(body: &mut Body<'_>, reference_id: i32, tag: Option<i32>) {
    body.int(AttributeId::REFERENCE_ID, reference_id)
        .int_if(AttributeId::TAG, tag);
}

fn put_object(body: &mut Body<'_>, object: &Object<'_>) {
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
fn put_notification(body: &mut Body<'_>, notification: Notification, extensions: Option<&mut Kv>) {
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

impl Refinements<'_> {
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
    fn put(&self, body: &mut Body<'_>) {
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
