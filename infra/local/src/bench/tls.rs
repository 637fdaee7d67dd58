//! TLS in front of the servers of this world, so that a cold start pays for its handshakes as it does on AWS.
//!
//! A private authority and one certificate are made for each run. Functions trust the authority through `AWS_CA_BUNDLE`,
//! the setting that is there for private authorities. What arrives is decrypted and handed on byte by byte; nothing is
//! looked at.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::server::listen;

/// The host that the certificate is for. A name, so that functions resolve one as on AWS.
const HOST: &str = "localhost";

/// A private authority and what it vouches for.
pub struct Authority {
    root: CertificateDer<'static>,
    root_pem: String,
    acceptor: TlsAcceptor,
}

impl Authority {
    pub fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::new([])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new([HOST.to_owned()])?.signed_by(&key, &root)?;
        let server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
        Ok(Self { root: root.der().clone(), root_pem: root.pem(), acceptor: TlsAcceptor::from(Arc::new(server)) })
    }

    /// Writes the root where `AWS_CA_BUNDLE` will point.
    pub fn write_bundle(&self, file: &Path) -> anyhow::Result<()> {
        std::fs::write(file, &self.root_pem).with_context(|| format!("writing {}", file.display()))
    }

    /// What a client needs that is to trust this authority and no other.
    pub fn client_config(&self) -> anyhow::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone())?;
        let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(client)
    }

    /// Puts TLS in front of the server at `url` for as long as this program runs; returns the address to use instead.
    pub async fn front(&self, url: &str) -> anyhow::Result<String> {
        let behind = Url::parse(url)?.socket_addrs(|| None)?.first().copied().context("a server has an address")?;
        let listener = listen("TLS", 0).await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(serve(listener, behind, self.acceptor.clone()));
        Ok(format!("https://{HOST}:{port}"))
    }
}

async fn serve(listener: TcpListener, behind: std::net::SocketAddr, acceptor: TlsAcceptor) {
    while let Ok((outside, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            outside.set_nodelay(true)?;
            let mut outside = acceptor.accept(outside).await?;
            let mut inside = TcpStream::connect(behind).await?;
            inside.set_nodelay(true)?;
            // A process that is killed closes its connections without a word; there is nobody to tell.
            tokio::io::copy_bidirectional(&mut outside, &mut inside).await
        });
    }
}
