//! `peekd demo`: simulated Stat Servers and the service in one process.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::serve::raise_file_limit;
use super::signals::stop_on_signal;
use super::simulate::{CentreOptions, obey};
use crate::api::auth::hash_password;
use crate::model::{Clock, NotificationMode, Statistic};
use crate::service::{self, LogFormat, Service, Settings};
use crate::simulator::{Role, Simulator};
use crate::upstream::TcpConnector;

const USER: &str = "default";
const PASSWORD: &str = "password";
/// What was typed, and what peekd makes of it: which Stat Server it lost and which it found.
const LOG_FILTER: &str = "warn,peekd::cli::simulate=info,peekd::upstream::pair=info";

/// Options of `demo`.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where HTTP is answered [default: 127.0.0.1:8080 if that is free, else any free port]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The store's directory; kept, so that the next demo starts with what this one knew.
    #[arg(long, value_name = "DIR", default_value = "peekd-store")]
    store: PathBuf,
    #[command(flatten)]
    centre: CentreOptions,
}

impl Demo {
    pub(super) fn run(self, log_format: LogFormat, out: &mut impl Write) -> anyhow::Result<()> {
        service::start_logging(log_format, LOG_FILTER)?;
        raise_file_limit();
        super::block_on(self.demo(out))
    }

    async fn demo(self, out: &mut impl Write) -> anyhow::Result<()> {
        let tasks = TaskTracker::new();
        let stop = stop_on_signal(&tasks)?;
        let simulator = self.centre.simulator();
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let primary = simulator.listen(Role::Primary, any_port).await?;
        let backup = simulator.listen(Role::Backup, any_port).await?;
        simulator.run_centre();

        let listener = self.listener().await?;
        let address = listener.local_addr()?;
        let settings = self.settings(&simulator, primary, backup, address)?;
        let clock = Clock::system();
        let mut service = Service::launch(
            settings,
            listener,
            Arc::new(TcpConnector),
            clock,
            stop.clone(),
        );
        if service.ready().await {
            write_welcome(out, &self.store, [primary, backup], address)?;
            out.flush()?;
            obey(&simulator, &stop).await;
        }
        let outcome = service.join().await;
        simulator.stop().await;
        Ok(outcome?)
    }

    async fn listener(&self) -> anyhow::Result<TcpListener> {
        if let Some(address) = self.listen {
            let listening = TcpListener::bind(address).await;
            return listening.with_context(|| format!("cannot listen on {address}"));
        }
        match TcpListener::bind(("127.0.0.1", 8080)).await {
            Ok(listener) => Ok(listener),
            Err(_) => Ok(TcpListener::bind(("127.0.0.1", 0)).await?),
        }
    }

    fn settings(
        &self,
        simulator: &Simulator,
        primary: SocketAddr,
        backup: SocketAddr,
        listen: SocketAddr,
    ) -> anyhow::Result<Settings> {
        let open = simulator.statistics();
        let open = open
            .into_iter()
            .take(usize::try_from(self.centre.statistics)?);
        let file = format!(
            "[store]\npath = {store}\n[http]\nlisten = \"{listen}\"\nallow_cleartext_basic = {cleartext}\n\
             drain_timeout = \"2s\"\n[[http.auth.users]]\nname = \"{USER}\"\npassword_hash = \"{hash}\"\n\
             role = \"operator\"\n\
             [[stat_server]]\nname = \"StatServer\"\nprimary = \"{primary}\"\nbackup = \"{backup}\"\n\
             [stat_server.addp]\nlocal_timeout = \"3s\"\nremote_timeout = \"10s\"\n",
            store = toml::Value::from(self.store.display().to_string()),
            hash = hash_password(PASSWORD),
            // A demo that somebody puts on the network on purpose has nothing to hide.
            cleartext = !listen.ip().is_loopback(),
        );
        let mut settings = Settings::from_text(&file)?;
        settings.open = open.map(with_immediate).collect();
        Ok(settings)
    }
}

fn with_immediate(statistic: Statistic) -> (Statistic, NotificationMode) {
    (statistic, NotificationMode::Immediate)
}

fn write_welcome(
    out: &mut impl Write,
    store: &std::path::Path,
    [primary, backup]: [SocketAddr; 2],
    http: SocketAddr,
) -> io::Result<()> {
    writeln!(
        out,
        "A simulated contact centre and peekd in front of it:\n\
         \n  primary Stat Server  {primary}\
         \n  backup Stat Server   {backup}\
         \n  HTTP                 http://{http}   (user {USER}, password {PASSWORD})\
         \n  store                {store}\n\
         \nAsk how long an agent has been logged in:\n\
         \n  curl -u {USER}:{PASSWORD} -d 'objectId=KSippola&objectType=Agent&tenant=Environment\
         &tenantPassword=&metric=TotalLoginTime' http://{http}/genesys/1/statistic\n\
         \nBreak something by typing `kill primary`, `freeze primary` or `restore`; `help` lists more.\n\
         Ctrl-C ends it; the next demo starts with what this one knew.",
        store = store.display(),
    )
}
