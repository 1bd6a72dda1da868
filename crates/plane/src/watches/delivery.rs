//! The way of one group's events to their askers, as its state machine knows it. Knows nothing of what is watched.

use std::sync::Arc;

use rafterdb_codec::{Code, RequestKind};
use rafterdb_store::{Deliver, WatchId};

use crate::askers::answers::Answers;
use crate::askers::deliveries::write_response;
use crate::watches::registry::Watches;

/// The way of a group's events.
pub struct Delivery {
    /// Who watches.
    pub watches: Arc<Watches>,
    /// The way to them.
    pub answers: Arc<Answers>,
    /// Whose events.
    pub group: u16,
}

impl Deliver for Delivery {
    fn deliver(&self, watch: WatchId, code: Code, body: &[u8]) {
        if let Some(asker) = self.watches.asker_of(watch) {
            let mut response = Vec::with_capacity(16 + body.len());
            write_response(&mut response, RequestKind::Watch, 0, code, watch.request, body);
            self.answers.deliver(&asker, &response);
        }
    }

    fn takes_more(&self, watch: WatchId) -> bool {
        self.watches
            .asker_of(watch)
            .is_none_or(|asker| self.answers.has_room(&asker))
    }

    fn behind(&self) {
        self.watches.note_behind(self.group);
    }
}
