//! Where a response goes: an app's port in this process, a client's connection, or the member that forwarded the request.
//! Also the gathering of many responses into one delivery for each of them.

use std::sync::Arc;

use rafterdb_codec::{encode_error_response, request, Code, Response};
use rafterdb_net::{Client, Held};

use crate::askers::app_port::Port;

/// Who asked.
#[derive(Clone, Debug)]
pub enum Asker {
    /// An app in this process.
    Port(Arc<Port>),
    /// A client's connection.
    Connection(Client),
    /// A member that forwarded a client's request.
    Peer(u64),
}

impl Asker {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Port(a), Self::Port(b)) => Arc::ptr_eq(a, b),
            (Self::Connection(a), Self::Connection(b)) => a.id() == b.id(),
            (Self::Peer(a), Self::Peer(b)) => a == b,
            _ => false,
        }
    }

    /// A number that no other asker has, as far as askers have watches or reads. Ports have odd ones.
    #[must_use]
    pub fn number(&self) -> u64 {
        match self {
            Self::Port(port) => number_of_port(port.id()),
            Self::Connection(client) => number_of_client(client.id()),
            Self::Peer(id) => id << 1,
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
            Self::Port(_) | Self::Peer(_) => None,
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

/// Appends a response.
pub fn write_response(out: &mut Vec<u8>, kind: u8, flags: u8, code: Code, id: u64, body: &[u8]) {
    Response {
        kind,
        flags,
        code,
        id,
        body,
    }
    .encode(out);
}

/// Bytes of a buffer that is kept for the next round.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Responses of one round of work, gathered by who they go to. A round has few sources, so a linear look-up is the fastest.
#[derive(Default)]
pub struct Deliveries {
    slots: Vec<(Asker, Vec<u8>)>,
    last: usize,
    /// Empty buffers of the rounds before; at most as many as a round had sources.
    spare: Vec<Vec<u8>>,
}

impl Deliveries {
    /// The buffer for a source, to append responses to.
    pub fn to(&mut self, asker: &Asker) -> &mut Vec<u8> {
        if self.slots.get(self.last).is_none_or(|(s, _)| !s.same(asker)) {
            self.last = self.slots.iter().position(|(s, _)| s.same(asker)).unwrap_or_else(|| {
                let buffer = self.spare.pop().unwrap_or_default();
                self.slots.push((asker.clone(), buffer));
                self.slots.len() - 1
            });
        }
        &mut self.slots[self.last].1
    }

    /// A failed write, with its code.
    pub fn fail(&mut self, waiter: &Waiter, kind: u8, code: Code, detail: u64, text: &str) {
        encode_error_response(self.to(&waiter.asker), kind, waiter.id, code, detail, text);
    }

    /// Bytes gathered.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.iter().map(|(_, responses)| responses.len()).sum()
    }

    /// Hands over what was gathered.
    pub fn send(&mut self, mut each: impl FnMut(&Asker, &[u8])) {
        self.last = 0;
        for (asker, mut responses) in self.slots.drain(..) {
            if !responses.is_empty() {
                each(&asker, &responses);
            }
            responses.clear();
            responses.shrink_to(KEPT_BYTES_MAX);
            self.spare.push(responses);
        }
    }
}

/// What a request of this kind is called in messages.
#[must_use]
pub const fn request_name(kind: u8) -> &'static str {
    match kind {
        request::WRITE => "write",
        request::READ => "read",
        request::WATCH => "watch",
        request::STATUS => "status",
        request::MEMBERS => "members",
        request::TRANSFER => "leader transfer",
        _ => "request",
    }
}
