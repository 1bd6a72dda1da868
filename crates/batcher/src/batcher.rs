//! The state machine: which items go together, and when a batch may go. Pure: no clock, no thread, no lock.

use std::collections::VecDeque;
use std::mem;

use crate::bounds::{BadBounds, Bounds};

/// Why an item was not taken; it is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused<T> {
    /// BUSY: as much waits as may wait. Nothing was done.
    #[error("the queue of the batcher is full")]
    Busy(T),
    /// CLOSED: the batcher takes no more items.
    #[error("the batcher is closed")]
    Closed(T),
}

impl<T> Refused<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            Self::Busy(item) | Self::Closed(item) => item,
        }
    }
}

/// Items that go together.
struct Batch<T> {
    items: Vec<T>,
    bytes: usize,
    /// When its first item came.
    since: u64,
}

/// Gathers items into batches, in the order in which they come.
///
/// With no batch under way, an item may go at once. With some under way, but fewer than `in_flight_max`, it goes when its
/// batch is full or has waited for `wait_max`; with `in_flight_max` under way it waits until one ends.
///
/// ```
/// use rafterdb_batcher::{Batcher, Bounds};
///
/// let mut batcher = Batcher::new(Bounds::default())?;
/// let mut batch = Vec::new();
/// let _ = batcher.push("a", 1, 0);
/// assert!(batcher.next(0, &mut batch)); // nothing is under way: it goes at once
/// let _ = batcher.push("b", 1, 1);
/// let _ = batcher.push("c", 1, 2);
/// batch.clear();
/// assert!(!batcher.next(3, &mut batch)); // these gather
/// batcher.done();
/// assert!(batcher.next(4, &mut batch));
/// assert_eq!(batch, ["b", "c"]);
/// # Ok::<(), rafterdb_batcher::BadBounds>(())
/// ```
pub struct Batcher<T> {
    bounds: Bounds,
    /// Oldest first. All but the last take no more items; none is empty.
    waiting: VecDeque<Batch<T>>,
    /// Items that wait.
    items: usize,
    /// Bytes that wait: at most the bound, unless it is one item.
    bytes: usize,
    in_flight: usize,
    is_closed: bool,
    /// Buffers to be used again, so that a batch costs no allocation.
    spares: Vec<Vec<T>>,
    /// Items that the spares have room for; at most twice the queue's bound, as a `Vec` doubles.
    spare_capacity: usize,
}

impl<T> Batcher<T> {
    /// An empty one.
    ///
    /// # Errors
    /// Bounds that cannot be kept.
    pub fn new(bounds: Bounds) -> Result<Self, BadBounds> {
        bounds.check()?;
        Ok(Self {
            bounds,
            waiting: VecDeque::new(),
            items: 0,
            bytes: 0,
            in_flight: 0,
            is_closed: false,
            spares: Vec::new(),
            spare_capacity: 0,
        })
    }

    /// Takes an item of so many bytes at a time that never goes back. An item larger than a bound of bytes is taken when it
    /// is alone.
    ///
    /// # Errors
    /// `Busy` if too much waits, `Closed` after `close`; both give the item back.
    pub fn push(&mut self, item: T, bytes: usize, now: u64) -> Result<(), Refused<T>> {
        if self.is_closed {
            return Err(Refused::Closed(item));
        }
        let is_full = self.items >= self.bounds.queued_items_max
            || self.bytes.saturating_add(bytes) > self.bounds.queued_bytes_max;
        if self.items > 0 && is_full {
            return Err(Refused::Busy(item));
        }
        if self.begins(bytes) {
            let items = self.spare();
            self.waiting.push_back(Batch {
                items,
                bytes: 0,
                since: now,
            });
        }
        if let Some(last) = self.waiting.back_mut() {
            last.items.push(item);
            last.bytes += bytes;
        }
        self.items += 1;
        self.bytes += bytes;
        Ok(())
    }

    /// Whether an item of so many bytes would begin a batch. Only then does `push` look at the time.
    #[must_use]
    pub fn begins(&self, bytes: usize) -> bool {
        self.waiting
            .back()
            .is_none_or(|last| self.is_full(last) || last.bytes.saturating_add(bytes) > self.bounds.bytes_max)
    }

    /// Puts the oldest batch into `into`, which must be empty and whose buffer is kept for a later batch. The batch is under
    /// way until `done`. False: nothing may go yet.
    pub fn next(&mut self, now: u64, into: &mut Vec<T>) -> bool {
        assert!(into.is_empty(), "a batch goes into an empty buffer");
        if self.due().is_none_or(|due| due > now) {
            return false;
        }
        let Some(batch) = self.waiting.pop_front() else {
            return false;
        };
        self.items -= batch.items.len();
        self.bytes -= batch.bytes;
        self.in_flight += 1;
        self.keep(mem::replace(into, batch.items));
        true
    }

    /// A batch has ended, whichever it was.
    pub fn done(&mut self) {
        assert!(self.in_flight > 0, "only a batch under way can end");
        self.in_flight -= 1;
    }

    /// From when on `next` gives a batch, if nothing else happens; 0: now. `None`: not before an item comes or a batch ends.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        let first = self.waiting.front()?;
        if self.in_flight >= self.bounds.in_flight_max {
            return None;
        }
        if self.in_flight == 0 || self.is_closed || self.waiting.len() > 1 || self.is_full(first) {
            return Some(0);
        }
        self.bounds.wait_max.and_then(|wait| first.since.checked_add(wait))
    }

    /// Takes no more items. What waits goes without gathering.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    /// Whether `close` was called.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Items that wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.items
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Bytes that wait.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Batches under way.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    fn spare(&mut self) -> Vec<T> {
        let Some(spare) = self.spares.pop() else {
            return Vec::new();
        };
        self.spare_capacity -= spare.capacity();
        spare
    }

    fn keep(&mut self, spare: Vec<T>) {
        let capacity = self.spare_capacity.saturating_add(spare.capacity());
        if capacity <= self.bounds.queued_items_max.saturating_mul(2) {
            self.spare_capacity = capacity;
            self.spares.push(spare);
        }
    }

    fn is_full(&self, batch: &Batch<T>) -> bool {
        batch.items.len() >= self.bounds.items_max || batch.bytes >= self.bounds.bytes_max
    }
}
