//! What is there once for the whole process: which thread has which lane, and the list of all pools' tables, so that a
//! thread that ends can empty its lane in each. Knows nothing of buffers.

use std::cell::Cell;

use crate::inner::Inner;
use crate::lane::LANES;
use crate::options::Options;
use crate::sync::{ordering, AtomicU64, Leaked, Ordering, Step};

const UNKNOWN: usize = usize::MAX;

#[derive(Debug)]
pub(crate) struct Process {
    /// Lanes that no thread has, a bit each.
    lanes: AtomicU64,
    /// The newest tables. None are ever taken out of the list.
    newest: Leaked<Inner>,
}

#[cfg(not(loom))]
static PROCESS: Process = Process {
    lanes: AtomicU64::new((1 << LANES) - 1),
    newest: Leaked::nothing(),
};

#[cfg(loom)]
loom::lazy_static! {
    // Leaked, as threads of a model give up their lanes after loom has dropped what is static.
    static ref PROCESS: &'static Process = Box::leak(Box::new(Process {
        lanes: AtomicU64::new((1 << LANES) - 1),
        newest: Leaked::nothing(),
    }));
}

pub(crate) fn process() -> &'static Process {
    &PROCESS
}

/// A thread's lane, given up when the thread ends.
struct Own {
    lane: Cell<usize>,
    process: &'static Process,
}

#[cfg(not(loom))]
thread_local! {
    static OWN: Own = const { Own { lane: Cell::new(UNKNOWN), process: &PROCESS } };
}

#[cfg(loom)]
loom::thread_local! {
    static OWN: Own = Own { lane: Cell::new(UNKNOWN), process: process() };
}

/// Number of this thread's lane; [`LANES`] for the shared one.
#[inline]
pub(crate) fn lane() -> usize {
    // A thread whose locals are being dropped has given its lane up.
    OWN.try_with(|own| match own.lane.get() {
        UNKNOWN => own.claim(),
        lane => lane,
    })
    .unwrap_or(LANES)
}

impl Own {
    #[cold]
    fn claim(&self) -> usize {
        // What the lane's last thread did to it is seen.
        let claimed = self
            .process
            .lanes
            .fetch_update(ordering(Step::Enter), Ordering::Relaxed, |free| {
                (free != 0).then(|| free & (free - 1))
            });
        let lane = claimed.map_or(LANES, |free| free.trailing_zeros() as usize);
        self.lane.set(lane);
        lane
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let lane = self.lane.get();
        if lane < LANES {
            for inner in self.process.pools() {
                // SAFETY: the lane is this thread's.
                unsafe { inner.empty(lane) };
            }
            self.process.lanes.fetch_or(1 << lane, ordering(Step::Leave));
        }
    }
}

impl Process {
    /// Begins a pool, in tables that an earlier one has left or, where there are none, in new ones.
    pub fn open(&self, options: Options) -> &'static Inner {
        let inner = self.pools().find(|inner| inner.take());
        let inner = inner.unwrap_or_else(|| self.list(Box::leak(Box::new(Inner::new()))));
        inner.open(options);
        inner
    }

    /// All tables, newest first.
    fn pools(&self) -> impl Iterator<Item = &'static Inner> {
        std::iter::successors(self.newest.get(), |inner| inner.next.get())
    }

    /// Adds tables to the list.
    fn list(&self, inner: &'static Inner) -> &'static Inner {
        loop {
            let newest = self.newest.get();
            inner.next.set(newest, Step::List);
            if self.newest.replace(newest, inner, Step::List) {
                return inner;
            }
        }
    }
}
