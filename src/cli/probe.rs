//! `peekd probe`: settles the open points of the wire protocol on a real Stat Server.

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::Usage;
use crate::upstream::{ProbeConfig, ProbeReport, TcpConnector, probe};
use crate::wire::{Charset, RawMessage, Register};

/// Options of `probe`.
#[derive(Debug, Args)]
pub(super) struct Probe {
    /// The Stat Server's address.
    #[arg(value_name = "HOST:PORT")]
    address: String,
    /// The character set of its texts, for example windows-1252.
    #[arg(long, value_name = "NAME", default_value = "utf-8")]
    charset: String,
    /// How long to wait for answers.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl Probe {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let Some(charset) = Charset::for_label(&self.charset) else {
            return Err(Usage(format!("no character set is called {}", self.charset)).into());
        };
        let register = Register::as_client("peekd probe", 0);
        let config = ProbeConfig {
            register,
            charset,
            patience: self.timeout,
        };
        let report =
            super::block_on(async { Ok(probe(&TcpConnector, &self.address, &config).await) })?;
        if self.json {
            writeln!(out, "{}", to_json(&report))?;
        } else {
            write_text(out, &self.address, &report)?;
        }
        // What was learnt so far is worth seeing before the failure is told.
        out.flush()?;
        match report.failure {
            Some(failure) => bail!("{failure}"),
            None => Ok(()),
        }
    }
}

fn write_text(out: &mut impl Write, address: &str, report: &ProbeReport) -> std::io::Result<()> {
    let unsaid = || "not said".to_owned();
    let duration = |duration: Option<Duration>| {
        duration.map_or_else(
            || "no answer".to_owned(),
            |duration| format!("{duration:.1?}"),
        )
    };
    writeln!(
        out,
        "address        {address} ({})",
        match connected_in(report) {
            Some(took) => format!("connected in {took:.1?}"),
            None => "not connected".to_owned(),
        }
    )?;
    writeln!(
        out,
        "version        {}",
        report.version.clone().unwrap_or_else(unsaid)
    )?;
    writeln!(
        out,
        "compat         {}",
        report
            .compat
            .map_or_else(unsaid, |compat| compat.to_string())
    )?;
    writeln!(
        out,
        "mode           {}",
        report.mode.map_or_else(unsaid, |mode| format!("{mode:?}"))
    )?;
    let init = report
        .addp_init_answer
        .map_or_else(unsaid, |data| format!("answered, data 0x{data:06x}"));
    writeln!(out, "addp init      {init}")?;
    writeln!(out, "addp poll      {}", duration(report.addp_round_trip))?;
    for (kind, entries) in &report.profiles {
        writeln!(out, "\n{kind:?} ({})", entries.len())?;
        for (name, definition) in entries {
            writeln!(out, "  {name}")?;
            for line in definition.lines() {
                writeln!(out, "      {line}")?;
            }
        }
    }
    for (number, message) in report.messages.iter().enumerate() {
        writeln!(
            out,
            "\nmessage {} of {}: id {}",
            number + 1,
            report.messages.len(),
            message.id
        )?;
        for attribute in &message.attributes {
            let name = attribute.name.unwrap_or("unknown");
            let value: String = attribute.value.chars().take(200).collect();
            writeln!(
                out,
                "  {:>4} {name:<18} {:<8} {value:?}",
                attribute.id, attribute.kind
            )?;
        }
        if let Some(fault) = &message.fault {
            writeln!(out, "  and then: {fault}")?;
        }
    }
    Ok(())
}

/// How long connecting took, if it ever came to that.
fn connected_in(report: &ProbeReport) -> Option<Duration> {
    Some(report.connected_in).filter(|took| !took.is_zero())
}

fn to_json(report: &ProbeReport) -> Value {
    let profiles: serde_json::Map<String, Value> = report
        .profiles
        .iter()
        .map(|(kind, entries)| {
            let entry = |(name, definition): &(String, String)| (name.clone(), json!(definition));
            (
                format!("{kind:?}"),
                Value::Object(entries.iter().map(entry).collect()),
            )
        })
        .collect();
    json!({
        "connectedInSeconds": connected_in(report).map(|took| took.as_secs_f64()),
        "version": report.version,
        "compat": report.compat,
        "mode": report.mode.map(|mode| format!("{mode:?}")),
        "addpInitAnswer": report.addp_init_answer,
        "addpRoundTripSeconds": report.addp_round_trip.map(|time| time.as_secs_f64()),
        "profiles": profiles,
        "messages": report.messages.iter().map(message_json).collect::<Vec<_>>(),
        "failure": report.failure,
    })
}

fn message_json(message: &RawMessage) -> Value {
    let attribute = |attribute: &crate::wire::RawAttribute| {
        json!({
            "id": attribute.id,
            "name": attribute.name,
            "kind": attribute.kind,
            "value": attribute.value,
        })
    };
    json!({
        "id": message.id,
        "attributes": message.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "fault": message.fault.as_ref().map(ToString::to_string),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_connection_is_not_told_as_one_made_at_once() {
        let report = ProbeReport::default();
        let mut out = Vec::new();
        write_text(&mut out, "statserver1:7100", &report).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("address        statserver1:7100 (not connected)\n"));
        assert!(to_json(&report)["connectedInSeconds"].is_null());
    }
}
