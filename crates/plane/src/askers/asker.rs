//! Where a response goes: an app's port in this process, a client's connection, the member that forwarded the request, or something
//! inside this member; and who is behind it. Knows nothing of responses.

use std::sync::Arc;

use rafterdb_codec::Principal;
use rafterdb_net::{Client, Held};

use crate::askers::app_port::Port;
use crate::askers::internal::Internal;
use crate::askers::principal::KeptPrincipal;

/// Who asked.
#[derive(Clone, Debug)]
pub enum Asker {
    /// An app in this process.
    Port(Arc<Port>),
    /// A client's connection.
    Connection(Client),
    /// A member that forwarded a request, and who it says is behind that.
    Peer(u64, KeptPrincipal),
    /// Something inside this member. It writes and does not read.
    Internal(Arc<Internal>),
}

impl Asker {
    /// Whether both are the same asker.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Port(a), Self::Port(b)) => Arc::ptr_eq(a, b),
            (Self::Connection(a), Self::Connection(b)) => a.id() == b.id(),
            (Self::Peer(a, _), Self::Peer(b, _)) => a == b,
            (Self::Internal(a), Self::Internal(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Who is behind what it asks.
    #[must_use]
    pub fn principal(&self) -> Principal<'_> {
        match self {
            Self::Port(port) => port.principal(),
            Self::Peer(_, principal) => principal.get(),
            // No client says yet who it is.
            Self::Connection(_) | Self::Internal(_) => Principal::ANONYMOUS,
        }
    }

    /// A number that no other asker has, as far as askers have watches or reads. Ports have odd ones.
    #[must_use]
    pub fn number(&self) -> u64 {
        match self {
            Self::Port(port) => number_of_port(port.id()),
            Self::Connection(client) => number_of_client(client.id()),
            Self::Peer(id, _) => id << 1,
            Self::Internal(_) => 0,
        }
    }

    /// Whether the asker was told to go, since all clients hold too much.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Connection(client) if client.is_cut())
    }

    /// Counts so many bytes as held for the asker, if it is one of those that have a budget.
    #[must_use]
    pub fn hold(&self, bytes: usize) -> Option<Held> {
        match self {
            Self::Connection(client) => Some(client.hold(bytes)),
            Self::Port(_) | Self::Peer(..) | Self::Internal(_) => None,
        }
    }
}

/// The number of the asker that a port is.
#[must_use]
pub const fn number_of_port(id: u64) -> u64 {
    id << 1 | 1
}

/// The number of the asker that a client's connection is.
#[must_use]
pub const fn number_of_client(id: u64) -> u64 {
    id << 1
}

/// What a request that waits takes beside its body, bytes, rounded up.
const REQUEST_HELD_BYTES: usize = 256;

/// The body of a request that waits. What it takes is held for its asker.
#[derive(Debug)]
pub struct RequestBody {
    bytes: Vec<u8>,
    held: Option<Held>,
}

impl RequestBody {
    /// A copy.
    #[must_use]
    pub fn new(asker: &Asker, bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            held: asker.hold(REQUEST_HELD_BYTES + bytes.len()),
        }
    }

    /// There are so many bytes of an answer to it.
    pub fn set_answer(&mut self, bytes: usize) {
        if let Some(held) = &mut self.held {
            held.set(REQUEST_HELD_BYTES + self.bytes.len() + bytes);
        }
    }
}

impl std::ops::Deref for RequestBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A request that waits for its answer.
#[derive(Clone, Debug)]
pub struct Waiter {
    /// Who asked.
    pub asker: Asker,
    /// The asker's number for it.
    pub id: u64,
}
