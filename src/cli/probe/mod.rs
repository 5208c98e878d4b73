//! `peekd probe`: settles the open points of the wire protocol on a real Stat Server.

mod json;
mod text;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::Usage;
use crate::model::Statistic;
use crate::upstream::{Connector, ProbeConfig, TcpConnector, Tls, probe};
use crate::wire::{Charset, Register};

/// Options of `probe`.
#[derive(Debug, Args)]
pub(super) struct Probe {
    /// The Stat Server's address.
    #[arg(value_name = "HOST:PORT")]
    address: String,
    /// Speak TLS from the first byte on; `--ca-file` says whom to trust.
    #[arg(long)]
    tls: bool,
    /// The certificate authority of the Stat Server's certificate, a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_file: Option<PathBuf>,
    /// The name that the certificate must show, where it is not the host's.
    #[arg(long, value_name = "NAME", requires = "tls")]
    server_name: Option<String>,
    /// The character set of its texts, for example windows-1252.
    #[arg(long, value_name = "NAME", default_value = "utf-8")]
    charset: String,
    /// The name to register with.
    #[arg(long, value_name = "NAME", default_value = "peekd probe")]
    client_name: String,
    /// The protocol text to register with, to see whether the server checks it.
    #[arg(long, value_name = "TEXT")]
    protocol: Option<String>,
    /// Register without capabilities, to see whether the server misses them.
    #[arg(long)]
    no_capabilities: bool,
    /// Open, peek and close this statistic, to see in which form each is answered.
    #[arg(long, value_name = "STATISTIC")]
    open: Option<Statistic>,
    /// How long to listen at the end for what comes unasked.
    #[arg(long, value_name = "DURATION", default_value = "300ms", value_parser = humantime::parse_duration)]
    stay: Duration,
    /// How long to wait for each answer.
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
        let connector = self.connector()?;
        let mut register = Register::as_client(&self.client_name, 0);
        register.protocol = self.protocol.unwrap_or(register.protocol);
        if self.no_capabilities {
            register.capabilities.0.clear();
        }
        let config = ProbeConfig {
            register,
            charset,
            patience: self.timeout,
            open: self.open,
            stay: self.stay,
        };
        let report =
            super::block_on(async { Ok(probe(&connector, &self.address, &config).await) })?;
        if self.json {
            writeln!(out, "{}", json::of(&report))?;
        } else {
            text::write(out, &self.address, &report)?;
        }
        // What was learnt so far is worth seeing before the failure is told.
        out.flush()?;
        match report.failure {
            Some(failure) => bail!("{failure}"),
            None => Ok(()),
        }
    }

    fn connector(&self) -> Result<Arc<dyn Connector>, Usage> {
        let plain: Arc<dyn Connector> = Arc::new(TcpConnector);
        if !self.tls {
            return Ok(plain);
        }
        // Whom the operating system trusts does not sign for servers inside a company.
        let Some(ca_file) = &self.ca_file else {
            let needed = "--tls needs --ca-file FILE: the certificate (PEM) of the authority that \
                          signed the Stat Server's, or a self-signed one itself";
            return Err(Usage(needed.to_owned()));
        };
        let tls = Tls::new(ca_file, self.server_name.as_deref());
        let tls = tls.map_err(|error| Usage(format!("{}: {error}", ca_file.display())))?;
        Ok(Arc::new(tls.over(plain)))
    }
}
