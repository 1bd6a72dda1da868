//! Reads entries back from the segments, beside the writer: for followers that are behind, and to replay the store.
//! Sees what `commit` has finished, and nothing else.

use std::sync::Arc;

use rafterdb_codec::log::{visit_records, Record};
use rafterdb_codec::{entries_bytes, Code};
use rafterdb_pool::{Pool, TIERS};

use crate::error::WalError;
use crate::index::{Group, Region, Shared};
use crate::scan::{Found, Scan};

/// Reads the log. Any thread may use it at any time.
#[derive(Debug)]
pub struct Reader {
    shared: Shared,
    pool: Arc<Pool>,
}

/// What a read appended to its output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadBlock {
    /// (term, count) of each run of entries of one term, in order.
    pub runs: Vec<(u64, u32)>,
    /// Entries in all.
    pub count: u32,
}

impl Reader {
    pub(crate) fn new(shared: Shared, pool: Arc<Pool>) -> Self {
        Self { shared, pool }
    }

    /// Appends the entries first ≤ index < end of a group to `out`, as FORMATS.md calls a block: at least one, and no
    /// more than `bytes_max` bytes unless it is one. Stops at the last entry if `end` is beyond it.
    ///
    /// Errors: `COMPACTED` if `first` is at or below the group's start (it may just have been cut), `INVALID_ARGUMENT`
    /// if there is no such entry, `LOG_CORRUPT`, `IO`.
    pub fn read(
        &self,
        group: u16,
        first: u64,
        end: u64,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> Result<ReadBlock, WalError> {
        // All places are looked up at once: entries of the log as it is now, even if the writer cuts it meanwhile.
        let regions = {
            let index = self.shared.read();
            let log = index.groups.get(&group);
            let (start, last) = log.map_or((0, 0), |log| (log.start.0, log.last));
            if first <= start {
                let text = format!("log: entry {first} of group {group} is gone; the log starts after {start}");
                return Err(WalError::new(Code::Compacted, text));
            }
            match log {
                Some(log) if first <= last && first < end => index.regions(log, first, end, bytes_max as u64),
                _ => {
                    let text = format!("log: group {group} has no entries from {first} to {end}; its last is {last}");
                    return Err(WalError::new(Code::InvalidArgument, text));
                }
            }
        };
        let step = if bytes_max > TIERS[2] { TIERS[3] } else { TIERS[2] };
        let mut taking = Taking {
            group,
            next: first,
            room: bytes_max,
            out,
            block: ReadBlock::default(),
            is_full: false,
        };
        for region in &regions {
            if taking.is_full {
                break;
            }
            self.take_region(region, step, &mut taking)?;
        }
        Ok(taking.block)
    }

    fn take_region(&self, region: &Region, step: usize, taking: &mut Taking<'_>) -> Result<(), WalError> {
        let segment = &region.segment;
        let mut scan = Scan::new(segment, &self.pool, step);
        let mut offset = region.offset;
        let mut sequence = None;
        // Records before the region's first may hold entries of the same indexes, overwritten in the same batch.
        let mut skip = region.record;
        while taking.next < region.end && !taking.is_full {
            let damaged = |what: &str| WalError::corrupt(&segment.path, offset, what);
            let Found::Batch(header, bytes) = scan.batch(offset, sequence.unwrap_or(0))? else {
                return Err(damaged("a batch that was read or written before is not sound any more"));
            };
            if sequence.is_some_and(|sequence| sequence != header.sequence) {
                return Err(damaged("its batches are out of sequence"));
            }
            let mut is_framed = true;
            visit_records(segment.header.nonce, &header, bytes, |of, record| match record {
                _ if skip > 0 => skip -= 1,
                Record::Entries {
                    first,
                    term,
                    count,
                    block,
                } if of == taking.group => {
                    is_framed &= taking.take(first, term, u64::from(count), block, region.end);
                }
                _ => {}
            })
            .map_err(|_| damaged("a record that was read or written before is not sound any more"))?;
            if !is_framed {
                return Err(damaged("a block does not hold the entries it should"));
            }
            offset += header.padded();
            sequence = Some(header.sequence + 1);
        }
        Ok(())
    }

    /// Bytes that a group's entries take in the log, up to 64 KiB too many.
    #[must_use]
    pub fn log_bytes(&self, group: u16) -> u64 {
        self.shared.read().groups.get(&group).map_or(0, Group::bytes)
    }

    /// Bytes of the whole log, all groups, that cannot be freed before this group's first entry is cut.
    #[must_use]
    pub fn held_bytes(&self, group: u16) -> u64 {
        let index = self.shared.read();
        index.groups.get(&group).map_or(0, |log| log.log_bytes(index.log_end))
    }

    /// Bytes of a group's entries after `index`, and of the whole log, all groups, from there on. About: never too few.
    #[must_use]
    pub fn bytes_after(&self, group: u16, index: u64) -> (u64, u64) {
        let shared = self.shared.read();
        let bytes = |log: &Group| log.bytes_after(index, shared.log_end);
        shared.groups.get(&group).map_or((0, 0), bytes)
    }

    /// Bytes ever written to the log, as positions in it count.
    #[must_use]
    pub fn end_bytes(&self) -> u64 {
        self.shared.read().log_end
    }

    /// (index after which the group's log starts, index of its last entry).
    #[must_use]
    pub fn bounds(&self, group: u16) -> (u64, u64) {
        self.shared
            .read()
            .groups
            .get(&group)
            .map_or((0, 0), |log| (log.start.0, log.last))
    }

    /// The term of an entry or of the start; `None` outside the log.
    #[must_use]
    pub fn term(&self, group: u16, index: u64) -> Option<u64> {
        self.shared.read().groups.get(&group).and_then(|log| log.term(index))
    }
}

/// A read under way.
struct Taking<'a> {
    group: u16,
    /// Index of the next entry.
    next: u64,
    /// Bytes that may still be taken.
    room: usize,
    out: &'a mut Vec<u8>,
    block: ReadBlock,
    is_full: bool,
}

impl Taking<'_> {
    /// Takes what is wanted of a record's entries, below `end`. False if the block does not hold what it should.
    fn take(&mut self, first: u64, term: u64, count: u64, block: &[u8], end: u64) -> bool {
        let end = end.min(first + count);
        if self.is_full || self.next < first || self.next >= end {
            return true;
        }
        let Some(skip) = entries_bytes(block, self.next - first) else {
            return false;
        };
        let block = &block[skip..];
        let (mut taken, mut length) = (0u32, 0usize);
        while self.next < end {
            let Some(entry) = entries_bytes(&block[length..], 1) else {
                return false;
            };
            if entry > self.room && self.block.count + taken > 0 {
                self.is_full = true;
                break;
            }
            self.room = self.room.saturating_sub(entry);
            length += entry;
            taken += 1;
            self.next += 1;
        }
        self.out.extend_from_slice(&block[..length]);
        self.block.count += taken;
        match self.block.runs.last_mut() {
            Some((last, run)) if *last == term => *run += taken,
            _ if taken > 0 => self.block.runs.push((term, taken)),
            _ => {}
        }
        true
    }
}
