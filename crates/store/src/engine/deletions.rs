//! Where keys were deleted one by one, of every few of them one: by those a thread of the engine's finds the dead stretches that they
//! leave before an entry has to walk over them. Knows keys.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Of so many deletions one is noted.
const SAMPLE: u64 = 64;
/// As many as are noted before somebody looks.
const ENOUGH: usize = 64;
/// Bytes of keys that are kept; what comes when there are so many is not noted: whoever walks over it notes it.
const BYTES_MAX: usize = 1 << 18;

#[derive(Debug, Default)]
pub(super) struct Deletions {
    count: AtomicU64,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    keys: Vec<Vec<u8>>,
    bytes: usize,
}

impl Deletions {
    /// A key was deleted; by the one writer. Whether it is one that is noted.
    #[inline]
    pub(super) fn is_sample(&self) -> bool {
        let count = self.count.load(Ordering::Relaxed) + 1;
        self.count.store(count, Ordering::Relaxed);
        count.is_multiple_of(SAMPLE)
    }

    /// Notes a key that was deleted. Whether it is time that somebody takes them.
    pub(super) fn note(&self, key: &[u8]) -> bool {
        let mut noted = self.noted.lock();
        if noted.bytes + key.len() > BYTES_MAX {
            return false;
        }
        noted.bytes += key.len();
        noted.keys.push(key.to_vec());
        noted.keys.len().is_multiple_of(ENOUGH)
    }

    /// Those that were noted since the last time.
    pub(super) fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.noted.lock()).keys
    }
}
