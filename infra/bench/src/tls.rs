//! TLS in front of the servers of this world, so that a cold start pays for its handshakes as it does on AWS.
//!
//! A private authority is made for each run, and functions trust it through `AWS_CA_BUNDLE`, the setting that is there for
//! private authorities. As AWS does, it signs with RSA through an intermediate, and the servers choose AES-128. What
//! arrives is decrypted and handed on byte by byte; nothing is looked at.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_RSA_SHA256};
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::OsRng;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{cipher_suite, default_provider};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use url::Url;

use local::server::listen;

/// The host that the certificate is for. A name, so that functions resolve one as on AWS.
const HOST: &str = "localhost";

/// A private authority and what it vouches for.
pub struct Authority {
    root: CertificateDer<'static>,
    root_pem: String,
    acceptor: TlsAcceptor,
    handshakes: Arc<AtomicUsize>,
}

impl Authority {
    pub fn new() -> anyhow::Result<Self> {
        let root = CertifiedIssuer::self_signed(authority("Bench root")?, key()?)?;
        let intermediate = CertifiedIssuer::signed_by(authority("Bench intermediate")?, key()?, &root)?;
        let key = key()?;
        let certificate = CertificateParams::new([HOST.to_owned()])?.signed_by(&key, &intermediate)?;
        let suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
        let provider = CryptoProvider { cipher_suites: suites, ..default_provider() };
        let chain = vec![certificate.der().clone(), intermediate.der().clone()];
        let server = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
        Ok(Self {
            root: root.der().clone(),
            root_pem: root.pem(),
            acceptor: TlsAcceptor::from(Arc::new(server)),
            handshakes: Arc::default(),
        })
    }

    /// Writes the root where `AWS_CA_BUNDLE` will point.
    pub fn write_bundle(&self, file: &Path) -> anyhow::Result<()> {
        std::fs::write(file, &self.root_pem).with_context(|| format!("writing {}", file.display()))
    }

    /// What a client needs that is to trust this authority and no other.
    pub fn client_config(&self) -> anyhow::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone())?;
        let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
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
        tokio::spawn(serve(listener, behind, self.acceptor.clone(), Arc::clone(&self.handshakes)));
        Ok(format!("https://{HOST}:{port}"))
    }

    /// How many connections were opened so far.
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }
}

fn authority(name: &str) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new([])?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(params)
}

fn key() -> anyhow::Result<KeyPair> {
    let key = RsaPrivateKey::new(&mut OsRng, 2048)?.to_pkcs8_der()?;
    Ok(KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(key.as_bytes()), &PKCS_RSA_SHA256)?)
}

async fn serve(listener: TcpListener, behind: SocketAddr, acceptor: TlsAcceptor, handshakes: Arc<AtomicUsize>) {
    while let Ok((outside, _)) = listener.accept().await {
        handshakes.fetch_add(1, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;
    use local::server::Server;

    #[tokio::test]
    async fn who_trusts_the_authority_gets_through() {
        let authority = Authority::new().unwrap();
        let router = axum::Router::new().fallback(async || "here");
        let server = Server::start(listen("a server", 0).await.unwrap(), router).unwrap();
        let url = authority.front(&server.url()).await.unwrap();

        let trusting = reqwest::Client::builder().tls_backend_preconfigured(authority.client_config().unwrap());
        let answer = trusting.build().unwrap().get(&url).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "here");
        assert_eq!(authority.handshakes(), 1);

        let of_another = Authority::new().unwrap().client_config().unwrap();
        let doubting = reqwest::Client::builder().tls_backend_preconfigured(of_another);
        assert!(doubting.build().unwrap().get(&url).send().await.is_err());
    }
}
