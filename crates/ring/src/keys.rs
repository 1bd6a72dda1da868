//! Keys as they come from a caller: one, or many in one buffer. Knows nothing of rings.

use crate::RingError;
use rafterdb_hash::xxh3_64;

/// Where a key lies on the circle of every ring: its XXH3-64 with seed 0.
///
/// A ring's seed does not enter here, so that the hashes of stored keys stay valid whatever becomes of the ring.
#[inline]
#[must_use]
pub fn hash_key(key: &[u8]) -> u64 {
    xxh3_64(key, 0)
}

/// Many keys in one buffer: key `i` is `buffer[offsets[i]..offsets[i + 1]]`, so n keys have n + 1 offsets.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    buffer: &'a [u8],
    /// At least one; none is less than the one before it or more than the buffer's length.
    offsets: &'a [u32],
}

impl<'a> Keys<'a> {
    /// Checks the offsets once, so that the batch calls need not.
    ///
    /// # Errors
    /// [`RingError::BadOffsets`] if there is none or one falls, [`RingError::BufferTooShort`] if the last one lies outside.
    pub fn new(buffer: &'a [u8], offsets: &'a [u32]) -> Result<Self, RingError> {
        let Some(&last) = offsets.last() else {
            return Err(RingError::BadOffsets { at: 0 });
        };
        if let Some(at) = offsets.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(RingError::BadOffsets { at: at + 1 });
        }
        if last as usize > buffer.len() {
            return Err(RingError::BufferTooShort {
                last,
                bytes: buffer.len(),
            });
        }
        Ok(Self { buffer, offsets })
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let buffer = self.buffer;
        self.offsets
            .windows(2)
            .map(move |pair| &buffer[pair[0] as usize..pair[1] as usize])
    }
}
