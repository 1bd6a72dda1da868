//! Many keys that lie one after another in one buffer: the offsets are checked once, then each key is a slice without a check.
//! Knows nothing of hashes.

/// Keys of one buffer: key `i` is `buffer[offsets[i]..offsets[i + 1]]`. Keys may be empty; bytes before the first offset and
/// after the last belong to none.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    buffer: &'a [u8],
    /// Not empty, ascending, none above the length of `buffer`.
    offsets: &'a [u32],
}

/// Why offsets name no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// No offset at all; no key has one.
    #[error("no offsets: n keys have n + 1, so no key has one")]
    NoOffsets,
    /// The first offset that is bad is smaller than the one before it.
    #[error("offsets[{index}] is {offset}, less than the offset before it, {before}")]
    Descending {
        /// Its place in the offsets.
        index: usize,
        /// Its value, in bytes.
        offset: u32,
        /// The value before it, in bytes.
        before: u32,
    },
    /// The first offset that is bad lies behind the buffer.
    #[error("offsets[{index}] is {offset}, but the buffer has {bytes} bytes")]
    Outside {
        /// Its place in the offsets.
        index: usize,
        /// Its value, in bytes.
        offset: u32,
        /// The length of the buffer, in bytes.
        bytes: usize,
    },
    /// There is not one place for a result for each key.
    #[error("{keys} keys, but {places} places for results")]
    Places {
        /// How many keys there are.
        keys: usize,
        /// How many places there are.
        places: usize,
    },
}

impl<'a> Keys<'a> {
    /// Checks `offsets`, n + 1 of them for n keys.
    ///
    /// # Errors
    /// `NoOffsets`, or, for the first bad offset, `Descending` or `Outside`.
    pub fn new(buffer: &'a [u8], offsets: &'a [u32]) -> Result<Self, KeysError> {
        let last = *offsets.last().ok_or(KeysError::NoOffsets)?;
        // No early exit, so that it runs in SIMD; which offset is bad is looked for only if one is.
        let descents = offsets
            .windows(2)
            .fold(0, |descents, pair| descents | u32::from(pair[1] < pair[0]));
        if descents == 0 && last as usize <= buffer.len() {
            Ok(Self { buffer, offsets })
        } else {
            Err(first_bad(buffer, offsets))
        }
    }

    /// How many.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One after another.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let buffer = self.buffer;
        self.offsets.windows(2).map(move |pair| {
            // SAFETY: `new` found the offsets ascending and none above the length of `buffer`.
            unsafe { buffer.get_unchecked(pair[0] as usize..pair[1] as usize) }
        })
    }

    /// Checks that there are as many `places` for results as keys.
    ///
    /// # Errors
    /// `Places`.
    pub fn expect(&self, places: usize) -> Result<(), KeysError> {
        let keys = self.len();
        if keys == places {
            Ok(())
        } else {
            Err(KeysError::Places { keys, places })
        }
    }
}

#[cold]
fn first_bad(buffer: &[u8], offsets: &[u32]) -> KeysError {
    let bytes = buffer.len();
    let mut before = 0;
    for (index, &offset) in offsets.iter().enumerate() {
        if offset < before {
            return KeysError::Descending { index, offset, before };
        }
        if offset as usize > bytes {
            return KeysError::Outside { index, offset, bytes };
        }
        before = offset;
    }
    unreachable!("first_bad is asked only if an offset is bad")
}
