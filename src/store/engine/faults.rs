//! Where tests make the engine fail: every call asks here first. Costs nothing in a real build.

use super::EngineError;

/// What an engine call is told before it runs.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Fault {
    Fail,
    Panic,
}

/// Decides, call by call, whether it fails. The text names the call.
#[cfg(test)]
pub(in crate::store) type Plan = std::sync::Arc<dyn Fn(&str) -> Option<Fault> + Send + Sync>;

#[derive(Clone, Default)]
pub(in crate::store) struct Faults {
    #[cfg(test)]
    pub(in crate::store) plan: Option<Plan>,
}

impl Faults {
    #[cfg(test)]
    pub(super) fn check(&self, call: &str) -> Result<(), EngineError> {
        match self.plan.as_ref().and_then(|plan| plan(call)) {
            None => Ok(()),
            Some(Fault::Fail) => Err(EngineError(format!("{call}: a fault was injected"))),
            Some(Fault::Panic) => panic!("{call}: a panic was injected"),
        }
    }

    #[cfg(not(test))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the seam for tests"
    )]
    pub(super) const fn check(&self, _call: &str) -> Result<(), EngineError> {
        Ok(())
    }
}
