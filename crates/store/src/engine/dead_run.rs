//! The dead rows that a scan has come to, one after the other with nothing alive between them: passed one by one while they are few,
//! walked over to be noted as a dead stretch when they are many. Knows no rows.

use super::dead_stretches::{after_all, next_key, DeadStretches, ROWS_MAX};
use super::KeyRange;

pub(super) struct DeadRun<'s> {
    stretches: &'s DeadStretches,
    /// The revision at which they are dead.
    at: u64,
    reverse: bool,
    /// Where it began, if anything did: upwards its first key, downwards the first key above it.
    bound: Vec<u8>,
    is_open: bool,
    /// Rows of it since `bound`.
    rows: usize,
    /// Dead rows since the last that lives, or since a stretch was passed.
    passed: usize,
    walk: Option<usize>,
}

impl<'s> DeadRun<'s> {
    pub(super) fn new(stretches: &'s DeadStretches, at: u64, reverse: bool) -> Self {
        Self {
            stretches,
            at,
            reverse,
            bound: Vec::new(),
            is_open: false,
            rows: 0,
            passed: 0,
            walk: None,
        }
    }

    /// The row of `key` is dead; its newest one was written at `modified`.
    pub(super) fn add(&mut self, key: &[u8], modified: u64) {
        self.passed += 1;
        if modified > self.at {
            // It may live now.
            self.leave(key);
            return;
        }
        if !self.is_open {
            self.is_open = true;
            self.bound.clear();
            self.bound.extend_from_slice(key);
            if self.reverse {
                self.bound.push(0);
            }
        }
        self.rows += 1;
        if self.rows >= ROWS_MAX {
            self.note(|reverse| if reverse { key.to_vec() } else { next_key(key) });
        }
    }

    /// Whether it is time to look for a way to pass the rest.
    pub(super) fn is_long(&self, rows: usize) -> bool {
        self.passed >= rows
    }

    /// What lives at `key` ends it.
    #[inline]
    pub(super) fn end(&mut self, key: &[u8]) {
        self.passed = 0;
        self.leave(key);
    }

    /// The same, but what is there now may not be seen.
    #[inline]
    pub(super) fn leave(&mut self, key: &[u8]) {
        if self.is_open {
            self.note(|reverse| if reverse { next_key(key) } else { key.to_vec() });
            self.close();
        }
    }

    /// The scan stops after the row of `key`.
    pub(super) fn cut(&mut self, key: &[u8]) {
        if self.is_open && self.rows > 0 {
            self.note(|reverse| if reverse { key.to_vec() } else { next_key(key) });
        }
    }

    /// The end of the range ends it.
    pub(super) fn finish(&mut self, range: KeyRange<'_>) {
        self.note(|reverse| match range.end {
            _ if reverse => range.start.to_vec(),
            Some(end) => end.to_vec(),
            None => after_all(),
        });
        self.close();
    }

    /// The dead stretch that `key` lies in is passed: `bound` is where it goes on.
    pub(super) fn pass(&mut self, key: &[u8], bound: &[u8]) {
        self.end(key);
        self.is_open = true;
        self.bound.clear();
        self.bound.extend_from_slice(bound);
    }

    /// Begins to walk over it, if it is not walked over yet. Returns where: its rows are to be looked at again, as some may have been
    /// written since.
    pub(super) fn begin_walk(&mut self) -> Option<&[u8]> {
        self.passed = 0;
        if self.walk.is_some() || !self.is_open {
            return None;
        }
        self.rows = 0;
        self.walk = Some(self.stretches.begin_walk(&self.bound, self.reverse));
        Some(&self.bound)
    }

    /// Notes what was walked over so far, up to the key that `to` makes.
    fn note(&mut self, to: impl FnOnce(bool) -> Vec<u8>) {
        let rows = std::mem::take(&mut self.rows);
        let Some(walk) = self.walk else { return };
        if !self.stretches.reach(walk, &to(self.reverse), self.at, rows) {
            // Something was written there meanwhile.
            self.close();
        }
    }

    fn close(&mut self) {
        (self.is_open, self.rows) = (false, 0);
        if let Some(walk) = self.walk.take() {
            self.stretches.end_walk(walk);
        }
    }
}

impl Drop for DeadRun<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

/// What is left of a range from `bound` on.
pub(super) fn cut<'a>(range: KeyRange<'a>, bound: &'a [u8], reverse: bool) -> KeyRange<'a> {
    if reverse {
        KeyRange {
            end: Some(bound),
            ..range
        }
    } else {
        KeyRange { start: bound, ..range }
    }
}
