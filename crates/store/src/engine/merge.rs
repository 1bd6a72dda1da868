//! Rows of a range in key order: memtables and tables merged, the newest row of each key. Holds no lock between rows;
//! keeps alive the memtables and tables it began with, so it must not be kept for long.

use std::sync::Arc;

use super::memtable::{Memtable, Reading, Slot};
use super::order::{lower_bound, Run};
use super::shared::Shared;
use super::tables::{TableRange, TableRow};
use super::KeyRange;
use crate::StoreError;

/// One sorted run of a memtable: what is left of it.
struct Source {
    /// Keeps the slots of the run and their rows.
    _reading: Reading<Arc<Memtable>>,
    run: Run,
    low: usize,
    high: usize,
}

impl Source {
    fn head(&self, reverse: bool) -> Option<Slot> {
        if self.low == self.high {
            return None;
        }
        let at = if reverse { self.high - 1 } else { self.low };
        Some(self.run[at].slot)
    }

    fn pass(&mut self, reverse: bool) {
        if reverse {
            self.high -= 1;
        } else {
            self.low += 1;
        }
    }
}

enum Current {
    None,
    InMemory(Slot),
    InTables(TableRow),
}

pub(super) struct Merge<'e> {
    shared: &'e Shared,
    reverse: bool,
    /// What is left of the range, as it was asked for and as `seek` cut it.
    start: Vec<u8>,
    end: Option<Vec<u8>>,
    /// Newest first.
    sources: Vec<Source>,
    tables: TableRange,
    table_head: Option<TableRow>,
    current: Current,
}

impl<'e> Merge<'e> {
    pub(super) fn new(shared: &'e Shared, range: KeyRange<'_>, reverse: bool) -> Result<Self, StoreError> {
        // The memtables before the tables: a flush in between then shows its rows twice, never not at all.
        let view = shared.view.load_full();
        let mut sources = Vec::new();
        let sealed = view.sealed.as_ref().filter(|sealed| !sealed.flushed);
        for memtable in std::iter::once(&view.active).chain(sealed.map(|sealed| &sealed.memtable)) {
            for run in memtable.runs() {
                let low = lower_bound(&run, range.start);
                let high = range.end.map_or(run.len(), |end| lower_bound(&run, end));
                if low < high {
                    sources.push(Source {
                        _reading: Reading::new(Arc::clone(memtable)),
                        run,
                        low,
                        high,
                    });
                }
            }
        }
        let mut tables = shared.tables.range(range.start, range.end);
        let table_head = tables.next(reverse, &shared.tables)?;
        Ok(Self {
            shared,
            reverse,
            start: range.start.to_vec(),
            end: range.end.map(<[u8]>::to_vec),
            sources,
            tables,
            table_head,
            current: Current::None,
        })
    }

    /// Goes to the next key. `false` at the end.
    pub(super) fn advance(&mut self) -> Result<bool, StoreError> {
        let reverse = self.reverse;
        let comes_first = |key: &[u8], best: &[u8]| if reverse { key > best } else { key < best };
        let mut best: Option<Slot> = None;
        for head in self.sources.iter().filter_map(|source| source.head(reverse)) {
            // Equal keys: the earlier source is the newer one.
            if best.is_none_or(|best| comes_first(head.key(), best.key())) {
                best = Some(head);
            }
        }
        let from_tables = match (&best, &self.table_head) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(best), Some(row)) => comes_first(row.key(), best.key()),
        };
        if from_tables {
            let next = self.tables.next(reverse, &self.shared.tables)?;
            self.current = match std::mem::replace(&mut self.table_head, next) {
                Some(row) => Current::InTables(row),
                None => Current::None,
            };
            return Ok(true);
        }
        let Some(best) = best else {
            self.current = Current::None;
            return Ok(false);
        };
        for source in &mut self.sources {
            if source.head(reverse).is_some_and(|head| head.key() == best.key()) {
                source.pass(reverse);
            }
        }
        if self.table_head.as_ref().is_some_and(|row| row.key() == best.key()) {
            self.table_head = self.tables.next(reverse, &self.shared.tables)?;
        }
        self.current = Current::InMemory(best);
        Ok(true)
    }

    /// Leaves out what comes before `bound`; downwards, `bound` and what lies above it. The tables are looked at as they are
    /// now: that is no older than before, and readers go by revisions.
    pub(super) fn seek(&mut self, bound: &[u8]) -> Result<(), StoreError> {
        if self.reverse {
            self.end = Some(bound.to_vec());
            for source in &mut self.sources {
                source.high = source.high.min(lower_bound(&source.run, bound)).max(source.low);
            }
        } else {
            self.start = bound.to_vec();
            for source in &mut self.sources {
                source.low = source.low.max(lower_bound(&source.run, bound)).min(source.high);
            }
        }
        self.table_head = None;
        if self.end.as_ref().is_none_or(|end| self.start < *end) {
            self.tables = self.shared.tables.range(&self.start, self.end.as_deref());
            self.table_head = self.tables.next(self.reverse, &self.shared.tables)?;
        }
        Ok(())
    }

    /// Key and packed row that the last `advance` came to.
    pub(super) fn current(&self) -> (&[u8], &[u8]) {
        match &self.current {
            Current::None => (&[], &[]),
            // SAFETY: `sources` holds a reading of the slot's memtable for as long as this is borrowed.
            Current::InMemory(slot) => (slot.key(), unsafe { slot.row() }),
            Current::InTables(row) => (row.key(), row.row()),
        }
    }
}
