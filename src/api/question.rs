//! From a form's fields to the questions they ask.

use std::borrow::Cow;
use std::collections::HashSet;

use secrecy::SecretString;

use super::error::ApiError;
use super::form::{Field, FormError, at, called};
use crate::model::{AskedStatistic, FIELD_LEN_MAX, NotificationMode, ParseStatisticError};
use crate::peek::Query;

/// The fields of a single-statistic form, as far as they were sent.
#[derive(Default)]
struct Single<'a> {
    object_id: Part<'a>,
    object_type: Part<'a>,
    tenant: Part<'a>,
    tenant_password: Part<'a>,
    metric: Part<'a>,
    notification_mode: Part<'a>,
    filter: Part<'a>,
    time_profile: Part<'a>,
    time_range: Part<'a>,
    time_range2: Part<'a>,
}

type Part<'a> = Option<Cow<'a, str>>;

/// A question as it stands in a form.
pub(super) struct Question<'a> {
    pub(super) statistic: AskedStatistic<'a>,
    pub(super) mode: NotificationMode,
    /// Empty for none.
    pub(super) tenant_password: Cow<'a, str>,
}

impl Question<'_> {
    /// The question on its own.
    pub(super) fn into_query(self) -> Query {
        Query {
            statistic: self.statistic.to_statistic(),
            mode: self.mode,
            tenant_password: self.tenant_password.into_owned().into(),
        }
    }
}

/// The question of a single-statistic form. Unknown fields are ignored, known ones may come once.
pub(super) fn single<'a>(
    fields: impl IntoIterator<Item = Field<'a>>,
) -> Result<Question<'a>, ApiError> {
    let mut form = Single::default();
    for field in fields {
        form.take(field)?;
    }
    form.question()
}

/// As [`single`], of fields that are read only now.
pub(super) fn read_single<'a>(
    fields: impl Iterator<Item = Result<Field<'a>, FormError>>,
) -> Result<Question<'a>, ApiError> {
    let mut form = Single::default();
    for field in fields {
        form.take(field?)?;
    }
    form.question()
}

impl<'a> Single<'a> {
    fn take(&mut self, field: Field<'a>) -> Result<(), ApiError> {
        let Some((name, slot)) = self.slot(&field.name) else {
            return Ok(());
        };
        if slot.replace(field.value.unwrap_or_default()).is_some() {
            return Err(ApiError::Request(format!("{name} is given more than once")));
        }
        Ok(())
    }

    fn slot(&mut self, name: &str) -> Option<(&'static str, &mut Part<'a>)> {
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

    fn question(self) -> Result<Question<'a>, ApiError> {
        let object_id = mandatory("objectId", self.object_id)?;
        let object_type = mandatory("objectType", self.object_type)?;
        let tenant = mandatory("tenant", self.tenant)?;
        let metric = mandatory("metric", self.metric)?;
        let mode = notification_mode(&self.notification_mode.unwrap_or_default())?;
        let refinements = [
            self.filter,
            self.time_profile,
            self.time_range,
            self.time_range2,
        ];
        let statistic = AskedStatistic {
            metric,
            object_type: object_type
                .parse()
                .map_err(|()| bad(&ParseStatisticError::ObjectType))?,
            object_id,
            tenant,
            refinements: refinements.map(Option::unwrap_or_default),
            reset: mode == NotificationMode::Reset,
        };
        statistic.check().map_err(|error| bad(&error))?;
        let tenant_password = self.tenant_password.unwrap_or_default();
        if tenant_password.len() > FIELD_LEN_MAX {
            return Err(bad(&ParseStatisticError::TooLong("tenantPassword")));
        }
        if tenant_password.chars().any(char::is_control) {
            return Err(bad(&ParseStatisticError::ControlCharacter(
                "tenantPassword",
            )));
        }
        Ok(Question {
            statistic,
            mode,
            tenant_password,
        })
    }
}

fn mandatory<'a>(name: &'static str, value: Part<'a>) -> Result<Cow<'a, str>, ApiError> {
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
    fields: Vec<Field<'_>>,
    password_of: impl Fn(&str) -> SecretString,
) -> Result<Vec<(String, Query)>, ApiError> {
    if fields.is_empty() {
        let message = "the body names no statistic (name=metric;objectType;objectId;tenant)";
        return Err(ApiError::Request(message.to_owned()));
    }
    let mut names = HashSet::new();
    let mut questions = Vec::with_capacity(fields.len());
    for (index, field) in fields.into_iter().enumerate() {
        let statistic = one_of_several(&field, index + 1)?;
        if !names.insert(field.name.clone()) {
            let label = called(&field.name, index + 1);
            return Err(ApiError::Request(format!(
                "{label} is given more than once"
            )));
        }
        let query = Query {
            tenant_password: password_of(&statistic.tenant),
            mode: mode_of_several(&statistic),
            statistic: statistic.to_statistic(),
        };
        questions.push((field.name.into_owned(), query));
    }
    Ok(questions)
}

/// The statistic that the field at this place of a several-statistics form asks for.
pub(super) fn one_of_several<'a>(
    field: &'a Field<'_>,
    position: usize,
) -> Result<AskedStatistic<'a>, ApiError> {
    // Without a `=` the text may be anything, a password included: it is not shown.
    let Some(text) = &field.value else {
        return Err(ApiError::Request(format!("{} has no '='", at(position))));
    };
    let label = || called(&field.name, position);
    if field.name.is_empty() {
        return Err(ApiError::Request(format!("{} has no name", label())));
    }
    if field.name.chars().any(char::is_control) {
        let message = format!("{} has a control character in its name", label());
        return Err(ApiError::Request(message));
    }
    AskedStatistic::read(text).map_err(|error| ApiError::Request(format!("{}: {error}", label())))
}

/// How a statistic of a several-statistics form is to be opened: the form has no field for it.
pub(super) fn mode_of_several(statistic: &AskedStatistic<'_>) -> NotificationMode {
    if statistic.reset {
        NotificationMode::Reset
    } else {
        NotificationMode::Immediate
    }
}
