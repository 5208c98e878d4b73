//! `peekd peek`.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::ask::{Service, password_of};
use super::table::Table;
use crate::model::{NotificationMode, Statistic};

/// What the `Age` header says of a value whose age is not known.
const AGE_UNKNOWN: u64 = 2_147_483_648;

/// Options of `peek`.
#[derive(Debug, Args)]
pub(super) struct Peek {
    /// metric;objectType;objectId;tenant[;filter;timeProfile;timeRange;timeRange2[;Reset]]
    #[arg(required = true, value_name = "STATISTIC")]
    statistics: Vec<Statistic>,
    /// Where the service answers.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Who asks; the password comes from `PEEKD_PASSWORD` or is asked for.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The oldest acceptable value, for example 2s; 0s asks the Stat Server.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    max_age: Option<Duration>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Peek {
    pub(super) fn run(self, out: &mut impl Write, err: &mut impl Write) -> anyhow::Result<()> {
        let password = self.user.as_deref().map(password_of).transpose()?;
        let user = self.user.as_deref().zip(password.as_ref());
        let service = Service::new(&self.url, user)?;
        super::block_on(self.ask(&service, out, err))
    }

    async fn ask(
        &self,
        service: &Service,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> anyhow::Result<()> {
        let mut table = Table::new(["statistic", "value", "age"]);
        let mut failures = 0;
        for statistic in &self.statistics {
            let cache_control = self.max_age.map(|age| format!("max-age={}", age.as_secs()));
            let form = form_of(statistic);
            let reply = service
                .post_form("/genesys/1/statistic", form, cache_control)
                .await;
            let name = statistic.to_string();
            match reply.and_then(|reply| Ok((reply.json()?, reply))) {
                Ok((json, reply)) => {
                    let value = json.get("value").cloned().unwrap_or_default();
                    if self.json {
                        let line = json!({"statistic": name, "value": value, "age": reply.age});
                        writeln!(out, "{line}")?;
                    } else {
                        let text = value
                            .as_str()
                            .map_or_else(|| value.to_string(), str::to_owned);
                        let age = match reply.age {
                            Some(AGE_UNKNOWN) => "unknown".to_owned(),
                            Some(age) => format!("{age}s"),
                            None => String::new(),
                        };
                        table.row([name, text, age]);
                    }
                }
                Err(error) => {
                    failures += 1;
                    writeln!(err, "{name}: {error:#}")?;
                }
            }
        }
        if !self.json && failures < self.statistics.len() {
            table.write(out)?;
        }
        match failures {
            0 => Ok(()),
            _ => anyhow::bail!("{failures} of {} were not answered", self.statistics.len()),
        }
    }
}

fn form_of(statistic: &Statistic) -> String {
    let mode = if statistic.reset() {
        NotificationMode::Reset
    } else {
        NotificationMode::Immediate
    };
    let [filter, time_profile, time_range, time_range2] = statistic.refinements();
    [
        ("metric", statistic.metric()),
        ("objectType", statistic.object_type().name()),
        ("objectId", statistic.object_id()),
        ("tenant", statistic.tenant()),
        ("notificationMode", mode.name()),
        ("filter", filter),
        ("timeProfile", time_profile),
        ("timeRange", time_range),
        ("timeRange2", time_range2),
    ]
    .into_iter()
    .filter(|(_, text)| !text.is_empty())
    .map(|(name, text)| format!("{name}={}", utf8_percent_encode(text, NON_ALPHANUMERIC)))
    .collect::<Vec<_>>()
    .join("&")
}
