//! Whether the other server of a pair would serve: asked on a connection of its own while the active
//! one says that it is a backup now, or while the primary is preferred and the backup active. Neither
//! alone ever ends the last working connection.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::super::connection::Connector;
use super::super::session::Session;
use super::conversation::{Conversation, Ended};
use super::{Config, Pair};
use crate::model::EpochCounter;
use crate::wire::ServerMode;

/// How long a server that registered us may take to say that it is a backup too.
const MODE_PATIENCE: Duration = Duration::from_millis(500);
/// How often the other side is asked.
const INTERVAL: Duration = Duration::from_secs(10);

/// How often a standby side is looked at whether it could take over.
const STANDBY_INTERVAL: Duration = Duration::from_millis(250);

/// Ends once the other server has shown that it serves, or a standby side is to be looked at.
pub(super) type Probe = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Pair {
    /// Why this working connection would be left for the other side, if that one served.
    pub(super) fn reason_to_leave(&self, on_backup: bool) -> Option<Ended> {
        if self.config.endpoints.backup.is_none() {
            None
        } else if is_demoted(self.session.mode()) {
            Some(Ended::Demoted)
        } else if on_backup && self.config.return_to_primary && self.session.is_registered() {
            Some(Ended::Returned)
        } else {
            None
        }
    }

    /// Asks the other side again and again until it serves; not before the sides may change again.
    pub(super) fn probe(&self, backup: bool) -> Probe {
        let pause = self.config.switchover_min_interval;
        let start = self.switched.map(|switched| switched + pause);
        if self.standby.is_some() {
            let look = Instant::now() + STANDBY_INTERVAL;
            let look = start.map_or(look, |start| start.max(look));
            return Box::pin(tokio::time::sleep_until(look));
        }
        let address = self.config.endpoints.address(backup).to_owned();
        let connector = self.connector.clone();
        let config = self.config.clone();
        let epochs = self.epochs.clone();
        Box::pin(async move {
            if let Some(start) = start {
                tokio::time::sleep_until(start).await;
            }
            loop {
                let asked = ask(&config, &address, &connector, &epochs);
                let kept_because = match timeout(config.connect_timeout, asked).await {
                    Ok(Ok(true)) => return,
                    Ok(Ok(false)) => "it is a backup".to_owned(),
                    Ok(Err(reason)) => reason.to_string(),
                    Err(_) => "it does not answer".to_owned(),
                };
                tracing::debug!(address, kept_because, "the other server does not serve");
                tokio::time::sleep(INTERVAL).await;
            }
        })
    }
}

/// Waits until the other side serves, if it is asked at all.
pub(super) async fn served(probe: &mut Option<Probe>) {
    match probe {
        Some(probe) => probe.await,
        None => std::future::pending().await,
    }
}

/// Whether a server that says so is better left, if the other one serves.
pub(super) fn is_demoted(mode: Option<ServerMode>) -> bool {
    matches!(mode, Some(ServerMode::Backup | ServerMode::Exiting))
}

async fn ask(
    config: &Config,
    address: &str,
    connector: &Arc<dyn Connector>,
    epochs: &Arc<EpochCounter>,
) -> Result<bool, Ended> {
    let stream = connector
        .connect(address)
        .await
        .map_err(Ended::NotConnected)?;
    // A session that wants nothing: it registers, opens nothing and uses no epoch.
    let mut session = Session::new(config.session.clone(), epochs.clone());
    session.connected(None, Instant::now());
    let mut conversation = Conversation::new(stream, config);
    while !session.is_registered() {
        conversation.step(&mut session).await?;
    }
    let listening = async {
        while !is_demoted(session.mode()) {
            conversation.step(&mut session).await?;
        }
        Ok::<(), Ended>(())
    };
    match timeout(MODE_PATIENCE, listening).await {
        Ok(Ok(())) => Ok(false),
        Ok(Err(ended)) => Err(ended),
        Err(_) => {
            conversation.shutdown().await;
            Ok(true)
        }
    }
}
