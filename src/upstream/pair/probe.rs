//! Whether the other server of a pair would serve: asked on a connection of its own while the active
//! one says that it is a backup now. That alone never ends the last working connection.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::super::connection::Connector;
use super::super::session::Session;
use super::Config;
use super::conversation::{Conversation, Ended};
use crate::model::EpochCounter;
use crate::wire::ServerMode;

/// How long a server that registered us may take to say that it is a backup too.
const MODE_PATIENCE: Duration = Duration::from_millis(500);
/// How often the other side is asked while the active one says that it is a backup.
const INTERVAL: Duration = Duration::from_secs(10);

/// Ends once the other server has shown that it serves.
pub(super) type Probe = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whether a server that says so is better left, if the other one serves.
pub(super) fn is_demoted(mode: Option<ServerMode>) -> bool {
    matches!(mode, Some(ServerMode::Backup | ServerMode::Exiting))
}

/// Asks the server at `address` again and again, until it serves.
pub(super) fn probe(
    config: Config,
    address: String,
    connector: Arc<dyn Connector>,
    epochs: Arc<EpochCounter>,
) -> Probe {
    Box::pin(async move {
        loop {
            let asked = ask(&config, &address, &connector, &epochs);
            match timeout(config.connect_timeout, asked).await {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) => tracing::debug!(address, "the other server is a backup too"),
                Ok(Err(reason)) => tracing::debug!(address, %reason, "the other server is away"),
                Err(_) => tracing::debug!(address, "the other server does not answer"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    })
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
