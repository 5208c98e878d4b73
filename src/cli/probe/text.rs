//! A probe's report for people.

use std::io::{self, Write};
use std::time::Duration;

use crate::upstream::{AddpReport, ProbeReport, Trial};
use crate::wire::{RawAttribute, RawMessage, ServerMode};

/// Longer values are cut; `--json` shows them whole.
const SHOWN_LEN_MAX: usize = 200;

pub(super) fn write(out: &mut impl Write, address: &str, report: &ProbeReport) -> io::Result<()> {
    let unsaid = || "not said".to_owned();
    let connected = match report.connected_in {
        Some(took) => format!("connected in {took:.1?}"),
        None => "not connected".to_owned(),
    };
    writeln!(out, "address        {address} ({connected})")?;
    writeln!(out, "registration   {}", answer(report.registered_in))?;
    let version = report.version.clone().unwrap_or_else(unsaid);
    writeln!(out, "version        {version}")?;
    let compat = report.compat.map_or_else(unsaid, |it| it.to_string());
    writeln!(out, "compat         {compat}")?;
    if report.modes.is_empty() {
        writeln!(out, "mode           not said")?;
    }
    for said in &report.modes {
        let mode = ServerMode::from_code(said.code);
        let when = if said.before_registration {
            "before the answer to the registration"
        } else {
            "after the connection was made"
        };
        let at = said.at;
        writeln!(
            out,
            "mode           {} ({mode:?}), {at:.1?} {when}",
            said.code
        )?;
    }
    write_addp(out, &report.addp)?;
    writeln!(out, "longest        {} bytes", report.body_len_max)?;
    if let Some(trial) = &report.trial {
        write_trial(out, trial)?;
    }
    for list in &report.profiles {
        match &list.entries {
            Err(refusal) => {
                writeln!(
                    out,
                    "\n{:?}, refused in {:.1?}: {refusal}",
                    list.kind, list.took
                )?;
            }
            Ok(entries) => {
                writeln!(
                    out,
                    "\n{:?} ({}) in {:.1?}",
                    list.kind,
                    entries.len(),
                    list.took
                )?;
                for (name, definition) in entries {
                    writeln!(out, "  {name}")?;
                    for line in definition.lines() {
                        writeln!(out, "      {line}")?;
                    }
                }
            }
        }
    }
    let count = report.messages.len();
    for (number, heard) in (1..).zip(&report.messages) {
        let name = heard.message.name.unwrap_or("unknown");
        let (id, at) = (heard.message.id, heard.at);
        writeln!(
            out,
            "\nmessage {number} of {count}: {id} {name}, at {at:.1?}"
        )?;
        write_message(out, &heard.message)?;
    }
    Ok(())
}

fn write_addp(out: &mut impl Write, addp: &AddpReport) -> io::Result<()> {
    let init = addp.init_answer.map_or_else(
        || "no answer".to_owned(),
        |data| format!("answered, data 0x{data:06x}"),
    );
    writeln!(out, "addp init      {init}")?;
    let version = addp
        .version
        .map_or_else(|| "no answer".to_owned(), |data| format!("0x{data:06x}"));
    writeln!(out, "addp version   {version}")?;
    let mut trips = addp.round_trips.clone();
    trips.sort();
    let polls = match (trips.first(), trips.get(trips.len() / 2), trips.last()) {
        (Some(least), Some(median), Some(most)) => format!(
            "{} answered in {least:.1?} to {most:.1?}, median {median:.1?}",
            trips.len()
        ),
        _ => "no answer".to_owned(),
    };
    writeln!(
        out,
        "addp polls     {polls}; {} received",
        addp.polls_received
    )?;
    if addp.inside_frames > 0 {
        writeln!(
            out,
            "addp inside    {} between the packets of big frames",
            addp.inside_frames
        )?;
    }
    if !addp.unknown_letters.is_empty() {
        writeln!(
            out,
            "addp letters   {:?} are not known",
            addp.unknown_letters
        )?;
    }
    Ok(())
}

fn write_trial(out: &mut impl Write, trial: &Trial) -> io::Result<()> {
    writeln!(out, "\n{}", trial.statistic)?;
    if let Some((code, text)) = &trial.refusal {
        writeln!(out, "  refused      {text} (code {code})")?;
    }
    writeln!(out, "  open         {}", answer(trial.acknowledged_in))?;
    let first = match trial.first_value_in {
        Some(took) if trial.is_value_first => {
            format!("{took:.1?} after the open, before its answer")
        }
        Some(took) => format!("{took:.1?} after the open"),
        None => "did not come by itself".to_owned(),
    };
    writeln!(out, "  first value  {first}")?;
    let peek = trial.peek.map_or_else(
        || "no answer".to_owned(),
        |peek| {
            let under = if peek.under_the_open {
                "the open's"
            } else {
                "its own"
            };
            format!("answered in {:.1?} under {under} reference id", peek.took)
        },
    );
    writeln!(out, "  peek         {peek}")?;
    let closed = trial.closed.map_or_else(
        || "no answer".to_owned(),
        |closed| {
            let under = if closed.under_the_close {
                "its own"
            } else {
                "the open's"
            };
            let int = if closed.names_the_statistic {
                "the statistic"
            } else {
                "nothing"
            };
            format!(
                "answered in {:.1?} under {under} reference id, the integer names {int}",
                closed.took
            )
        },
    );
    writeln!(out, "  close        {closed}")?;
    for value in &trial.values {
        writeln!(out, "  value        {}", cut(value))?;
    }
    Ok(())
}

fn write_message(out: &mut impl Write, message: &RawMessage) -> io::Result<()> {
    for attribute in &message.attributes {
        let RawAttribute {
            id, letter, kind, ..
        } = attribute;
        let name = attribute.name.unwrap_or("unknown");
        let value = cut(&attribute.value);
        writeln!(out, "  {id:>4} {name:<22} {letter} {kind:<8} {value:?}")?;
        if let Some(raw) = &attribute.raw {
            writeln!(out, "       {:<22}   bytes    {}", "", cut(raw))?;
        }
    }
    if let Some(fault) = &message.fault {
        writeln!(out, "  and then: {fault}")?;
    }
    if let Some(raw) = &message.raw {
        writeln!(out, "  whole: {}", cut(raw))?;
    }
    Ok(())
}

fn answer(took: Option<Duration>) -> String {
    took.map_or_else(
        || "no answer".to_owned(),
        |took| format!("answered in {took:.1?}"),
    )
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_LEN_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_connection_is_not_told_as_one_made_at_once() {
        let report = ProbeReport::default();
        let mut out = Vec::new();
        write(&mut out, "statserver1:7100", &report).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("address        statserver1:7100 (not connected)\n"));
        assert!(super::super::json::of(&report)["connectedInSeconds"].is_null());
    }
}
