//! SIGHUP to a real process: another certificate.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::harness::{PATIENCE, Pair, form, login_time, post};
use crate::process::Process;

/// Writes a certificate that vouches for itself, and its key.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    certificate.der().clone()
}

async fn dial(
    address: &str,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await
}

/// One peek on a connection that stays open.
async fn peek(stream: &mut TlsStream<TcpStream>) {
    let request = post("/genesys/1/statistic", "", &form(&login_time()));
    let exchange = async {
        stream.write_all(&request).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
        }
        String::from_utf8(answer).unwrap()
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

fn said(entry: &Value, beginning: &str) -> bool {
    let message = entry["fields"]["message"].as_str();
    message.is_some_and(|message| message.starts_with(beginning))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_is_shown_from_then_on_and_a_bad_pair_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let mut pair = Pair::start().await;
    let at = folder.path().display();
    // As long as the test's process.
    pair.http = format!("tls_certificate = \"{at}/cert.pem\"\ntls_key = \"{at}/key.pem\"").leak();
    let first = certify(folder.path());
    let mut process = Process::start(&pair, folder.path(), "").await;
    let address = process.address.clone();
    let mut before = dial(&address, &first).await.unwrap();
    peek(&mut before).await;

    let second = certify(folder.path());
    process.hang_up().await;
    let taken_over = |_: &Process, entry: &Value| said(entry, "took over the configuration");
    process.until(taken_over).await;
    dial(&address, &first).await.unwrap_err();
    peek(&mut dial(&address, &second).await.unwrap()).await;
    peek(&mut before).await;

    // A key that is another certificate's.
    let cert = std::fs::read(folder.path().join("cert.pem")).unwrap();
    certify(folder.path());
    std::fs::write(folder.path().join("cert.pem"), cert).unwrap();
    process.hang_up().await;
    let refused = |_: &Process, entry: &Value| {
        said(entry, "nothing was changed") && entry.to_string().contains("cannot be used together")
    };
    process.until(refused).await;
    peek(&mut dial(&address, &second).await.unwrap()).await;
    peek(&mut before).await;
    drop(before);
    assert!(process.terminate().await.success());
}
