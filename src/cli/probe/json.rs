//! A probe's report for programs.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::upstream::{Announcement, Heard, ProbeReport, ProfileList, Trial};
use crate::wire::{RawAttribute, ServerMode};

pub(super) fn of(report: &ProbeReport) -> Value {
    let addp = &report.addp;
    json!({
        "connectedInSeconds": seconds(report.connected_in),
        "registeredInSeconds": seconds(report.registered_in),
        "version": report.version,
        "compat": report.compat,
        "modes": report.modes.iter().map(mode).collect::<Vec<_>>(),
        "addp": {
            "initAnswer": addp.init_answer,
            "version": addp.version,
            "roundTripsSeconds": addp.round_trips.iter().map(Duration::as_secs_f64).collect::<Vec<_>>(),
            "pollsReceived": addp.polls_received,
            "insideFrames": addp.inside_frames,
            "unknownLetters": addp.unknown_letters,
        },
        "longestMessageBytes": report.body_len_max,
        "profiles": report.profiles.iter().map(profile).collect::<Map<_, _>>(),
        "trial": report.trial.as_ref().map(trial),
        "messages": report.messages.iter().map(message).collect::<Vec<_>>(),
        "failure": report.failure,
    })
}

fn seconds(took: Option<Duration>) -> Option<f64> {
    took.map(|took| took.as_secs_f64())
}

fn mode(said: &Announcement) -> Value {
    json!({
        "code": said.code,
        "readsAs": format!("{:?}", ServerMode::from_code(said.code)),
        "atSeconds": said.at.as_secs_f64(),
        "beforeRegistration": said.before_registration,
    })
}

fn profile(list: &ProfileList) -> (String, Value) {
    let entries = list.entries.as_ref();
    let entry = |(name, definition): &(String, String)| (name.clone(), json!(definition));
    let value = json!({
        "tookSeconds": list.took.as_secs_f64(),
        "refusal": entries.err(),
        "entries": entries.map(|entries| entries.iter().map(entry).collect::<Map<_, _>>()).ok(),
    });
    (format!("{:?}", list.kind), value)
}

fn trial(trial: &Trial) -> Value {
    json!({
        "statistic": trial.statistic,
        "refusal": trial.refusal.as_ref().map(|(code, text)| json!({ "code": code, "text": text })),
        "acknowledgedInSeconds": seconds(trial.acknowledged_in),
        "firstValueInSeconds": seconds(trial.first_value_in),
        "isValueFirst": trial.is_value_first,
        "peek": trial.peek.map(|peek| json!({
            "tookSeconds": peek.took.as_secs_f64(),
            "underTheOpen": peek.under_the_open,
        })),
        "closed": trial.closed.map(|closed| json!({
            "tookSeconds": closed.took.as_secs_f64(),
            "underTheClose": closed.under_the_close,
            "namesTheStatistic": closed.names_the_statistic,
        })),
        // Each is JSON already.
        "values": trial.values.iter().map(|value| {
            serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.as_str()))
        }).collect::<Vec<Value>>(),
    })
}

fn message(heard: &Heard) -> Value {
    json!({
        "atSeconds": heard.at.as_secs_f64(),
        "id": heard.message.id,
        "name": heard.message.name,
        "attributes": heard.message.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "fault": heard.message.fault.as_ref().map(ToString::to_string),
        "raw": heard.message.raw,
    })
}

fn attribute(attribute: &RawAttribute) -> Value {
    json!({
        "id": attribute.id,
        "name": attribute.name,
        "letter": attribute.letter,
        "kind": attribute.kind,
        "value": attribute.value,
        "raw": attribute.raw,
    })
}
