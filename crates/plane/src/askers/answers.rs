//! The way of responses to whoever asked: a port, a connection, the member that forwarded, or this one. Knows nothing of what they
//! answer.

use std::sync::Arc;

use rafterdb_codec::{
    encode_forwarded_header, first_response_bytes, limits, whole_responses, Responses, MESSAGE_HEADER_BYTES,
};
use rafterdb_net::{Client, Lane, Parts};
use rafterdb_pool::Pool;

use crate::askers::asker::Asker;
use crate::askers::deliveries::Deliveries;
use crate::ground::append_buffer;
use crate::network::Network;

/// Bytes of a forwarded response before its body.
const FORWARDED_BYTES: usize = 4 + MESSAGE_HEADER_BYTES;

/// The way of a member's responses.
pub struct Answers {
    network: Arc<Network>,
    pool: Arc<Pool>,
}

impl Answers {
    /// Over a network, through buffers of a pool.
    #[must_use]
    pub const fn new(network: Arc<Network>, pool: Arc<Pool>) -> Self {
        Self { network, pool }
    }

    /// Sends what was gathered to each of its askers.
    pub fn deliver_all(&self, deliveries: &mut Deliveries) {
        deliveries.send(|asker, responses| self.deliver(asker, responses));
    }

    /// Sends whole responses to one asker.
    pub fn deliver(&self, asker: &Asker, responses: &[u8]) {
        match asker {
            Asker::Port(port) => port.deliver(responses),
            Asker::Connection(client) => self.deliver_client(client.id(), responses),
            Asker::Peer(peer, _) => self.deliver_peer(*peer, responses),
            Asker::Internal(internal) => internal.deliver(responses),
        }
    }

    /// Whether nobody hears an answer any more.
    #[must_use]
    pub fn is_gone(&self, asker: &Asker) -> bool {
        match asker {
            Asker::Port(port) => port.is_closed(),
            Asker::Connection(client) => {
                client.is_cut() || self.network.get().is_none_or(|wire| !wire.has_client(client.id()))
            }
            Asker::Peer(..) | Asker::Internal(_) => false,
        }
    }

    /// Whether an asker has read most of what it was sent.
    #[must_use]
    pub fn has_room(&self, asker: &Asker) -> bool {
        match asker {
            Asker::Port(port) => port.has_room(),
            Asker::Connection(client) => self.client_has_room(client),
            Asker::Peer(..) | Asker::Internal(_) => true,
        }
    }

    fn client_has_room(&self, client: &Client) -> bool {
        self.network.get().is_none_or(|wire| wire.has_room(client))
    }

    /// Split between responses where one frame cannot hold them.
    fn deliver_client(&self, connection: u64, responses: &[u8]) {
        let Some(wire) = self.network.get() else { return };
        let mut rest = append_buffer::copy(&self.pool, responses);
        while !rest.is_empty() {
            let end = whole_responses(&rest, limits::FRAME_BYTES_MAX).max(first_response_bytes(&rest));
            if !wire.send_client(connection, Parts::from(rest.split_to(end))) {
                // It is gone, or was cut off: it comes back and asks again.
                wire.close_client(connection);
                return;
            }
        }
    }

    /// In as many frames as they need.
    fn deliver_peer(&self, peer: u64, responses: &[u8]) {
        let mut body = Vec::with_capacity((responses.len() + 64).min(limits::FRAME_BYTES_MAX));
        for response in Responses::new(responses).flatten() {
            if !body.is_empty() && body.len() + FORWARDED_BYTES + response.body.len() > limits::FRAME_BYTES_MAX {
                self.network
                    .send(peer, Lane::Fast, Parts::new(std::mem::take(&mut body)));
            }
            encode_forwarded_header(&mut body);
            response.encode(&mut body);
        }
        self.network.send(peer, Lane::Fast, Parts::new(body));
    }
}
