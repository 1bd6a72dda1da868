//! Whom a network tells what arrives, who comes and who goes. Knows nothing of how it does.

use rafterdb_pool::Slice;

use crate::budget::Client;
use crate::lane::Lane;

/// What the network tells. Called on its thread, in order for each connection; must not block.
pub trait Handler: Send + Sync + 'static {
    /// A frame of a peer; `body` is never empty.
    fn peer_frame(&self, peer: u64, lane: Lane, body: Slice);

    /// A peer was connected both ways on both lanes, or that is no longer so: then frames in either direction may be lost.
    /// Every loss is told, however short. `rtt_micros`: smoothed round-trip time, µs.
    fn peer_state(&self, peer: u64, up: bool, rtt_micros: u32);

    /// A submission of a client.
    fn client_frame(&self, client: &Client, body: Slice);

    /// A client of which [`crate::Net::has_room`] was false has read. Called by whoever wrote to it, whatever that thread has locked:
    /// it is only to be noted.
    fn client_has_room(&self, _connection: u64) {}

    /// A client is gone; its number is not used again. Not told for those that `close` disconnects.
    fn client_closed(&self, connection: u64);

    /// Identity of the cluster; 0: not known yet. Asked at each hello, on any thread.
    fn cluster(&self) -> u64 {
        0
    }

    /// If this member's cluster had that identity before it began anew with one of its members: the index of the configuration with which
    /// it did. Asked at the hello of who is of another cluster.
    fn began_anew(&self, _former: u64) -> Option<u64> {
        None
    }

    /// Whether a member of this cluster that is none of the peers was one, or may have been: the index of the configuration that is known
    /// to be committed and lacks it. `None`: it may be about to become one. Asked at its hello.
    fn removed(&self, _member: u64) -> Option<u64> {
        None
    }

    /// A peer of this cluster says that the configuration at `index` is committed and lacks this member. With a token the peer has proved
    /// that it knows it.
    fn told_removed(&self, _peer: u64, _index: u64) {}

    /// A peer that knows its cluster says in place of its hello that this member, which says that it knows none, is none of that one's
    /// members and was one. Nothing proves it.
    fn told_stranger(&self, _peer: u64, _text: &str) {}

    /// An invariant was broken in one of the network's tasks, or in this handler when it was called: the network stops, and
    /// whoever owns it must not go on as if it had one.
    fn broken(&self, _text: &str) {}

    /// Whether a frame of a peer may be handed over now: the way to slow a peer down. Asked before each frame, and about every
    /// millisecond while it says no; a peer held up for as long as `dead_after` takes the connection for dead.
    fn ready(&self, _peer: u64, _lane: Lane) -> bool {
        true
    }
}
