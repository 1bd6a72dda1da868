//! A batcher that threads share: any number of them put items in, any number take batches out. Owns the lock, the waiting and
//! the clock; which items go when is the batcher's.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::batcher::{Batcher, Refused};
use crate::bounds::{BadBounds, Bounds};

/// A bounded queue whose items come out in batches. Times are nanoseconds: `wait_max` too.
///
/// ```
/// use rafterdb_batcher::{BatchQueue, Bounds};
///
/// let queue = BatchQueue::new(Bounds::default())?;
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         let mut batch = Vec::new();
///         while let Some(_turn) = queue.take(&mut batch) {
///             println!("{batch:?}"); // the turn ends here, and with it the batch
///         }
///     });
///     for item in 0..10 {
///         queue.push(item, 4).expect("a queue with room");
///     }
///     queue.close();
/// });
/// # Ok::<(), rafterdb_batcher::BadBounds>(())
/// ```
pub struct BatchQueue<T> {
    batcher: Mutex<Batcher<T>>,
    /// `due` of the batcher has changed, or it was closed.
    changed: Condvar,
    /// When the clock began; `None` if no time matters, which spares its reading.
    began: Option<Instant>,
}

/// A batch under way; it ends with this value, also when a panic unwinds.
#[must_use = "the batch ends when this is dropped"]
pub struct Turn<'a, T> {
    queue: &'a BatchQueue<T>,
}

impl<T> BatchQueue<T> {
    /// An empty one.
    ///
    /// # Errors
    /// Bounds that cannot be kept.
    pub fn new(bounds: Bounds) -> Result<Self, BadBounds> {
        Ok(Self {
            batcher: Mutex::new(Batcher::new(bounds)?),
            changed: Condvar::new(),
            began: bounds.wait_max.map(|_| Instant::now()),
        })
    }

    /// Takes an item of so many bytes; never waits.
    ///
    /// # Errors
    /// `Busy` if too much waits, `Closed` after `close`; both give the item back.
    pub fn push(&self, item: T, bytes: usize) -> Result<(), Refused<T>> {
        let mut batcher = self.batcher.lock();
        let now = if batcher.begins(bytes) { self.now() } else { 0 };
        let before = batcher.due();
        batcher.push(item, bytes, now)?;
        if batcher.due() != before {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Waits for a batch and puts it into `into`, which is emptied first and whose buffer is kept for a later batch. The batch
    /// is under way until the turn is dropped. `None`: closed, and everything has been taken.
    pub fn take(&self, into: &mut Vec<T>) -> Option<Turn<'_, T>> {
        into.clear();
        let mut batcher = self.batcher.lock();
        loop {
            let due = batcher.due();
            match due {
                Some(due) if due == 0 || due <= self.now() => {
                    let taken = batcher.next(due, into);
                    assert!(taken, "a batch that is due can be taken");
                    self.tell(&batcher);
                    return Some(Turn { queue: self });
                }
                _ if batcher.is_closed() && batcher.is_empty() => return None,
                Some(due) => {
                    let wait = Duration::from_nanos(due - self.now().min(due));
                    let _ = self.changed.wait_for(&mut batcher, wait);
                }
                None => self.changed.wait(&mut batcher),
            }
        }
    }

    /// Takes no more items; who waits in `take` gets what is left, and then `None`.
    pub fn close(&self) {
        self.batcher.lock().close();
        self.changed.notify_all();
    }

    /// Items that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batcher.lock().len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Has another thread look, if there is something to look at: one of those that wait watches the time.
    fn tell(&self, batcher: &Batcher<T>) {
        if batcher.is_closed() {
            self.changed.notify_all();
        } else if batcher.due().is_some() {
            self.changed.notify_one();
        }
    }

    /// Nanoseconds since the clock began.
    fn now(&self) -> u64 {
        self.began
            .map_or(0, |began| u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let mut batcher = self.queue.batcher.lock();
        batcher.done();
        self.queue.tell(&batcher);
    }
}
