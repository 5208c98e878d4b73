//! From a form's fields to the questions they ask.

use std::collections::HashSet;

use secrecy::SecretString;

use super::error::ApiError;
use super::form::{Field, at, called};
use crate::model::{FIELD_LEN_MAX, NotificationMode, ParseStatisticError, Statistic};
use crate::peek::Query;

/// The fields of a single-statistic form, as far as they were sent.
#[derive(Default)]
struct Single {
    object_id: Option<String>,
    object_type: Option<String>,
    tenant: Option<String>,
    tenant_password: Option<String>,
    metric: Option<String>,
    notification_mode: Option<String>,
    filter: Option<String>,
    time_profile: Option<String>,
    time_range: Option<String>,
    time_range2: Option<String>,
}

/// The question of a single-statistic form. Unknown fields are ignored, known ones may come once.
pub(super) fn single(fields: Vec<Field>) -> Result<Query, ApiError> {
    let mut form = Single::default();
    for field in fields {
        let Some((name, slot)) = form.slot(&field.name) else {
            continue;
        };
        if slot.replace(field.value.unwrap_or_default()).is_some() {
            return Err(ApiError::Request(format!("{name} is given more than once")));
        }
    }
    form.question()
}

impl Single {
    fn slot(&mut self, name: &str) -> Option<(&'static str, &mut Option<String>)> {
        Some(match name {
            "objectId" => ("objectId", &mut self.object_id),
            "objectType" => ("objectType", &mut self.object_type),
            "tenant" => ("tenant", &mut self.tenant),
            "tenantPassword" => ("tenantPassword", &mut self.tenant_password),
            // The second is the later versions' name for the same thing.
            "metric" | "statisticType" => ("metric", &mut self.metric),
            "notificationMode" => ("notificationMode", &mut self.notification_mode),
            "filter" => ("filter", &mut self.filter),
            "timeProfile" => ("timeProfile", &mut self.time_profile),
            "timeRange" => ("timeRange", &mut self.time_range),
            "timeRange2" => ("timeRange2", &mut self.time_range2),
            _ => return None,
        })
    }

    fn question(self) -> Result<Query, ApiError> {
        let object_id = mandatory("objectId", self.object_id)?;
        let object_type = mandatory("objectType", self.object_type)?;
        let tenant = mandatory("tenant", self.tenant)?;
        let metric = mandatory("metric", self.metric)?;
        let mode = notification_mode(&self.notification_mode.unwrap_or_default())?;
        let statistic = Statistic {
            metric: metric.into(),
            object_type: object_type
                .parse()
                .map_err(|()| bad(&ParseStatisticError::ObjectType))?,
            object_id: object_id.into(),
            tenant: tenant.into(),
            filter: self.filter.unwrap_or_default().into(),
            time_profile: self.time_profile.unwrap_or_default().into(),
            time_range: self.time_range.unwrap_or_default().into(),
            time_range2: self.time_range2.unwrap_or_default().into(),
            reset: mode == NotificationMode::Reset,
        };
        statistic.check().map_err(|error| bad(&error))?;
        let password = self.tenant_password.unwrap_or_default();
        if password.len() > FIELD_LEN_MAX {
            return Err(bad(&ParseStatisticError::TooLong("tenantPassword")));
        }
        if password.chars().any(char::is_control) {
            return Err(bad(&ParseStatisticError::ControlCharacter(
                "tenantPassword",
            )));
        }
        Ok(Query {
            statistic,
            mode,
            tenant_password: password.into(),
        })
    }
}

fn mandatory(name: &'static str, value: Option<String>) -> Result<String, ApiError> {
    value.ok_or_else(|| ApiError::Request(format!("{name} is missing")))
}

/// An empty mode equals an absent one, as with every other optional field.
fn notification_mode(text: &str) -> Result<NotificationMode, ApiError> {
    if text.is_empty() {
        return Ok(NotificationMode::Immediate);
    }
    text.parse().map_err(|()| {
        let names = NotificationMode::ALL.map(NotificationMode::name).join(", ");
        ApiError::Request(format!("notificationMode is not one of {names}"))
    })
}

fn bad(error: &ParseStatisticError) -> ApiError {
    ApiError::Request(error.to_string())
}

/// The questions of a several-statistics form under the client's own names, in the order asked.
/// The tenants' passwords come from the configuration: `password_of` looks one up.
pub(super) fn several(
    fields: Vec<Field>,
    password_of: impl Fn(&str) -> SecretString,
) -> Result<Vec<(String, Query)>, ApiError> {
    if fields.is_empty() {
        let message = "the body names no statistic (name=metric;objectType;objectId;tenant)";
        return Err(ApiError::Request(message.to_owned()));
    }
    let mut names = HashSet::new();
    let mut questions = Vec::with_capacity(fields.len());
    for (index, field) in fields.into_iter().enumerate() {
        let position = index + 1;
        // Without a `=` the text may be anything, a password included: it is not shown.
        let Some(text) = field.value else {
            return Err(ApiError::Request(format!("{} has no '='", at(position))));
        };
        let label = called(&field.name, position);
        if field.name.is_empty() {
            return Err(ApiError::Request(format!("{label} has no name")));
        }
        if field.name.chars().any(char::is_control) {
            let message = format!("{label} has a control character in its name");
            return Err(ApiError::Request(message));
        }
        let statistic: Statistic = text
            .parse()
            .map_err(|error| ApiError::Request(format!("{label}: {error}")))?;
        if !names.insert(field.name.clone()) {
            return Err(ApiError::Request(format!(
                "{label} is given more than once"
            )));
        }
        let mode = if statistic.reset {
            NotificationMode::Reset
        } else {
            NotificationMode::Immediate
        };
        let query = Query {
            tenant_password: password_of(&statistic.tenant),
            statistic,
            mode,
        };
        questions.push((field.name, query));
    }
    Ok(questions)
}
