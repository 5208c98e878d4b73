//! The heartbeats' trace lines in the log.

use tokio::net::TcpListener;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The messages that are trace lines.
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().map(str::trim).map(str::to_owned);
        lines.filter(|line| line.starts_with("-A")).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What the log holds of the first quarter of a minute of silence.
async fn logged(local_trace: bool, remote_trace: bool) -> Vec<String> {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_target(false)
        .with_level(false)
        .with_ansi(false)
        .without_time();
    let logging = ::tracing::subscriber::set_default(subscriber.finish());
    let simulator = simulator();
    let connector =
        Dialler::new(
            move |address| Ok(Box::new(simulator.connect(role_of(address))?) as BoxStream),
        );
    let run = Run::adjusted(connector, None, 1000, |config| {
        config.session.addp = Some(AddpConfig {
            local_timeout: T,
            remote_timeout: T * 2,
            local_trace,
            remote_trace,
        });
    });
    tokio::time::sleep(T + T / 2).await;
    run.end().await;
    drop(logging);
    log.lines()
}

#[tokio::test(start_paused = true)]
async fn every_heartbeat_is_logged_where_that_was_asked_for() {
    let polled = ["-AP[0]->-0 @22:13:20.0000", "-Ap[0]-<-0 @22:13:20.0000"];
    let local = logged(true, false).await;
    assert_eq!(local[0], "-AI[t/o:20000]->-0");
    assert!(local[1].starts_with("-Ai["), "{local:?}");
    assert!(local[1].ends_with("]-<-0 @22:13:20.0000"), "{local:?}");
    assert_eq!(local[2..], polled);
    let both = logged(true, true).await;
    assert_eq!(both[0], "-AI[t/o:20000,trace]->-0");
    assert_eq!(both[2..], polled);
    assert_eq!(logged(false, true).await, [""; 0]);
}

#[tokio::test]
async fn a_connection_is_told_by_its_local_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stream = TcpConnector.connect(&address).await.unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(stream.local_port(), peer.port());
}
