//! How long threads have waited, by what for. Each thread counts for itself: who applies an entry learns what that entry waited for, and
//! nothing of those who read beside it. Knows no entries.

use std::cell::Cell;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

/// What may have to be waited for while an entry is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The flush before, which is not over when the next one is due.
    Flush,
    /// History: who reads what is in memory of it; the operating system, if more waits to be written than may.
    History,
    /// Rows of the tables, from the disk or from a cache; the work of finding them is in it.
    Tables,
    /// The sorting of new keys in memory, by somebody else.
    KeyOrder,
    /// What is known of dead stretches, which somebody else changes.
    DeadStretches,
}

impl Wait {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Flush,
        Self::History,
        Self::Tables,
        Self::KeyOrder,
        Self::DeadStretches,
    ];
}

/// Times by what was waited for, in the order of [`Wait::ALL`].
pub(crate) type Waits = [Duration; Wait::ALL.len()];

thread_local! {
    static WAITED: Cell<Waits> = const { Cell::new([Duration::ZERO; Wait::ALL.len()]) };
}

/// What this thread has waited since it began.
pub(crate) fn waited() -> Waits {
    WAITED.get()
}

/// Does what may wait.
pub(crate) fn timed<T>(what: Wait, body: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = body();
    let mut waited = WAITED.get();
    waited[what as usize] += began.elapsed();
    WAITED.set(waited);
    done
}

/// Locks; looks at the clock only if somebody else has it.
pub(crate) fn lock<T>(what: Wait, mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.try_lock().unwrap_or_else(|| timed(what, || mutex.lock()))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_a_thread_waits_is_told_to_it_alone() {
        drop(lock(Wait::KeyOrder, &Mutex::new(())));
        assert_eq!(waited(), Waits::default(), "nobody had it");
        let (release, held) = channel::<()>();
        let (holds, is_held) = channel();
        let mutex = Mutex::new(());
        std::thread::scope(|scope| {
            let mutex = &mutex;
            scope.spawn(move || {
                let holding = mutex.lock();
                holds.send(()).unwrap();
                held.recv().unwrap();
                drop(holding);
                assert_eq!(waited(), Waits::default());
            });
            is_held.recv().unwrap();
            timed(Wait::KeyOrder, || release.send(()).unwrap());
            drop(lock(Wait::KeyOrder, mutex));
        });
        let waits = waited();
        assert!(waits[Wait::KeyOrder as usize] > Duration::ZERO, "{waits:?}");
        assert_eq!(waits[Wait::Flush as usize], Duration::ZERO);
    }

    #[test]
    fn each_wait_stands_at_its_place() {
        assert!(Wait::ALL.iter().enumerate().all(|(at, wait)| *wait as usize == at));
    }
}
