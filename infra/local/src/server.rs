//! Listening on a local port, and stopping when the owner goes away.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A server that runs until this value is dropped: then it takes no new connections and closes the idle ones.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Serves `router` on a listener made by [`listen`].
    pub fn start(listener: TcpListener, router: Router) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        // Small answers go out at once: without this, Nagle's algorithm and delayed acknowledgements cost 40 ms now and
        // then.
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            let _ = stream.set_nodelay(true);
        });
        tokio::spawn(async move {
            let gone = async {
                let _ = stopped.await;
            };
            let _ = axum::serve(listener, service).with_graceful_shutdown(gone).await;
        });
        Ok(Self { address, _stop: stop })
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Opens `port` on the loopback interface only; 0 takes any free one. `what` names the server in the error.
pub async fn listen(what: &str, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| port_taken(what, port))
}

/// What to tell a person whose port is in use.
pub fn port_taken(what: &str, port: u16) -> String {
    format!("{what} cannot listen on port {port}, perhaps because another program does; `--port` chooses other ports")
}
