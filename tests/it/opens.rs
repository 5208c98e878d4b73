//! What the configuration lists is opened, however long no Stat Server is there.

use std::sync::Arc;
use std::time::Duration;

use peekd::model::Clock;
use peekd::service::{Service, Settings};
use peekd::simulator::{Command, Role};
use peekd::upstream::TcpConnector;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::harness::{Pair, login_time, until};

#[tokio::test(flavor = "multi_thread")]
async fn configured_statistics_outlive_the_sweeps_before_the_first_connection() {
    let pair = Pair::start().await;
    for role in Role::ALL {
        pair.simulator.command(Command::Kill(role));
    }
    let store = TempDir::new().unwrap();
    // What nobody accepted is forgotten after 6 ms, and looked for every 100 ms.
    let more = format!(
        "[[open]]\nstatistic = \"{}\"\n\
         [peek]\ndeadline = \"1ms\"\nrefusal_memory = \"2ms\"\nidle_close = \"1ms\"\n",
        login_time()
    );
    let settings = Settings::from_text(&pair.configuration(store.path(), &more)).unwrap();
    let listener = TcpListener::bind(settings.listen).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    let connector = Arc::new(TcpConnector);
    let mut service = Service::launch(settings, listener, connector, Clock::system(), stop.clone());
    assert!(service.ready().await);
    // Nothing tells of a sweep that has nothing to do: three of them pass.
    tokio::time::sleep(Duration::from_millis(350)).await;
    pair.simulator.command(Command::RestoreAll);
    let only_stored = "Cache-Control: only-if-cached\r\n";
    until(&address, &login_time(), only_stored, |answer| {
        answer.status == 200
    })
    .await;
    stop.cancel();
    service.join().await.unwrap();
}
