//! Whether to send the service requests, and what is wrong with it: drawn from the pairs and the
//! store whenever either changes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::Core;
use crate::api::{Phase, Readiness};
use crate::store::{Health, OpenReport, Status, Writer};
use crate::upstream::{PairHandle, PairState, PairStatus};

/// How often the store is asked whether it still writes, and how long it may take to say so.
const PULSE_INTERVAL: Duration = Duration::from_secs(5);
const PULSE_PATIENCE: Duration = Duration::from_secs(10);

/// Asks the store now and then to confirm that it writes. An engine that hangs reports no fault by
/// itself; this is how it shows.
pub(super) async fn feel_pulse(
    writer: Writer,
    stuck: watch::Sender<bool>,
    stop: CancellationToken,
) {
    while !super::wait_or_stop(PULSE_INTERVAL, &stop).await {
        let confirmed = tokio::select! {
            () = stop.cancelled() => return,
            confirmed = timeout(PULSE_PATIENCE, writer.flush()) => confirmed.is_ok(),
        };
        stuck.send_if_modified(|stuck| std::mem::replace(stuck, !confirmed) == confirmed);
    }
}

/// Keeps `readiness` true until `stop`.
pub(super) async fn follow(
    core: &Core,
    readiness: &watch::Sender<Readiness>,
    stop: &CancellationToken,
) {
    let mut roster = core.upstream.definitions();
    let mut listed = core.upstream.pairs();
    let mut pairs = followed(&listed);
    let mut store = core.writer.status();
    let mut stuck = core.store_stuck.clone();
    // A pair that answers nothing must not keep the service from answering out of the store.
    let patience = tokio::time::sleep_until(Instant::now() + core.peek_deadline);
    tokio::pin!(patience);
    let mut patient = true;
    loop {
        let starting =
            |pair: &watch::Receiver<PairStatus>| pair.borrow().state == PairState::Starting;
        let phase = if patient && pairs.iter().any(starting) {
            Phase::Starting
        } else {
            Phase::Ready
        };
        let mut reasons = store_reasons(&store.borrow(), &core.report, *stuck.borrow());
        for (listed, pair) in listed.iter().zip(&pairs) {
            reasons.extend(pair_reason(&listed.name, &pair.borrow()));
        }
        let now = Readiness { phase, reasons };
        readiness.send_if_modified(|before| {
            let changed = *before != now;
            if changed {
                tracing::info!(phase = ?now.phase, reasons = ?now.reasons, "readiness");
                *before = now;
            }
            changed
        });
        let any_pair = select_all(pairs.iter_mut().map(|pair| Box::pin(pair.changed())));
        let over = tokio::select! {
            () = stop.cancelled() => return,
            () = &mut patience, if patient => {
                patient = false;
                false
            }
            // A pair's task ended: it was taken off, or the service stops.
            (changed, _, _) = any_pair => {
                changed.is_err() && Arc::ptr_eq(&listed, &core.upstream.pairs())
            }
            changed = roster.changed() => changed.is_err(),
            changed = store.changed() => changed.is_err(),
            changed = stuck.changed() => changed.is_err(),
        };
        if over {
            return;
        }
        let now = core.upstream.pairs();
        if !Arc::ptr_eq(&listed, &now) {
            listed = now;
            pairs = followed(&listed);
        }
    }
}

fn followed(pairs: &[PairHandle]) -> Vec<watch::Receiver<PairStatus>> {
    let follow = |pair: &PairHandle| {
        let mut status = pair.status();
        status.mark_unchanged();
        status
    };
    pairs.iter().map(follow).collect()
}

fn pair_reason(name: &str, status: &PairStatus) -> Option<String> {
    match status.state {
        PairState::Connected => None,
        PairState::Starting => Some(format!("Stat Server '{name}' is being connected")),
        PairState::Disconnected => {
            let sides = ["primary", "backup"].into_iter().zip(&status.last_failures);
            let failures: Vec<String> = sides
                .filter_map(|(side, failure)| Some(format!("{side}: {}", failure.as_ref()?)))
                .collect();
            Some(format!(
                "Stat Server '{name}' is not connected ({})",
                failures.join("; ")
            ))
        }
    }
}

fn store_reasons(status: &Status, report: &OpenReport, stuck: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    if stuck {
        let patience = humantime::format_duration(PULSE_PATIENCE);
        reasons.push(format!(
            "the store has not confirmed a write for {patience}"
        ));
    }
    if let Health::Failing { .. } = &status.health {
        reasons.push("the store cannot write; the log says why".to_owned());
    }
    if status.lost_changes > 0 {
        reasons.push(format!(
            "{} changes are missing in the journal",
            status.lost_changes
        ));
    }
    if status.history_fault.is_some() {
        reasons.push("history is damaged or cannot be kept; the log says why".to_owned());
    }
    if !report.damaged.is_empty() {
        reasons.push("parts of the store were damaged; the log says which".to_owned());
    }
    if report.in_memory {
        reasons.push("the store is kept in memory only".to_owned());
    }
    if let Some(at) = report.snapshot_at {
        let at = at.to_rfc3339();
        reasons.push(format!("the store began with the snapshot of {at}"));
    }
    // Anybody may ask for the readiness: where things are on the disk is only for the log.
    if let Some(name) = report.set_aside.as_deref().and_then(Path::file_name) {
        reasons.push(format!(
            "a damaged store was set aside as {}",
            name.display()
        ));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_store_is_told_without_its_place() {
        let status = Status {
            health: Health::Failing {
                message: "/var/lib/secret: no space".to_owned(),
            },
            history_fault: Some("/var/lib/secret/history: no space".to_owned()),
            ..Status::default()
        };
        let report = OpenReport {
            set_aside: Some("/var/lib/secret/now.damaged-1".into()),
            damaged: vec!["/var/lib/secret/now/db".to_owned()],
            ..OpenReport::default()
        };
        let reasons = store_reasons(&status, &report, true);
        assert_eq!(reasons.len(), 5, "{reasons:?}");
        assert!(!format!("{reasons:?}").contains("secret"), "{reasons:?}");
    }
}
