//! The HTTP client of the command line tool and the seed data.

/// A client for the servers of this world. TLS is compiled in without a crypto provider, and `reqwest` wants one even
/// for plain HTTP.
pub fn new() -> anyhow::Result<reqwest::Client> {
    // An error means that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::new())
}
