//! Pieces of a memtable's memory that were overwritten, for use by later rows of about their size: once nobody can be
//! looking at them any more. Knows addresses and sizes, no rows.
//!
//! Readers count themselves into one of two counters before they load an address. A piece that was retired is free when
//! each counter has been seen at zero since: who counts himself in later loads a later address. The counters change places in
//! between, so that readers who come one after the other cannot keep both above zero. After the sleepable RCU of P. McKenney
//! ("Is Parallel Programming Hard", 9.5).

use std::ptr::NonNull;
use std::sync::atomic::{fence, AtomicUsize, Ordering};

/// Smallest piece, and what all sizes are multiples of, bytes.
const STEP: usize = 8;

/// Sizes between one power of two and the next: what rounding up wastes is below a sixteenth.
const SIZES_PER_DOUBLING: usize = 16;

/// Pieces that are retired before the next grace period begins.
const RETIRED_MIN: usize = 64;

/// A size that pieces come in, at least `bytes`.
pub(super) const fn size_of_piece(bytes: usize) -> usize {
    bytes.next_multiple_of(step(bytes))
}

const fn step(bytes: usize) -> usize {
    let step = bytes.next_power_of_two() / (2 * SIZES_PER_DOUBLING);
    if step > STEP {
        step
    } else {
        STEP
    }
}

/// The place of a size in the list of free pieces: dense, and larger sizes later.
const fn class_of(size: usize) -> usize {
    let step = step(size);
    let doublings = (step / STEP).ilog2() as usize;
    // The first sizes, up to the first power of two with steps above eight, are `size / 8`; each doubling adds sixteen.
    doublings * SIZES_PER_DOUBLING + size / step
}

/// Who looks at the memory now.
#[derive(Default)]
pub(super) struct Readers {
    counts: [AtomicUsize; 2],
    current: AtomicUsize,
}

impl Readers {
    /// Counts a reader in; to be counted out of the counter that is returned.
    pub(super) fn enter(&self) -> usize {
        let at = self.current.load(Ordering::Relaxed);
        self.counts[at].fetch_add(1, Ordering::SeqCst);
        // What this reader loads from here on is as new as what was stored before a count of zero was seen.
        fence(Ordering::SeqCst);
        at
    }

    /// Counts a reader out: it has let go of everything.
    pub(super) fn leave(&self, at: usize) {
        self.counts[at].fetch_sub(1, Ordering::Release);
    }

    fn is_empty(&self, at: usize) -> bool {
        self.counts[at].load(Ordering::SeqCst) == 0
    }
}

/// A piece that its owner has let go of. Its size is one of [`size_of_piece`].
#[derive(Clone, Copy)]
struct Piece {
    address: NonNull<u8>,
    size: usize,
}

/// The pieces. For the one writer.
#[derive(Default)]
pub(super) struct RetiredMemory {
    /// Pieces that were let go since the grace period began.
    retired: Vec<Piece>,
    /// Pieces that wait for it to end.
    waiting: Vec<Piece>,
    /// Of the counters, the one that was current when the grace period began has yet to be seen at zero, the other not.
    half: bool,
    /// Addresses by class of size.
    free: Vec<Vec<NonNull<u8>>>,
}

// SAFETY: addresses of memory that nobody reads or writes until they are handed out again; none belongs to a thread.
unsafe impl Send for RetiredMemory {}

impl RetiredMemory {
    /// A free piece of `size` bytes, which is one of [`size_of_piece`].
    pub(super) fn take(&mut self, size: usize) -> Option<NonNull<u8>> {
        self.free.get_mut(class_of(size))?.pop()
    }

    /// Lets go of a piece, which [`RetiredMemory::take`] hands out again once nobody looks at it.
    ///
    /// # Safety
    /// `address` has `size` bytes, one of [`size_of_piece`], for as long as pieces are taken. It can be loaded no more, and whoever
    /// did before has counted himself into `readers`, which are the same each time.
    pub(super) unsafe fn retire(&mut self, address: NonNull<u8>, size: usize, readers: &Readers) {
        self.retired.push(Piece { address, size });
        if self.retired.len() >= RETIRED_MIN {
            self.advance(readers);
        }
    }

    /// Goes on with the grace period as far as the readers let it.
    fn advance(&mut self, readers: &Readers) {
        if self.waiting.is_empty() {
            std::mem::swap(&mut self.retired, &mut self.waiting);
            self.half = false;
            // Before the counters are looked at: addresses stored before.
            fence(Ordering::SeqCst);
        }
        let current = readers.current.load(Ordering::Relaxed);
        if !self.half {
            if !readers.is_empty(1 - current) {
                return;
            }
            readers.current.store(1 - current, Ordering::Relaxed);
            self.half = true;
            return self.advance(readers);
        }
        // The one that was current.
        if !readers.is_empty(1 - current) {
            return;
        }
        for piece in self.waiting.drain(..) {
            let class = class_of(piece.size);
            if self.free.len() <= class {
                self.free.resize_with(class + 1, Vec::new);
            }
            self.free[class].push(piece.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_by_less_than_a_sixteenth() {
        let mut last = (0, 0);
        for bytes in 1..3_000_000 {
            let size = size_of_piece(bytes);
            assert!(size >= bytes && size.is_multiple_of(STEP));
            assert!(
                size - bytes < STEP.max(bytes / SIZES_PER_DOUBLING + 1),
                "{bytes}: {size}"
            );
            assert_eq!(size_of_piece(size), size);
            let class = class_of(size);
            assert!(
                (class == last.0 && size == last.1) || (class > last.0 && size > last.1),
                "{bytes}: {size} is class {class}, after {last:?}"
            );
            last = (class, size);
        }
        assert!(last.0 < 1_000, "{last:?}");
    }

    fn address(n: usize) -> NonNull<u8> {
        NonNull::new((n * STEP) as *mut u8).unwrap()
    }

    /// Retires `RETIRED_MIN` pieces from `first` on.
    fn retire(reuse: &mut RetiredMemory, readers: &Readers, first: usize) {
        for n in first..first + RETIRED_MIN {
            // SAFETY: nobody looks at these addresses.
            unsafe { reuse.retire(address(n), 64, readers) };
        }
    }

    #[test]
    fn what_nobody_looks_at_is_used_again() {
        let (mut reuse, readers) = (RetiredMemory::default(), Readers::default());
        retire(&mut reuse, &readers, 1);
        let taken: Vec<_> = std::iter::from_fn(|| reuse.take(64)).collect();
        assert_eq!(taken.len(), RETIRED_MIN);
        assert_eq!(reuse.take(64), None);
        assert_eq!(reuse.take(72), None);
    }

    #[test]
    fn what_a_reader_may_look_at_is_kept_until_it_leaves() {
        let (mut reuse, readers) = (RetiredMemory::default(), Readers::default());
        let early = readers.enter();
        for round in 0..5 {
            retire(&mut reuse, &readers, 1 + round * RETIRED_MIN);
            // Readers that come and go change nothing.
            let late = readers.enter();
            readers.leave(late);
            assert_eq!(reuse.take(64), None, "round {round}");
        }
        readers.leave(early);
        retire(&mut reuse, &readers, 1_000);
        assert!(reuse.take(64).is_some());
    }

    #[test]
    fn a_reader_that_comes_in_the_middle_of_a_grace_period_keeps_what_is_retired_then() {
        let (mut reuse, readers) = (RetiredMemory::default(), Readers::default());
        let early = readers.enter();
        retire(&mut reuse, &readers, 1);
        // The counters have changed places: this one is in the other.
        let late = readers.enter();
        assert_ne!(early, late);
        retire(&mut reuse, &readers, 1_000);
        readers.leave(early);
        retire(&mut reuse, &readers, 2_000);
        // The first lot is free; those of the second are not, for `late` may have loaded their addresses.
        let free: Vec<_> = std::iter::from_fn(|| reuse.take(64)).collect();
        assert_eq!(free.len(), RETIRED_MIN);
        assert!(free.iter().all(|piece| *piece < address(1_000)));
        for round in 3..6 {
            retire(&mut reuse, &readers, round * 1_000);
            assert_eq!(reuse.take(64), None);
        }
        readers.leave(late);
        retire(&mut reuse, &readers, 9_000);
        assert!(reuse.take(64).is_some());
    }

    #[test]
    fn readers_one_after_the_other_do_not_hold_everything_up() {
        let (mut reuse, readers) = (RetiredMemory::default(), Readers::default());
        let mut reading = readers.enter();
        let mut freed = 0;
        for round in 1..100 {
            retire(&mut reuse, &readers, round * 1_000);
            let next = readers.enter();
            readers.leave(reading);
            reading = next;
            freed += std::iter::from_fn(|| reuse.take(64)).count();
        }
        assert!(freed > 90 * RETIRED_MIN, "{freed}");
    }
}
