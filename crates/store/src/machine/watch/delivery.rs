//! Events of one watch packed into responses: in order, a revision never split unless it alone is larger than a frame
//! should be. Knows credit and bounds, not who watches.

use std::sync::Arc;

use rafterdb_codec::limits::FRAME_BYTES_MAX;
use rafterdb_codec::{
    encode_watch_header, patch_watch_header, Code, MESSAGE_HEADER_BYTES, PAIR_BYTES_MAX, WATCH_HEADER_BYTES,
};

use super::deliver::{Deliver, WatchId};
use crate::machine::feed::Feed;
use crate::ChangePlace;

/// Bytes after which a response ends with its revision.
const RESPONSE_BYTES: usize = 256 << 10;
/// Bytes of the largest event: a pair, and the pair as it was before.
const EVENT_BYTES_MAX: usize = 4 + 2 * PAIR_BYTES_MAX;
/// Bytes after which a response ends within a revision: one more event still fits a frame.
const SPLIT_BYTES: usize = FRAME_BYTES_MAX - MESSAGE_HEADER_BYTES - EVENT_BYTES_MAX;
const _: () = assert!(
    SPLIT_BYTES > RESPONSE_BYTES && RESPONSE_BYTES > WATCH_HEADER_BYTES,
    "a revision is split only where it alone is large"
);

/// A place in history: the change `sub` of a revision, or the next one there is; of a deleted range its first key not below `key`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Position {
    pub(super) revision: u64,
    pub(super) sub: u32,
    pub(super) key: Option<Arc<[u8]>>,
}

impl Position {
    /// Before all changes of a revision.
    pub(super) fn before(revision: u64) -> Self {
        Self {
            revision,
            ..Self::default()
        }
    }

    /// At a change of a feed.
    pub(super) fn at(feed: &Feed, index: usize) -> Self {
        let change = feed.change(index);
        Self {
            revision: change.revision,
            sub: change.sub,
            key: Some(feed.key(index).into()),
        }
    }

    /// Whether a change is not before it.
    pub(super) fn is_reached_by(&self, revision: u64, sub: u32, key: &[u8]) -> bool {
        (self.revision, self.sub, self.key.as_deref()) <= (revision, sub, Some(key))
    }

    pub(super) fn as_place(&self) -> ChangePlace<'_> {
        ChangePlace {
            revision: self.revision,
            sub: self.sub,
            key: self.key.as_deref().unwrap_or_default(),
        }
    }
}

/// Where a watch's responses go.
pub(super) struct To<'a>(pub(super) &'a dyn Deliver, pub(super) WatchId);

/// Sends the given changes of a feed, while there is credit and its asker reads. `reached` is the last revision that is complete with
/// them. Returns where it stopped for want of either. `body` is reused.
pub(super) fn send(
    feed: &Feed,
    changes: impl Iterator<Item = usize>,
    with_previous: bool,
    credit: &mut i64,
    reached: u64,
    body: &mut Vec<u8>,
    to: &To<'_>,
) -> Option<Position> {
    let mut response = Response::begin(body);
    let mut last = 0;
    let mut stopped = None;
    for index in changes {
        let change = feed.change(index);
        let bytes_max = if change.revision == last {
            SPLIT_BYTES
        } else {
            RESPONSE_BYTES
        };
        if response.body.len() >= bytes_max {
            response.finish(change.revision - 1, to);
        }
        // Within a revision credit is only asked for where the revision had to be split.
        let may_stop = change.revision != last || response.events == 0;
        // Asked before each response: what one makes more than may wait is bounded by its size.
        let takes_more = || response.events > 0 || to.0.takes_more(to.1);
        if may_stop && (*credit <= 0 || !takes_more()) {
            stopped = Some(Position::at(feed, index));
            break;
        }
        feed.encode_event(index, with_previous, response.body);
        response.events += 1;
        *credit -= 1;
        last = change.revision;
    }
    response.finish(stopped.as_ref().map_or(reached, |position| position.revision - 1), to);
    stopped
}

/// A response under construction.
struct Response<'a> {
    body: &'a mut Vec<u8>,
    events: u32,
}

impl<'a> Response<'a> {
    fn begin(body: &'a mut Vec<u8>) -> Self {
        body.clear();
        encode_watch_header(body, 0, 0);
        Self { body, events: 0 }
    }

    /// Delivers it, if it has events, and begins the next.
    fn finish(&mut self, revision: u64, to: &To<'_>) {
        if self.events > 0 {
            patch_watch_header(self.body, 0, revision, self.events);
            to.0.deliver(to.1, Code::Ok, self.body);
        }
        self.body.clear();
        encode_watch_header(self.body, 0, 0);
        self.events = 0;
    }
}
