//! From what a request names or spells out to a statistic of the centre, or why there is none.

use secrecy::ExposeSecret as _;

use super::super::catalogue::Metric;
use super::super::log::LogKind;
use super::super::world::Target;
use super::refusal::{
    MISMATCH, Refusal, UNKNOWN_METRIC, UNKNOWN_OBJECT, UNKNOWN_TENANT, UNSUPPORTED, WRONG_PASSWORD,
    refusal,
};
use super::request::Desk;
use crate::model::{ObjectType, Statistic};
use crate::wire::{Definition, Object, Refinements};

impl Desk<'_> {
    /// The statistic asked for by name; notes the request.
    pub(super) fn named(
        &mut self,
        kind: LogKind,
        object: &Object<'_>,
        metric: &str,
        refinements: &Refinements<'_>,
        is_reset: bool,
    ) -> Result<Target, Refusal> {
        let object_type = object_type(object);
        let statistic = Statistic::of(
            *object_type.as_ref().unwrap_or(&ObjectType::Agent),
            [
                metric,
                &object.object_id,
                &object.tenant,
                &refinements.filter,
                &refinements.time_profile,
                &refinements.time_range,
                &refinements.time_range2,
            ],
            is_reset,
        );
        self.note(kind, Some(statistic.clone()), String::new());
        let object_type = object_type?;
        if let Some(scripted) = self.world.scripted_target(&statistic) {
            self.check_tenant(object, true)?;
            return Ok(scripted);
        }
        self.check_tenant(object, false)?;
        let known = Metric::named(metric).filter(|metric| self.stat_types.contains(metric));
        let metric = known.ok_or_else(|| {
            refusal(
                UNKNOWN_METRIC,
                format!("Statistic type '{metric}' not found"),
            )
        })?;
        if !metric.applies_to(object_type) {
            return Err(mismatch(metric.definition().name, object_type));
        }
        self.find(metric, object_type, &statistic)
    }

    /// The statistic whose definition the request spells out; notes the request.
    pub(super) fn spelled_out(
        &mut self,
        kind: LogKind,
        object: &Object<'_>,
        definition: &Definition,
        is_reset: bool,
    ) -> Result<Target, Refusal> {
        let object_type = object_type(object);
        let metric = object_type.as_ref().ok().and_then(|object_type| {
            Metric::defined_by(*object_type, definition.category, &definition.main_mask)
        });
        let name = metric.map_or("", |metric| metric.definition().name);
        let statistic = Statistic::of(
            *object_type.as_ref().unwrap_or(&ObjectType::Agent),
            [
                name,
                &object.object_id,
                &object.tenant,
                &definition.filter,
                &definition.time_profile,
                "",
                "",
            ],
            is_reset,
        );
        let detail = format!("category {}", definition.category);
        self.note(kind, Some(statistic.clone()), detail);
        let object_type = object_type?;
        self.check_tenant(object, false)?;
        let metric = metric.ok_or_else(|| {
            let category = definition.category;
            refusal(
                UNSUPPORTED,
                format!("Category {category} with this mask is not supported"),
            )
        })?;
        self.find(metric, object_type, &statistic)
    }

    fn check_tenant(&self, object: &Object<'_>, may_be_unknown: bool) -> Result<(), Refusal> {
        let name = &object.tenant;
        match self.world.catalogue.tenant(name) {
            Some(tenant) if tenant.accepts(object.tenant_password.expose_secret()) => Ok(()),
            Some(_) => Err(refusal(
                WRONG_PASSWORD,
                format!("Wrong password for Tenant '{name}'"),
            )),
            None if may_be_unknown => Ok(()),
            None => Err(refusal(
                UNKNOWN_TENANT,
                format!("Tenant '{name}' not found"),
            )),
        }
    }

    fn find(
        &mut self,
        metric: Metric,
        object_type: ObjectType,
        statistic: &Statistic,
    ) -> Result<Target, Refusal> {
        let (object_id, tenant) = (statistic.object_id(), statistic.tenant());
        let object = self.world.catalogue.object(object_type, object_id, tenant);
        let object = object.ok_or_else(|| {
            let text = format!("{object_type} '{object_id}' (Tenant '{tenant}') not found");
            refusal(UNKNOWN_OBJECT, text)
        })?;
        let target = self.world.target(metric, object, statistic);
        target.ok_or_else(|| refusal(UNSUPPORTED, "Too many filters and ranges".to_owned()))
    }
}

fn object_type(object: &Object<'_>) -> Result<ObjectType, Refusal> {
    let number = object.object_type;
    let known = u8::try_from(number).ok().and_then(ObjectType::from_code);
    known.ok_or_else(|| refusal(MISMATCH, format!("Object type {number} is not known")))
}

fn mismatch(metric: &str, object_type: ObjectType) -> Refusal {
    let text = format!("Statistic type '{metric}' does not apply to object type '{object_type}'");
    refusal(MISMATCH, text)
}
