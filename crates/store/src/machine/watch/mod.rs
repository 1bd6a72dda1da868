//! Watches: who wants which changes, and how far each has been served. A watch is *live* while every change up to the
//! published revision has been delivered to it; otherwise it is *behind*, and `catch_up` serves it from history. Knows no machine.
//! The hub's lock is held while changes are delivered, so a delivery must neither block nor call back.

mod catch_up;
mod deliver;
mod delivery;
mod index;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use parking_lot::Mutex;
use rafterdb_codec::limits::WATCHERS_MAX;
use rafterdb_codec::{encode_error, encode_watch_created, encode_watch_header, Code, Selection, WatchRequest};
use rafterdb_codec::{WATCH_PREV_KV, WATCH_PROGRESS};

use super::feed::Feed;
use crate::StoreError;
use delivery::{send, Position, To};
use index::Index;

pub use deliver::{Deliver, Holding, WatchId};

/// (watch, change) pairs gathered before they are delivered.
const HITS_MAX: usize = 1 << 16;

const REPLACED: &str = "the member took over another state: start the watch again";

/// One watch.
struct Watch {
    id: WatchId,
    /// Tells the watch from an earlier one in the same slot.
    serial: u64,
    key: Arc<[u8]>,
    end: Arc<[u8]>,
    flags: u8,
    /// Events that may be sent; below 0 after a revision with more events than that.
    credit: i64,
    /// Everything before has been delivered, or is not wanted. For a live watch only a lower bound.
    next: Position,
    is_live: bool,
    /// It is behind, and its asker has yet to read.
    is_held_up: bool,
    /// Dropped with it.
    _holding: Holding,
}

impl Watch {
    /// Whether it is behind, and may be served.
    const fn is_ready(&self) -> bool {
        !self.is_live && !self.is_held_up && self.credit > 0
    }

    fn selection(&self) -> Selection<'_> {
        Selection::new(&self.key, &self.end)
    }
}

#[derive(Default)]
struct Inner {
    /// Follows the machine's published revision; under this lock the two are equal.
    published: u64,
    slots: Vec<Option<Watch>>,
    free: Vec<u32>,
    by_id: BTreeMap<WatchId, u32>,
    index: Index,
    /// Watches that are behind and have credit, the one furthest behind first.
    ready: BTreeSet<(Position, u32)>,
    /// Watches that are held up, by connection.
    held_up: BTreeSet<(u64, u32)>,
    serial: u64,
    /// Another machine has taken this one's place.
    has_ended: bool,
    /// Reused by `publish`.
    hits: Vec<(u32, u32)>,
    body: Vec<u8>,
}

/// All watches of a group.
pub(super) struct WatchHub {
    deliver: Arc<dyn Deliver>,
    count: AtomicUsize,
    inner: Mutex<Inner>,
    /// One at a time catches up.
    catching_up: Mutex<()>,
}

impl WatchHub {
    pub(super) fn new(deliver: Arc<dyn Deliver>, published: u64) -> Self {
        let inner = Inner {
            published,
            ..Inner::default()
        };
        Self {
            deliver,
            count: AtomicUsize::new(0),
            inner: Mutex::new(inner),
            catching_up: Mutex::new(()),
        }
    }

    /// Whether changes need to be recorded at all.
    pub(super) fn has_watches(&self) -> bool {
        self.count() > 0
    }

    /// How many watches there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Raises the published revision and delivers the changes up to it. Without a feed the live watches fall behind.
    pub(super) fn publish(&self, revision: u64, feed: Option<&Feed>, raise: impl FnOnce()) {
        let mut inner = self.inner.lock();
        raise();
        let before = std::mem::replace(&mut inner.published, revision);
        if inner.by_id.is_empty() {
            return;
        }
        let was_ready = !inner.ready.is_empty();
        match feed {
            Some(feed) => inner.dispatch(feed, revision, &*self.deliver),
            None => inner.fall_behind(&Position::before(before + 1)),
        }
        let wake = !was_ready && !inner.ready.is_empty();
        drop(inner);
        if wake {
            self.deliver.behind();
        }
    }

    /// As `Machine::watch_holding`, above a compacted revision.
    pub(super) fn add(
        &self,
        id: WatchId,
        request: &WatchRequest<'_>,
        compacted: u64,
        holding: Holding,
    ) -> Result<(), StoreError> {
        let mut inner = self.inner.lock();
        if inner.has_ended {
            return Err(StoreError::new(Code::LeaderLost, REPLACED));
        }
        if inner.by_id.contains_key(&id) {
            return Err(StoreError::new(
                Code::InvalidArgument,
                "a watch of this id exists: choose another id",
            ));
        }
        if inner.by_id.len() >= WATCHERS_MAX {
            return Err(StoreError::new(
                Code::Busy,
                format!("the member has {WATCHERS_MAX} watches: cancel some"),
            ));
        }
        let start = request.start_revision;
        if start != 0 && start < compacted {
            return Err(lost(compacted));
        }
        let first = if start == 0 { inner.published + 1 } else { start };
        inner.serial += 1;
        let watch = Watch {
            id,
            serial: inner.serial,
            key: request.key.into(),
            end: request.end.into(),
            flags: request.flags,
            credit: i64::from(request.credit),
            next: Position::before(first),
            is_live: first > inner.published,
            is_held_up: false,
            _holding: holding,
        };
        let mut body = Vec::new();
        encode_watch_created(&mut body, first - 1, request.cluster);
        self.deliver.deliver(id, Code::Ok, &body);
        let is_ready = inner.add(watch);
        self.count.store(inner.by_id.len(), Ordering::Relaxed);
        drop(inner);
        if is_ready {
            self.deliver.behind();
        }
        Ok(())
    }

    /// As `Machine::watch_credit`.
    pub(super) fn credit(&self, id: WatchId, events: u32) {
        let mut inner = self.inner.lock();
        let Some(&slot) = inner.by_id.get(&id) else { return };
        let Some(watch) = inner.slots[slot as usize].as_mut() else {
            return;
        };
        watch.credit = watch.credit.saturating_add(i64::from(events));
        let (next, is_ready) = (watch.next.clone(), watch.is_ready());
        let is_new = is_ready && inner.ready.insert((next, slot));
        drop(inner);
        if is_new {
            self.deliver.behind();
        }
    }

    /// Ends the watches of a span of ids. Returns how many.
    pub(super) fn cancel(&self, first: WatchId, last: WatchId) -> usize {
        let mut inner = self.inner.lock();
        let slots: Vec<u32> = inner.by_id.range(first..=last).map(|(_, slot)| *slot).collect();
        slots.iter().for_each(|slot| inner.remove(*slot));
        self.count.store(inner.by_id.len(), Ordering::Relaxed);
        slots.len()
    }

    /// The watches of a connection that were held up go on. Whether there is work then.
    pub(super) fn room(&self, connection: u64) -> bool {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let held_up = inner.held_up.range((connection, 0)..=(connection, u32::MAX));
        let slots: Vec<u32> = held_up.map(|(_, slot)| *slot).collect();
        for slot in slots {
            inner.held_up.remove(&(connection, slot));
            if let Some(watch) = inner.slots[slot as usize].as_mut() {
                watch.is_held_up = false;
                if watch.is_ready() {
                    inner.ready.insert((watch.next.clone(), slot));
                }
            }
        }
        !inner.ready.is_empty()
    }

    /// Ends every watch with a code that has its asker start it again where it was.
    pub(super) fn end(&self) {
        let mut inner = self.inner.lock();
        inner.has_ended = true;
        let mut body = Vec::new();
        encode_error(&mut body, 0, REPLACED);
        for watch in inner.slots.iter().flatten() {
            self.deliver.deliver(watch.id, Code::LeaderLost, &body);
        }
        let slots: Vec<u32> = inner.by_id.values().copied().collect();
        slots.iter().for_each(|slot| inner.remove(*slot));
        self.count.store(0, Ordering::Relaxed);
    }

    /// As `Machine::watch_progress`.
    pub(super) fn progress(&self) {
        let inner = self.inner.lock();
        let mut body = Vec::new();
        for watch in inner.slots.iter().flatten() {
            if watch.is_live && watch.flags & WATCH_PROGRESS != 0 {
                body.clear();
                encode_watch_header(&mut body, inner.published.max(watch.next.revision - 1), 0);
                self.deliver.deliver(watch.id, Code::Ok, &body);
            }
        }
    }
}

impl Inner {
    /// Returns whether the watch needs catching up.
    fn add(&mut self, watch: Watch) -> bool {
        let is_ready = watch.is_ready();
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        self.by_id.insert(watch.id, slot);
        self.index.insert(&watch.selection(), slot);
        if is_ready {
            self.ready.insert((watch.next.clone(), slot));
        }
        if slot as usize == self.slots.len() {
            self.slots.push(Some(watch));
        } else {
            self.slots[slot as usize] = Some(watch);
        }
        is_ready
    }

    fn remove(&mut self, slot: u32) {
        if let Some(watch) = self.slots[slot as usize].take() {
            self.by_id.remove(&watch.id);
            self.index.remove(&watch.selection(), slot);
            self.ready.remove(&(watch.next, slot));
            self.held_up.remove(&(watch.id.connection, slot));
            self.free.push(slot);
        }
    }

    /// Delivers the changes of a feed to the live watches that they concern.
    fn dispatch(&mut self, feed: &Feed, published: u64, deliver: &dyn Deliver) {
        let mut hits = std::mem::take(&mut self.hits);
        let mut last = 0;
        for (index, (change, key)) in feed.changes().enumerate() {
            if hits.len() >= HITS_MAX && change.revision != last {
                self.deliver_hits(feed, &mut hits, last, deliver);
            }
            last = change.revision;
            self.index.visit(key, |slot| {
                let watch = self.slots[slot as usize].as_ref();
                if watch.is_some_and(|watch| watch.is_live && watch.next.revision <= change.revision) {
                    hits.push((slot, index as u32));
                }
            });
        }
        self.deliver_hits(feed, &mut hits, published, deliver);
        self.hits = hits;
    }

    /// Delivers (slot, change) pairs; afterwards their watches have everything up to `reached`, or are behind.
    fn deliver_hits(&mut self, feed: &Feed, hits: &mut Vec<(u32, u32)>, reached: u64, deliver: &dyn Deliver) {
        hits.sort_unstable();
        for run in hits.chunk_by(|left, right| left.0 == right.0) {
            let slot = run[0].0;
            let Some(watch) = self.slots[slot as usize].as_mut() else {
                continue;
            };
            let changes = run.iter().map(|(_, change)| *change as usize);
            let with_previous = watch.flags & WATCH_PREV_KV != 0;
            let stopped = send(
                feed,
                changes,
                with_previous,
                &mut watch.credit,
                reached,
                &mut self.body,
                &To(deliver, watch.id),
            );
            if let Some(next) = stopped {
                (watch.next, watch.is_live) = (next, false);
                if watch.is_ready() {
                    self.ready.insert((watch.next.clone(), slot));
                }
            }
        }
        hits.clear();
    }

    /// Every live watch is behind from `next` on.
    fn fall_behind(&mut self, next: &Position) {
        for (slot, watch) in self.slots.iter_mut().enumerate() {
            let Some(watch) = watch
                .as_mut()
                .filter(|watch| watch.is_live && watch.next.revision <= self.published)
            else {
                continue;
            };
            if watch.next < *next {
                watch.next = next.clone();
            }
            watch.is_live = false;
            if watch.is_ready() {
                self.ready.insert((watch.next.clone(), slot as u32));
            }
        }
    }
}

fn lost(compacted: u64) -> StoreError {
    let text =
        format!("the watch is behind the compacted revision {compacted}: read the keys again and watch from there");
    StoreError {
        code: Code::WatchLost,
        detail: compacted,
        text,
    }
}

/// The body of the response that ends a lost watch.
fn lost_body(compacted: u64) -> Vec<u8> {
    let mut body = Vec::new();
    encode_error(&mut body, compacted, &lost(compacted).text);
    body
}
