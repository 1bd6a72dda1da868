//! The value of a row: at hand, or known by its length and hash alone, as where it lies apart from the row (`apart.rs`).
//! Knows no rows.

use rafterdb_hash::xxh3_64;

/// A value of so many bytes may lie apart from its row: whoever looks at the row alone is spared the reading of it.
pub const APART_BYTES_MIN: usize = 4096;

/// The value of a row.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// At hand.
    Here(&'a [u8]),
    /// At hand, with its hash.
    Hashed(&'a [u8], u64),
    /// Not at hand: so many bytes with this hash.
    Apart {
        /// Its length.
        length: usize,
        /// Its hash.
        hash: u64,
    },
}

impl<'a> Value<'a> {
    /// A value that is about to be written: with its hash if it may lie apart.
    #[inline]
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        if bytes.len() < APART_BYTES_MIN {
            Self::Here(bytes)
        } else {
            Self::Hashed(bytes, xxh3_64(bytes, 0))
        }
    }

    /// No value.
    #[inline]
    #[must_use]
    pub const fn none() -> Self {
        Self::Here(&[])
    }

    /// Its length in bytes.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Here(bytes) | Self::Hashed(bytes, _) => bytes.len(),
            Self::Apart { length, .. } => *length,
        }
    }

    /// Whether it has no bytes.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes, if they are at hand.
    #[inline]
    #[must_use]
    pub const fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Here(bytes) | Self::Hashed(bytes, _) => Some(bytes),
            Self::Apart { .. } => None,
        }
    }

    /// XXH3 of its bytes, with seed 0.
    #[inline]
    #[must_use]
    pub fn hash(&self) -> u64 {
        match self {
            Self::Here(bytes) => xxh3_64(bytes, 0),
            Self::Hashed(_, hash) | Self::Apart { hash, .. } => *hash,
        }
    }

    /// The same without its bytes.
    #[must_use]
    pub fn without_bytes(&self) -> Value<'static> {
        Value::Apart {
            length: self.len(),
            hash: self.hash(),
        }
    }
}

impl PartialEq for Value<'_> {
    /// Of one that is not at hand the hash decides.
    fn eq(&self, other: &Self) -> bool {
        match (self.bytes(), other.bytes()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => self.len() == other.len() && self.hash() == other.hash(),
        }
    }
}

impl Eq for Value<'_> {}

impl<'a> From<&'a [u8]> for Value<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Self::Here(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    #[inline]
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Here(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    #[inline]
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Here(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_same_wherever_it_lies() {
        let bytes = vec![7; APART_BYTES_MIN];
        let (here, hashed) = (Value::Here(&bytes), Value::of(&bytes));
        assert!(matches!(hashed, Value::Hashed(..)));
        for value in [here, hashed, here.without_bytes()] {
            assert_eq!((value.len(), value.hash()), (bytes.len(), xxh3_64(&bytes, 0)));
            assert_eq!(value, here);
        }
        assert_ne!(Value::of(&bytes[1..]), here.without_bytes());
        assert!(matches!(Value::of(&bytes[1..]), Value::Here(_)));
    }
}
