//! TLS towards a Stat Server, from the first byte on. Trusts the configured authority and nobody
//! else: Stat Servers live inside a company.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use tokio_rustls::TlsConnector as Rustls;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::connection::{BoxStream, Connector, Stream};

/// Whom to trust, and under which name the Stat Server must show itself.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    authorities: Vec<CertificateDer<'static>>,
    server_name: Option<ServerName<'static>>,
}

/// Whether the same servers are trusted under the same name.
impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.authorities == other.authorities && self.server_name == other.server_name
    }
}

/// Why the TLS settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum TlsError {
    #[error("the certificate authority file cannot be read: {0}")]
    Unreadable(tokio_rustls::rustls::pki_types::pem::Error),
    #[error("the certificate authority file holds no certificate that can be used")]
    NoCertificate,
    #[error("'{0}' is no server name")]
    ServerName(String),
    #[error("TLS cannot be set up: {0}")]
    Setup(tokio_rustls::rustls::Error),
}

impl Tls {
    /// Trusts the certificates in `ca_file` (PEM). The Stat Server's certificate must be for
    /// `server_name`, or for the host it was dialled by.
    ///
    /// # Errors
    /// The file or the name cannot be used.
    pub fn new(ca_file: &Path, server_name: Option<&str>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let mut authorities = Vec::new();
        for certificate in CertificateDer::pem_file_iter(ca_file).map_err(TlsError::Unreadable)? {
            let certificate = certificate.map_err(TlsError::Unreadable)?;
            authorities.push(certificate.clone());
            roots
                .add(certificate)
                .map_err(|_| TlsError::NoCertificate)?;
        }
        if roots.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server_name = server_name.map(parse_name).transpose()?;
        Ok(Self {
            config: Arc::new(config),
            authorities,
            server_name,
        })
    }

    /// A connector that dials with `inner` and speaks TLS on what it gets.
    pub fn over(&self, inner: Arc<dyn Connector>) -> TlsConnector {
        TlsConnector {
            inner,
            tls: self.clone(),
        }
    }

    fn name_for(&self, address: &str) -> io::Result<ServerName<'static>> {
        if let Some(name) = &self.server_name {
            return Ok(name.clone());
        }
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        parse_name(host).map_err(io::Error::other)
    }
}

fn parse_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName(name.to_owned()))
}

/// Dials with another connector and speaks TLS on the connection.
pub struct TlsConnector {
    inner: Arc<dyn Connector>,
    tls: Tls,
}

impl Stream for TlsStream<BoxStream> {
    fn local_port(&self) -> u16 {
        let (inner, _) = self.get_ref();
        inner.local_port()
    }
}

impl Connector for TlsConnector {
    fn connect<'a>(
        &'a self,
        address: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>> {
        Box::pin(async move {
            let name = self.tls.name_for(address)?;
            let stream = self.inner.connect(address).await?;
            let stream = Rustls::from(self.tls.config.clone())
                .connect(name, stream)
                .await?;
            Ok(Box::new(stream) as BoxStream)
        })
    }
}
