//! What a machine's owner does with its watches. Knows nothing of how they are served.

use rafterdb_codec::{validate_selection, WatchRequest};

use super::watch::Holding;
use super::{Machine, WatchId};
use crate::{Engine, StoreError};

impl<E: Engine> Machine<E> {
    /// Starts a watch. Its first response, without events and with the request's cluster, is delivered before this returns.
    ///
    /// # Errors
    /// `KEY_EMPTY`, `KEY_TOO_LARGE`, `RANGE_REVERSED`, `INVALID_ARGUMENT` for an id in use, `BUSY` above `watchersMax`,
    /// `WATCH_LOST` if the first revision is below the compacted one, `LEADER_LOST` after `end_watches`; nothing is delivered then.
    pub fn watch(&self, id: WatchId, request: &WatchRequest<'_>) -> Result<(), StoreError> {
        self.watch_holding(id, request, Box::new(()))
    }

    /// As [`Self::watch`]; `holding` is dropped when the watch ends, or if it does not begin.
    ///
    /// # Errors
    /// As of [`Self::watch`].
    pub fn watch_holding(&self, id: WatchId, request: &WatchRequest<'_>, holding: Holding) -> Result<(), StoreError> {
        validate_selection(&request.selection()).map_err(|(code, text)| StoreError::new(code, text))?;
        self.watches.add(id, request, self.engine.compacted(), holding)
    }

    /// A connection takes more of its watches' events again, see [`crate::Deliver::takes_more`]. Whether [`Self::catch_up`] is to be called.
    pub fn watch_room(&self, connection: u64) -> bool {
        self.watches.room(connection)
    }

    /// Lets that many more events be sent. Unknown watches are ignored.
    pub fn watch_credit(&self, id: WatchId, events: u32) {
        self.watches.credit(id, events);
    }

    /// Ends a watch. Returns whether there was one.
    pub fn cancel_watch(&self, id: WatchId) -> bool {
        self.watches.cancel(id, id) > 0
    }

    /// Ends all watches of a connection. Returns how many.
    pub fn cancel_watches_of(&self, connection: u64) -> usize {
        self.watches.cancel(
            WatchId { connection, request: 0 },
            WatchId {
                connection,
                request: u64::MAX,
            },
        )
    }

    /// Ends all watches with `LEADER_LOST`: a snapshot takes this machine's place, so their askers start again there.
    pub fn end_watches(&self) {
        self.watches.end();
    }

    /// Tells every live watch that asked for it (PROGRESS) how far it has come; to be called now and then.
    pub fn watch_progress(&self) {
        self.watches.progress();
    }

    /// Serves watches that are behind and have credit, the ones furthest behind first. Returns whether to call again.
    /// By one thread, other than the one that applies; [`crate::Deliver::behind`] says when.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn catch_up(&self) -> Result<bool, StoreError> {
        self.watches.catch_up(&self.engine)
    }

    /// How many watches there are.
    pub fn watch_count(&self) -> usize {
        self.watches.count()
    }
}
