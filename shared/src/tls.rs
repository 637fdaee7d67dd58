//! TLS: rustls on ring, with two lists of authorities.
//!
//! * AWS is trusted through Amazon's own few roots, which are pinned: <https://www.amazontrust.com/repository/>.
//! * TikTok is trusted through the roots that browsers trust (Mozilla's, compiled in), since it may change its authority any day.
//!
//! `AWS_CA_BUNDLE` adds a file of roots to both, for endpoints behind a private authority. Plain `http` endpoints work with
//! both clients. Neither client asks the environment for a proxy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

const AMAZON_ROOTS: &[u8] = include_bytes!("tls/amazon-roots.pem");

/// Lambda freezes a function between requests, and the other side closes what is idle meanwhile: an old connection is
/// more likely dead than useful.
const IDLE: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(2);
/// No single answer of TikTok takes longer; callers have deadlines of their own besides.
const READ: Duration = Duration::from_secs(10);

/// Why there is no TLS. All of it is configuration, and stops the start.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("AWS_CA_BUNDLE: {path} cannot be read")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("AWS_CA_BUNDLE: {path} must be a PEM file of certificates")]
    NoCertificates { path: PathBuf },
    #[error("the HTTP client for TikTok cannot be built")]
    Client(#[source] reqwest::Error),
}

/// The roots of `AWS_CA_BUNDLE`, if there are any.
#[derive(Clone, Debug, Default)]
pub struct ExtraRoots {
    pem: Option<Vec<u8>>,
}

impl ExtraRoots {
    /// Reads the file, and checks it here so that it is named when it is wrong.
    pub fn load(file: Option<&Path>) -> Result<Self, TlsError> {
        let Some(path) = file else { return Ok(Self::default()) };
        let unreadable = |source| TlsError::Unreadable { path: path.to_owned(), source };
        let pem = std::fs::read(path).map_err(unreadable)?;
        let roots = certificates(&pem).map(|certificates| roots_of(&certificates));
        match roots {
            Some(Some(roots)) if !roots.is_empty() => Ok(Self { pem: Some(pem) }),
            _ => Err(TlsError::NoCertificates { path: path.to_owned() }),
        }
    }
}

impl ExtraRoots {
    fn add_to(&self, roots: &mut RootCertStore) {
        let extra = self.pem.as_deref().and_then(certificates).unwrap_or_default();
        roots.add_parsable_certificates(extra);
    }
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()
}

fn roots_of(certificates: &[CertificateDer<'static>]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).ok()?;
    }
    Some(roots)
}

/// The HTTP client of the AWS SDK; one for all of its services.
pub fn aws_client(extra: &ExtraRoots, connect: Duration) -> reqwest::Client {
    let pinned = certificates(AMAZON_ROOTS).expect("the pinned roots are certificates");
    let mut roots = roots_of(&pinned).expect("the pinned roots are certificates");
    extra.add_to(&mut roots);
    client(roots).connect_timeout(connect).build().expect("all that it needs was given")
}

/// The HTTP client for TikTok.
pub fn tiktok_client(extra: &ExtraRoots) -> Result<reqwest::Client, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    extra.add_to(&mut roots);
    client(roots).connect_timeout(CONNECT).read_timeout(READ).build().map_err(TlsError::Client)
}

/// What both clients have in common. Redirects are not followed, since an answer from elsewhere is no answer of theirs.
fn client(roots: RootCertStore) -> reqwest::ClientBuilder {
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has what TLS 1.2 and 1.3 need")
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .pool_idle_timeout(IDLE)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn five_roots_of_amazon_are_pinned() {
        let pinned = certificates(AMAZON_ROOTS).unwrap();
        assert_eq!(pinned.len(), 5);
        assert_eq!(roots_of(&pinned).unwrap().len(), 5);
        assert_eq!(String::from_utf8_lossy(AMAZON_ROOTS).matches("# subject").count(), 5);
    }

    #[test]
    fn a_bundle_is_checked_when_it_is_read() {
        let folder = std::env::temp_dir().join(format!("reconnect-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, content: &[u8]| {
            std::fs::write(folder.join(name), content).unwrap();
            folder.join(name)
        };
        let load = |path: &Path| ExtraRoots::load(Some(path));
        let good = load(&file("good.pem", AMAZON_ROOTS)).unwrap();
        let _ = aws_client(&good, CONNECT);
        assert!(tiktok_client(&good).is_ok());
        assert!(tiktok_client(&ExtraRoots::load(None).unwrap()).is_ok());

        assert!(matches!(load(&folder.join("absent.pem")), Err(TlsError::Unreadable { .. })));
        let not_der = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for bad in
            [&b""[..], b"no certificate", b"-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n", not_der]
        {
            assert!(matches!(load(&file("bad.pem", bad)), Err(TlsError::NoCertificates { .. })), "{bad:?}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    /// One plain answer on a port of its own.
    fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(answer.as_bytes());
        });
        format!("http://{address}/")
    }

    /// T28: TikTok's answer is where we asked, or nowhere.
    #[tokio::test]
    async fn tiktok_is_reached_over_plain_http_and_redirects_are_not_followed() {
        let client = tiktok_client(&ExtraRoots::default()).unwrap();
        let url = answering("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(client.get(url).send().await.unwrap().status(), 302);
    }
}
