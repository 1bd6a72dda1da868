//! A connected socket as a value: what reads and writes need of it, whatever kind it is. Owns every kind of socket there is; knows no
//! frames. A kind that encrypts becomes one more variant here: its halves take and give the bytes of frames like the others'.

mod endpoint;
mod listener;
mod listening;
#[cfg(unix)]
mod unix_listener;

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::{unix, UnixStream};

use crate::config::NetLimits;

pub use endpoint::Endpoint;
pub(crate) use listener::Listener;

/// Both halves of a connection, not yet taken apart.
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// What a connection is read from, by one task.
pub(crate) enum ReadHalf {
    Tcp(tcp::OwnedReadHalf),
    #[cfg(unix)]
    Unix(unix::OwnedReadHalf),
}

/// What a connection is written to, from any thread, but by one at a time.
pub(crate) enum WriteHalf {
    Tcp(tcp::OwnedWriteHalf),
    #[cfg(unix)]
    Unix(unix::OwnedWriteHalf),
}

/// Calls the same method of whichever kind it is.
macro_rules! each {
    ($value:expr, $kind:ident, $inner:ident => $call:expr) => {
        match $value {
            $kind::Tcp($inner) => $call,
            #[cfg(unix)]
            $kind::Unix($inner) => $call,
        }
    };
}

impl Socket {
    /// Connects; the caller bounds the time.
    pub(crate) async fn connect(to: &Endpoint, limits: &NetLimits) -> io::Result<Self> {
        match to {
            Endpoint::Tcp(address) => TcpStream::connect(address).await.map(Self::of_tcp),
            #[cfg(unix)]
            Endpoint::Unix(path) => {
                let mut pause = limits.backoff_min;
                loop {
                    match UnixStream::connect(path).await {
                        // Too many wait to be accepted. TCP would try again by itself; here nothing tells when there is room.
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            tokio::time::sleep(pause).await;
                            pause = (pause * 2).min(limits.backoff_max.max(Duration::from_millis(1)));
                        }
                        outcome => return outcome.map(Self::Unix),
                    }
                }
            }
            #[cfg(not(unix))]
            Endpoint::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn of_tcp(stream: TcpStream) -> Self {
        // Small frames must not wait for the acknowledgement of earlier ones; a socket that cannot is still a connection.
        let _ = stream.set_nodelay(true);
        Self::Tcp(stream)
    }

    pub(crate) fn into_split(self) -> (ReadHalf, WriteHalf) {
        match self {
            Self::Tcp(stream) => {
                let (read, write) = stream.into_split();
                (ReadHalf::Tcp(read), WriteHalf::Tcp(write))
            }
            #[cfg(unix)]
            Self::Unix(stream) => {
                let (read, write) = stream.into_split();
                (ReadHalf::Unix(read), WriteHalf::Unix(write))
            }
        }
    }
}

impl WriteHalf {
    /// Writes what the socket takes at once; `WouldBlock` if that is nothing.
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(self, WriteHalf, half => half.try_write_vectored(slices))
    }

    /// Waits until it may take something.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        each!(self, WriteHalf, half => half.writable().await)
    }
}

impl AsyncRead for ReadHalf {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), ReadHalf, half => Pin::new(half).poll_read(context, into))
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), WriteHalf, half => Pin::new(half).poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), WriteHalf, half => Pin::new(half).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), WriteHalf, half => Pin::new(half).poll_shutdown(context))
    }
}

/// Who connected, for people.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    Tcp(SocketAddr),
    /// By way of the Unix socket of this address: whoever connects has none of its own.
    #[cfg(unix)]
    Unix(std::sync::Arc<str>),
}

impl Origin {
    /// The same for all connections of one host, or of one Unix socket: their complaints are one line of the log.
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Tcp(address) => IpAddr::to_string(&address.ip()),
            #[cfg(unix)]
            Self::Unix(listens_at) => listens_at.to_string(),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            #[cfg(unix)]
            Self::Unix(listens_at) => write!(f, "a client at {listens_at}"),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::net::UnixSocket;
    use tokio::time::timeout;

    #[test]
    fn who_finds_the_backlog_full_waits_until_somebody_was_accepted() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // Paths of sockets must be short, and TMPDIR may not be.
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let path = dir.path().join("full.sock");
        runtime.block_on(async {
            let socket = UnixSocket::new_stream().unwrap();
            socket.bind(&path).unwrap();
            let listener = socket.listen(1).unwrap();
            let mut waiting = Vec::new();
            while let Ok(stream) = UnixStream::connect(&path).await {
                waiting.push(stream);
            }
            let endpoint = Endpoint::Unix(path.clone());
            let limits = NetLimits::default();
            let mut connecting = Box::pin(Socket::connect(&endpoint, &limits));
            assert!(timeout(Duration::from_millis(100), &mut connecting).await.is_err());
            listener.accept().await.unwrap();
            let since = Instant::now();
            assert!(timeout(Duration::from_secs(5), connecting).await.unwrap().is_ok());
            assert!(since.elapsed() < limits.backoff_max + Duration::from_secs(1));
        });
    }
}
