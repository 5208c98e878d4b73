//! A Stat Server behind TLS.

use std::path::Path;
use std::sync::Arc;

use peekd::api::Readiness;
use peekd::simulator::{Role, Simulator};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::harness::{PATIENCE, Pair, login_time, peek, service_on};

pub(crate) const NAME: &str = "statserver.test";

/// A certificate authority, its certificate written to `path`.
pub(crate) fn authority(path: &Path) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(path, issuer.pem()).unwrap();
    issuer
}

/// Accepts TLS under [`NAME`] and passes the clear text on to the simulated primary.
pub(crate) async fn serve_tls(
    issuer: &CertifiedIssuer<'_, KeyPair>,
    simulator: Arc<Simulator>,
) -> String {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut accepting = JoinSet::new();
    accepting.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut server = simulator.connect(Role::Primary).unwrap();
            connections.spawn(async move { copy_bidirectional(&mut stream, &mut server).await });
        }
    });
    accepting.detach_all();
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stat_server_is_trusted_by_its_authority_and_name_and_not_otherwise() {
    let folder = TempDir::new().unwrap();
    let (ours, foreign) = (
        folder.path().join("ours.pem"),
        folder.path().join("foreign.pem"),
    );
    let issuer = authority(&ours);
    authority(&foreign);
    let mut pair = Pair::start().await;
    pair.primary = serve_tls(&issuer, pair.simulator.clone()).await;
    // Nobody listens there, so that all depends on the primary.
    pair.backup = "127.0.0.1:1".to_owned();

    for (file, name, trusted) in [
        (&ours, NAME, true),
        (&foreign, NAME, false),
        (&ours, "other.test", false),
    ] {
        let more = format!(
            "[stat_server.tls]\nca_file = \"{}\"\nserver_name = \"{name}\"\n",
            file.display()
        );
        let store = TempDir::new().unwrap();
        let (mut service, address, stop) =
            service_on(&pair.configuration(store.path(), &more)).await;
        let mut readiness = service.readiness();
        let says = |found: &Readiness| {
            let reasons = found.reasons.concat();
            reasons.is_empty() == trusted && reasons.contains("certificate") != trusted
        };
        let told = timeout(PATIENCE, readiness.wait_for(says)).await;
        assert!(told.is_ok(), "{:?}", service.readiness().borrow().reasons);
        drop(told);
        let answer = peek(&address, &login_time(), "").await;
        if trusted {
            assert!(answer.value() >= 0.0, "{answer:?}");
        } else {
            assert_eq!(answer.message(), "Statistic Service unavailable");
        }
        stop.cancel();
        service.join().await.unwrap();
    }
}
