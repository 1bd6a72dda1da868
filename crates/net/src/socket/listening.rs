//! What sockets of every kind that listen have in common: how many connections may wait, and what is said when one cannot listen.

use std::io;

use rafterdb_codec::Code;

use super::Endpoint;
use crate::error::NetError;

/// Connections that may wait to be accepted.
pub(super) const BACKLOG: u32 = 1024;

pub(super) fn cannot_listen(on: &Endpoint, error: &io::Error) -> NetError {
    let form = match on {
        Endpoint::Tcp(_) => "host:port of this machine",
        Endpoint::Unix(_) => "unix:/path in a directory where this process may make files",
    };
    NetError::new(
        Code::AddressInvalid,
        format!("cannot listen on {on}: {error}; give {form}"),
    )
}

pub(super) fn in_use(on: &Endpoint) -> NetError {
    let other = match on {
        Endpoint::Tcp(_) => "another port",
        Endpoint::Unix(_) => "another path",
    };
    let text = format!("another process listens on {on}; stop it, or listen on {other}");
    NetError::new(Code::PortInUse, text)
}
