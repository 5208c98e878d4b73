//! The names of statuses and of the durable actions they come from, which share their numbers.

/// The name of a status or action of an agent, a place, a regular DN or a group of agents or
/// places; a number without a name reads `Status<n>`.
#[must_use]
pub fn status_name(code: u16) -> String {
    known_name(code).map_or_else(|| format!("Status{code}"), str::to_owned)
}

/// The name of a status or action of a queue, a route point or a group of queues.
///
/// Their numbers in masks differ from the other objects'; that they do in states too is inferred.
/// A number that only the other objects use is named as there, so that the wrong guess would cost
/// little: a queue is neither on hold (13) nor in after-call work (9).
#[must_use]
pub fn queue_status_name(code: u16) -> String {
    let name = match code {
        2 => "NotReadyForNextCall",
        9 => "CallWait",
        10 => "CallEntered",
        11 => "CallDistributed",
        12 => "CallAbandoned",
        13 => "WaitForNextCall",
        17 => "CallAnswered",
        18 => "CallAbandonedFromRinging",
        19 => "UserEvent",
        other => return status_name(other),
    };
    name.to_owned()
}

fn known_name(code: u16) -> Option<&'static str> {
    Some(match code {
        0 => "NotMonitored",
        1 => "Monitored",
        2 => "LoggedIn",
        3 => "OnHook",
        4 => "WaitForNextCall",
        5 => "OffHook",
        6 => "CallDialing",
        7 => "CallRinging",
        8 => "NotReadyForNextCall",
        9 => "AfterCallWork",
        13 => "CallOnHold",
        18 => "CallUnknown",
        19 => "CallConsult",
        20 => "CallInternal",
        21 => "CallOutbound",
        22 => "CallInbound",
        23 => "LoggedOut",
        26 => "CallAnswered",
        38 => "UserEvent",
        79 => "CallWait",
        80 => "CallEntered",
        81 => "CallDistributed",
        82 => "CallAbandoned",
        195 => "AgentLogin",
        207 => "Routable",
        208 => "NotRoutable",
        _ => return None,
    })
}
