//! HTTP under TLS: both protocols, the limits, and a change of certificate.

use std::net::SocketAddr;
use std::path::Path;

use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::sockets::{closing, start, start_edge, status_line};
use super::*;
use crate::api::{Face, Tls, TlsError};

const POST: &str = "POST /genesys/1/statistic HTTP/1.1\r\nHost: x\r\n";

/// A certificate for `localhost` that vouches for itself, and its key, written to `folder`.
fn certificate(folder: &Path) -> (Tls, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let (certificate_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let tls = Tls::load(&certificate_file, &key_file).unwrap();
    (tls, certificate.der().clone())
}

fn secured() -> (Config, CertificateDer<'static>) {
    let folder = TempDir::new().unwrap();
    let (tls, trusted) = certificate(folder.path());
    let mut config = config();
    config.tls = Some(tls);
    (config, trusted)
}

async fn dial(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await
}

async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream
        .write_all(closing(POST, EXAMPLE).as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn http_1_answers_as_in_clear_text() {
    let (config, trusted) = secured();
    let server = start(Table::example(), config).await;
    let mut stream = dial(server.address, &trusted, "http/1.1").await.unwrap();
    let answer = ask(&mut stream).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 200 OK");
    assert!(answer.ends_with("{\"value\":1025}"), "{answer}");
    // Whoever speaks clear text here is not understood, and gets no answer.
    let answer = server.exchange_bytes(closing(POST, EXAMPLE)).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn a_client_that_reads_late_gets_all_of_a_long_answer() {
    // More than the system's buffers hold, so that the end of it waits in those of TLS.
    let long = "x".repeat(24 * 1024 * 1024);
    let table = Table {
        shows: true,
        ..Table::default().with(EXAMPLE_STATISTIC, Ok(stored(&long, 0)))
    };
    let (config, trusted) = secured();
    let server = start(table, config).await;
    let mut stream = dial(server.address, &trusted, "http/1.1").await.unwrap();
    let length = EXAMPLE.len();
    let request =
        format!("{POST}Authorization: {EXAMPLE_USER}\r\nContent-Length: {length}\r\n\r\n{EXAMPLE}");
    let whole = "{\"value\":\"\"}".len() + long.len();
    // By the routes, which prove the credentials, and by the express lane.
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let mut body = vec![0; whole];
        for piece in body.chunks_mut(64 * 1024) {
            tokio::task::yield_now().await;
            stream.read_exact(piece).await.unwrap();
        }
        assert!(body.ends_with(b"x\"}"));
    }
}

#[tokio::test]
async fn http_2_is_spoken_with_who_chooses_it() {
    let (config, trusted) = secured();
    let server = start(Table::example(), config).await;
    let stream = dial(server.address, &trusted, "h2").await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let mut running = JoinSet::new();
    running.spawn(connection);
    for (credentials, status) in [(EXAMPLE_USER, 200), ("Basic eA==", 401)] {
        let request = hyper::Request::post("https://localhost/genesys/1/statistic")
            .header("authorization", credentials)
            .body(Full::new(EXAMPLE.as_bytes()))
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().get("connection"), None);
        if status == 200 {
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "{\"value\":1025}");
        }
    }
    // The stop lets the client go in good order.
    server.stop.cancel();
    running.join_next().await.unwrap().unwrap().unwrap();
    assert!(server.task.await.unwrap().drained);
}

#[tokio::test(start_paused = true)]
async fn an_idle_http_2_connection_is_closed() {
    let (config, trusted) = secured();
    let server = start(Table::example(), config).await;
    // Chooses HTTP/2 and then says nothing. Time passes since there is nothing else to do.
    let mut stream = dial(server.address, &trusted, "h2").await.unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.ok();
}

#[tokio::test(start_paused = true)]
async fn an_http_2_connection_with_an_open_stream_is_not_idle() {
    let (mut config, trusted) = secured();
    config.open_paths = vec!["/v1/stream".to_owned()];
    let server = start(Table::default(), config).await;
    let stream = dial(server.address, &trusted, "h2").await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let mut running = JoinSet::new();
    running.spawn(connection);
    let request = hyper::Request::get("https://localhost/v1/stream")
        .body(Full::new(&b""[..]))
        .unwrap();
    let mut body = client.send_request(request).await.unwrap().into_body();
    // One comes every ten seconds; a connection may be idle for twenty.
    let mut heartbeats = 0;
    while heartbeats < 10 {
        let frame = body.frame().await.expect("the stream goes on").unwrap();
        let text = frame.into_data().unwrap();
        heartbeats += usize::from(text.starts_with(b"event: heartbeat"));
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_user() {
    let (server, edge) = start_edge(Table::default(), config(), Face::Main).await;
    let mut stream = server.connect().await;
    let head =
        format!("GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: {EXAMPLE_USER}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"}\n\n\r\n") {
        said.push(stream.read_u8().await.unwrap());
    }
    assert!(said.windows(12).any(|part| part == b"snapshot-end"));
    edge.replace_users(Vec::new());
    // The last chunk.
    while !said.ends_with(b"\r\n0\r\n\r\n") {
        said.push(stream.read_u8().await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_come_ends_the_connection() {
    let (config, _) = secured();
    let server = start(Table::example(), config).await;
    // Time passes since there is nothing else to do.
    assert!(server.exchange_bytes("").await.is_empty());
    assert!(server.exchange_bytes([0x16, 3, 1]).await.is_empty());
}

#[tokio::test]
async fn connections_count_from_the_moment_they_are_accepted() {
    let (mut config, trusted) = secured();
    config.limits.connections_per_address = 1;
    config.limits.unlimited_networks.clear();
    let server = start(Table::example(), config).await;
    let silent = server.connect().await;
    assert!(dial(server.address, &trusted, "http/1.1").await.is_err());
    drop(silent);
    while dial(server.address, &trusted, "http/1.1").await.is_err() {}
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_old_ones_go_on() {
    let (config, old) = secured();
    let (server, edge) = start_edge(Table::example(), config, Face::Main).await;
    let mut before = dial(server.address, &old, "http/1.1").await.unwrap();
    let folder = TempDir::new().unwrap();
    let (tls, new) = certificate(folder.path());
    edge.replace_certificate(Some(tls));
    let mut after = dial(server.address, &new, "http/1.1").await.unwrap();
    assert!(dial(server.address, &old, "http/1.1").await.is_err());
    for stream in [&mut before, &mut after] {
        assert_eq!(status_line(&ask(stream).await), "HTTP/1.1 200 OK");
    }
    // Whether TLS is spoken is not changed by a reload.
    edge.replace_certificate(None);
    assert!(dial(server.address, &new, "http/1.1").await.is_ok());
}

#[test]
fn files_that_cannot_be_used_are_told_without_what_is_in_them() {
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    certificate(one.path());
    certificate(two.path());
    let (good, key) = (one.path().join("cert.pem"), one.path().join("key.pem"));
    let foreign = two.path().join("key.pem");
    let missing = one.path().join("missing.pem");
    let error = |certificate: &Path, key: &Path| Tls::load(certificate, key).unwrap_err();
    assert!(matches!(error(&missing, &key), TlsError::Certificate(_)));
    assert!(matches!(error(&key, &key), TlsError::NoCertificate));
    assert!(matches!(error(&good, &missing), TlsError::Key(_)));
    assert!(matches!(error(&good, &good), TlsError::Key(_)));
    assert!(matches!(error(&good, &foreign), TlsError::Pair(_)));
    let secret = std::fs::read_to_string(&foreign).unwrap();
    let told = format!(
        "{} {:?}",
        error(&good, &foreign),
        Tls::load(&good, &key).unwrap()
    );
    assert!(secret.lines().all(|line| !told.contains(line)), "{told}");
}
