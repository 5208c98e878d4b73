//! The two texts that figures are told in: `OpenMetrics` to whom accepts it, and the older
//! Prometheus text to everybody else.

use std::fmt;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::api::accept;

/// One of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Format {
    OpenMetrics,
    Prometheus,
}

impl Format {
    /// What a client with these `Accept` lines likes best; the older text for who likes neither.
    pub(in crate::api) fn accepted<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let offered = [
            ("text/plain", Self::Prometheus),
            ("application/openmetrics-text", Self::OpenMetrics),
        ];
        accept::preferred(lines, &offered).unwrap_or(Self::Prometheus)
    }

    pub(in crate::api) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// All figures as text.
pub(in crate::api) fn write(registry: &Registry, format: Format) -> Result<String, fmt::Error> {
    let mut open = String::new();
    text::encode(&mut open, registry)?;
    Ok(match format {
        Format::OpenMetrics => open,
        Format::Prometheus => older(&open),
    })
}

/// The older text calls a counter in its description as it does in its lines, and has no end mark.
fn older(open: &str) -> String {
    let mut older = String::with_capacity(open.len());
    let mut help = None;
    for line in open.lines() {
        if line.starts_with("# HELP ") {
            help = Some(line);
            continue;
        }
        let counter = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.strip_suffix(" counter"));
        if let Some(help) = help.take() {
            let renamed = counter.and_then(|name| {
                let text = help.strip_prefix("# HELP ")?.strip_prefix(name)?;
                Some(format!("# HELP {name}_total{text}"))
            });
            older.push_str(renamed.as_deref().unwrap_or(help));
            older.push('\n');
        }
        match counter {
            Some(name) => older.extend(["# TYPE ", name, "_total counter"]),
            None if line == "# EOF" => continue,
            None => older.push_str(line),
        }
        older.push('\n');
    }
    older
}
