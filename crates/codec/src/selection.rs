//! etcd's way of saying which keys: one key, a range, everything from a key on. Knows only key bytes.

/// Which keys a (key, end) pair means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection<'a> {
    /// `end` is empty: the one key.
    One(&'a [u8]),
    /// start ≤ key < end; no upper bound for `None` (`end` was `\0`).
    Span {
        /// First key.
        start: &'a [u8],
        /// First key after the range.
        end: Option<&'a [u8]>,
    },
}

impl<'a> Selection<'a> {
    /// Reads an encoded pair.
    #[must_use]
    pub fn new(key: &'a [u8], end: &'a [u8]) -> Self {
        match end {
            [] => Self::One(key),
            [0] => Self::Span { start: key, end: None },
            _ => Self::Span {
                start: key,
                end: Some(end),
            },
        }
    }

    /// Whether `key` is one of them.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        match *self {
            Self::One(one) => one == key,
            Self::Span { start, end } => start <= key && end.is_none_or(|end| key < end),
        }
    }

    /// Whether the range ends before it starts.
    #[must_use]
    pub fn is_reversed(&self) -> bool {
        matches!(*self, Self::Span { start, end: Some(end) } if end < start)
    }

    /// The prefix, if the selection is exactly the keys that begin with one; everything has the empty prefix.
    #[must_use]
    pub fn prefix(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Span {
                start: [] | [0],
                end: None,
            } => Some(&[]),
            Self::Span { start, end: Some(end) } => {
                // The end of a prefix is its last byte + 1, after dropping the bytes 0xff that have no successor.
                let kept = start.len() - start.iter().rev().take_while(|byte| **byte == 0xff).count();
                let (last, head) = start[..kept].split_last()?;
                let (end_last, end_head) = end.split_last()?;
                (head == end_head && last + 1 == *end_last).then_some(start)
            }
            _ => None,
        }
    }
}
