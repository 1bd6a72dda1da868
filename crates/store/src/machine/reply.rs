//! The previous pairs that a reply has room for. Knows no rows and no operations.

use rafterdb_codec::Pair;

/// What becomes of previous pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Previous {
    /// Nobody asked, or there was none.
    None,
    /// It was appended.
    Appended,
    /// There was one, but the reply is full.
    LeftOut,
}

/// Where previous pairs go: appended to `out` until it is `full_at` long.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) full_at: usize,
}

impl Reply<'_> {
    /// Appends a pair if there is room.
    pub(super) fn add(&mut self, pair: &Pair<'_>) -> Previous {
        if self.is_full() {
            return Previous::LeftOut;
        }
        pair.encode(self.out);
        Previous::Appended
    }

    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= self.full_at
    }
}
