//! Requests to attributes, in the order the vendor's own client sends them.

use secrecy::ExposeSecret as _;

use super::super::attribute::{AttributeId, Body};
use super::super::charset::Charset;
use super::super::kv::{Kv, KvValue};
use super::{
    CLOSE, Definition, GET, GET_EX, INSENSITIVITY_KEY, Notification, OPEN, OPEN_EX, Object, PEEK,
    PROFILE, REGISTER, RESUME, Refinements, Register, Request, SUSPEND,
};
use crate::model::NotificationMode;

impl Request {
    pub(in crate::wire) fn encode(&self, charset: Charset) -> Vec<u8> {
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
