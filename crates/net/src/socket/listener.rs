//! A socket that listens. Owns how it is bound and what can be wrong with an address; knows nothing of what connects.

use std::fmt::{self, Display};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

use super::listening::{cannot_listen, in_use, BACKLOG};
#[cfg(unix)]
use super::unix_listener::UnixSocketListener;
use super::{Endpoint, Origin, Socket};
use crate::error::NetError;

/// Dropped, it listens no more, and leaves nothing behind.
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocketListener),
}

impl Listener {
    /// Listens on an address. Errors: `PORT_IN_USE`, `ADDRESS_INVALID`, `IO`.
    pub(crate) fn bind(runtime: &Runtime, endpoint: &Endpoint) -> Result<Self, NetError> {
        match endpoint {
            Endpoint::Tcp(address) => bind_tcp(runtime, address).map(Self::Tcp),
            #[cfg(unix)]
            Endpoint::Unix(path) => UnixSocketListener::bind(runtime, path).map(Self::Unix),
            #[cfg(not(unix))]
            Endpoint::Unix(_) => Err(cannot_listen(endpoint, &io::ErrorKind::Unsupported.into())),
        }
    }

    /// The next connection, and where it comes from.
    pub(crate) async fn accept(&self) -> io::Result<(Socket, Origin)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                Ok((Socket::of_tcp(stream), Origin::Tcp(from)))
            }
            #[cfg(unix)]
            Self::Unix(listener) => listener.accept().await,
        }
    }

    /// The address of TCP that is bound.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}

impl Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_err(|_| fmt::Error)?.fmt(f),
            #[cfg(unix)]
            Self::Unix(listener) => listener.address().fmt(f),
        }
    }
}

/// Binds `host:port`.
fn bind_tcp(runtime: &Runtime, address: &str) -> Result<TcpListener, NetError> {
    let endpoint = Endpoint::Tcp(address.to_owned());
    let candidates = address
        .to_socket_addrs()
        .map_err(|error| cannot_listen(&endpoint, &error))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no such host");
    for candidate in candidates {
        let _entered = runtime.enter();
        match listen_tcp(candidate) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(match last.kind() {
        io::ErrorKind::AddrInUse => in_use(&endpoint),
        _ => cannot_listen(&endpoint, &last),
    })
}

fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // On Unix this lets a restarted member bind while old connections linger; on Windows it would let two share the port.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
