//! Rows of a range in key order: memtables and tables merged, the newest row of each key. Holds no lock between rows;
//! keeps alive the memtables and tables it began with, so it must not be kept for long.

use std::cell::Cell;
use std::sync::Arc;

use super::memtable::{Memtable, Rows};
use super::shared::Shared;
use super::tables::{TableRange, TableRow};
use super::KeyRange;
use crate::waits::timed;
use crate::{StoreError, Wait};

/// One sorted run of a memtable, and which of its rows are left. Those who look at a key can go on meanwhile.
struct Source {
    rows: Rows<Arc<Memtable>>,
    low: Cell<usize>,
    high: Cell<usize>,
}

impl Source {
    /// Number and key of the row that is next.
    #[inline]
    fn head(&self, reverse: bool) -> Option<(usize, &[u8])> {
        let (low, high) = (self.low.get(), self.high.get());
        if low == high {
            return None;
        }
        let at = if reverse { high - 1 } else { low };
        Some((at, self.rows.key(at)))
    }

    #[inline]
    fn pass(&self, reverse: bool) {
        if reverse {
            self.high.set(self.high.get() - 1);
        } else {
            self.low.set(self.low.get() + 1);
        }
    }
}

enum Current {
    None,
    /// A source and the number of a row.
    InMemory(usize, usize),
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
                let low = run.lower_bound(range.start);
                let high = range.end.map_or(run.len(), |end| run.lower_bound(end));
                if low < high {
                    sources.push(Source {
                        rows: Rows::new(Arc::clone(memtable), run),
                        low: Cell::new(low),
                        high: Cell::new(high),
                    });
                }
            }
        }
        let (tables, table_head) = timed(Wait::Tables, || {
            let mut tables = shared.tables.range(range.start, range.end);
            let head = tables.next(reverse, &shared.tables)?;
            Ok((tables, head))
        })?;
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
        let mut best: Option<(usize, usize, &[u8])> = None;
        for (number, source) in self.sources.iter().enumerate() {
            // Equal keys: the earlier source is the newer one.
            if let Some((at, key)) = source.head(reverse) {
                if best.is_none_or(|(_, _, best)| comes_first(key, best)) {
                    best = Some((number, at, key));
                }
            }
        }
        let from_tables = match (&best, &self.table_head) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some((_, _, best)), Some(row)) => comes_first(row.key(), best),
        };
        if from_tables {
            let next = self.tables.next(reverse, &self.shared.tables)?;
            self.current = match std::mem::replace(&mut self.table_head, next) {
                Some(row) => Current::InTables(row),
                None => Current::None,
            };
            return Ok(true);
        }
        let Some((number, at, best)) = best else {
            self.current = Current::None;
            return Ok(false);
        };
        for source in &self.sources {
            if source.head(reverse).is_some_and(|(_, key)| key == best) {
                source.pass(reverse);
            }
        }
        if self.table_head.as_ref().is_some_and(|row| row.key() == best) {
            self.table_head = self.tables.next(reverse, &self.shared.tables)?;
        }
        self.current = Current::InMemory(number, at);
        Ok(true)
    }

    /// Leaves out what comes before `bound`; downwards, `bound` and what lies above it. The tables are looked at as they are
    /// now: that is no older than before, and readers go by revisions.
    pub(super) fn seek(&mut self, bound: &[u8]) -> Result<(), StoreError> {
        if self.reverse {
            self.end = Some(bound.to_vec());
            for Source { rows, low, high } in &self.sources {
                high.set(high.get().min(rows.lower_bound(bound)).max(low.get()));
            }
        } else {
            self.start = bound.to_vec();
            for Source { rows, low, high } in &self.sources {
                low.set(low.get().max(rows.lower_bound(bound)).min(high.get()));
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
            Current::InMemory(source, at) => {
                let Source { rows, .. } = &self.sources[*source];
                (rows.key(*at), rows.row(*at))
            }
            Current::InTables(row) => (row.key(), row.row()),
        }
    }
}
