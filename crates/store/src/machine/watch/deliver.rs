//! What a watch is called, and where its events go. Knows nothing of how they are found.

use rafterdb_codec::Code;

/// Names a watch: the connection it came on, and its request's id there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId {
    /// Chosen by whoever owns the connections.
    pub connection: u64,
    /// Id of the WATCH request.
    pub request: u64,
}

/// Where events go. Called from the apply thread and from the one that catches up; must not block or call back.
pub trait Deliver: Send + Sync {
    /// A response for the watch: `body` of a WATCH response, or with another code than OK an error's body, the last.
    /// A response for a watch that was cancelled meanwhile is to be dropped.
    fn deliver(&self, watch: WatchId, code: Code, body: &[u8]);

    /// Whether more may be sent to a watch now: its asker has read most of what was. If not, the watch is served from history once
    /// [`crate::Machine::watch_room`] says that it has, so that nothing is kept for it meanwhile.
    fn takes_more(&self, _watch: WatchId) -> bool {
        true
    }

    /// There is work for [`crate::Machine::catch_up`].
    fn behind(&self);
}

/// What is to be dropped when a watch ends, however it does.
pub type Holding = Box<dyn Send>;
