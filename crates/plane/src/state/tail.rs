//! The recent end of one group's log in memory: what followers and the apply thread read without touching the disk.
//! Knows nothing of durability or commitment; older entries come from the log's files.

use std::collections::VecDeque;

use rafterdb_codec::{skip_entries, split_entries};
use rafterdb_pool::Slice;

/// Consecutive entries of one term, as they were proposed or received.
#[derive(Clone, Debug)]
pub struct Block {
    /// Index of the first entry.
    pub first: u64,
    /// Term of all of them.
    pub term: u64,
    /// How many.
    pub count: u64,
    /// Their bytes, as in FORMATS.md `block`.
    pub bytes: Slice,
}

impl Block {
    /// Index after the last entry.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.first + self.count
    }

    /// The part of the block with `first` ≤ index < `end`, clipped to what it has; walks the length prefixes.
    #[must_use]
    pub fn slice(&self, first: u64, end: u64) -> Self {
        let (first, end) = (first.max(self.first), end.min(self.end()));
        if first == self.first && end == self.end() {
            return self.clone();
        }
        let from = offset_of(&self.bytes, first - self.first);
        let to = from + offset_of(&self.bytes[from..], end - first);
        Self {
            first,
            term: self.term,
            count: end - first,
            bytes: self.bytes.slice(from..to),
        }
    }
}

/// Where entry number `n` of a block begins. The block's lengths were checked when it entered the log.
fn offset_of(block: &[u8], n: u64) -> usize {
    let rest = skip_entries(block, n).expect("invariant: the log holds whole entries");
    block.len() - rest.len()
}

/// Cuts consecutive blocks down to what one message holds: `bytes_max`, unless it is one entry, and `runs_max` terms.
pub fn clip(blocks: &mut Vec<Block>, bytes_max: usize, runs_max: usize) {
    let Some(first) = blocks.first_mut() else { return };
    if first.bytes.len() > bytes_max {
        let (bytes, count) = split_entries(&first.bytes, bytes_max).expect("invariant: the log holds whole entries");
        first.count = count;
        first.bytes = first.bytes.slice(..bytes);
        return blocks.truncate(1);
    }
    let (mut bytes, mut runs, mut term) = (0, 0, 0);
    let mut fits = |block: &Block| {
        bytes += block.bytes.len();
        runs += usize::from(block.term != term);
        term = block.term;
        bytes <= bytes_max && runs <= runs_max
    };
    let kept = blocks.iter().take_while(|block| fits(block)).count();
    blocks.truncate(kept);
}

/// Blocks at the end that are looked at one by one before the rest is searched: nearly all reads begin there.
const NEAR_END: usize = 8;

/// Blocks in index order without gaps, oldest dropped first when over the budget.
#[derive(Debug, Default)]
pub struct Tail {
    blocks: VecDeque<Block>,
    bytes: usize,
}

impl Tail {
    /// Adds a block at the end; it must follow the last one.
    pub fn push(&mut self, block: Block) {
        if let Some(last) = self.blocks.back() {
            assert!(
                last.end() == block.first,
                "tail gap: block {} after end {}",
                block.first,
                last.end()
            );
        }
        self.bytes += block.bytes.len();
        self.blocks.push_back(block);
    }

    /// Forgets every entry from `first` on.
    pub fn truncate(&mut self, first: u64) {
        while let Some(last) = self.blocks.pop_back() {
            self.bytes -= last.bytes.len();
            if last.end() <= first || last.first < first {
                let kept = last.slice(last.first, first);
                self.bytes += kept.bytes.len();
                self.blocks.push_back(kept);
                return;
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.blocks.clear();
        self.bytes = 0;
    }

    /// Drops the oldest blocks while over `budget` bytes, but none that reaches beyond `applied`.
    pub fn trim(&mut self, budget: usize, applied: u64) {
        while self.bytes > budget {
            match self.blocks.front() {
                Some(block) if block.end() <= applied + 1 => {
                    self.bytes -= block.bytes.len();
                    self.blocks.pop_front();
                }
                _ => return,
            }
        }
    }

    /// Appends the blocks with the entries from `first` up to `end` (exclusive) to `into`, stopping once they hold `bytes_max`
    /// but never before one block. False, and nothing is appended, if `first` is older than the tail.
    pub fn read(&self, first: u64, end: u64, bytes_max: usize, into: &mut Vec<Block>) -> bool {
        match self.blocks.front() {
            Some(block) if block.first <= first => {}
            _ => return false,
        }
        let before = |block: &Block| block.end() <= first;
        let start = match self.blocks.iter().rev().take(NEAR_END).position(before) {
            Some(after) => self.blocks.len() - after,
            None => self.blocks.partition_point(before),
        };
        let mut bytes = 0;
        for block in self.blocks.range(start..) {
            if block.first >= end || bytes >= bytes_max {
                break;
            }
            let part = block.slice(first, end);
            bytes += part.bytes.len();
            into.push(part);
        }
        bytes > 0
    }
}

#[cfg(test)]
mod tests {
    use rafterdb_codec::{Entry, EntryKind};
    use rafterdb_pool::Buffer;

    use super::*;

    fn frozen(bytes: &[u8]) -> Slice {
        let mut buffer = Buffer::new(bytes.len());
        buffer.copy_from_slice(bytes);
        buffer.freeze(bytes.len())
    }

    fn block(first: u64, term: u64, sizes: &[usize]) -> Block {
        let mut bytes = Vec::new();
        for (i, size) in sizes.iter().enumerate() {
            let body = vec![u8::try_from(i).unwrap(); *size];
            Entry::new(EntryKind::Batch, &body).encode(&mut bytes).unwrap();
        }
        Block {
            first,
            term,
            count: sizes.len() as u64,
            bytes: frozen(&bytes),
        }
    }

    fn read(tail: &Tail, first: u64, end: u64, bytes_max: usize) -> Vec<Block> {
        let mut blocks = Vec::new();
        assert_eq!(tail.read(first, end, bytes_max, &mut blocks), !blocks.is_empty());
        blocks
    }

    #[test]
    fn a_range_is_cut_out_of_its_blocks() {
        let mut tail = Tail::default();
        tail.push(block(5, 1, &[3, 4, 5]));
        tail.push(block(8, 2, &[1, 2]));
        let parts = read(&tail, 6, 9, usize::MAX);
        assert_eq!(
            parts
                .iter()
                .map(|b| (b.first, b.count, b.bytes.len()))
                .collect::<Vec<_>>(),
            [(6, 2, 25), (8, 1, 9)]
        );
        assert!(read(&tail, 4, 9, usize::MAX).is_empty(), "older than the tail");
    }

    #[test]
    fn a_read_begins_at_any_entry_near_the_end_or_far_from_it() {
        let mut tail = Tail::default();
        for n in 0..50 {
            tail.push(block(10 + 2 * n, 1, &[1, 1]));
        }
        for first in 10..110 {
            let parts = read(&tail, first, u64::MAX, usize::MAX);
            assert_eq!(parts[0].first, first);
            assert_eq!(parts.iter().map(|b| b.count).sum::<u64>(), 110 - first);
        }
        assert!(read(&tail, 110, u64::MAX, usize::MAX).is_empty());
    }

    #[test]
    fn truncation_inside_a_block_keeps_its_head() {
        let mut tail = Tail::default();
        tail.push(block(1, 1, &[3, 4, 5]));
        tail.push(block(4, 1, &[1]));
        tail.truncate(3);
        tail.push(block(3, 2, &[9]));
        let parts = read(&tail, 1, 10, usize::MAX);
        assert_eq!(
            parts.iter().map(|b| (b.first, b.term, b.count)).collect::<Vec<_>>(),
            [(1, 1, 2), (3, 2, 1)]
        );
    }

    fn shape(blocks: &[Block]) -> Vec<(u64, u64, usize)> {
        blocks.iter().map(|b| (b.first, b.count, b.bytes.len())).collect()
    }

    #[test]
    fn a_message_holds_what_it_may_and_at_least_one_entry() {
        let all = [block(1, 1, &[92, 92]), block(3, 1, &[92]), block(4, 2, &[92])];
        for (bytes_max, expected) in [
            (400, vec![(1, 2, 200), (3, 1, 100), (4, 1, 100)]),
            (399, vec![(1, 2, 200), (3, 1, 100)]),
            (299, vec![(1, 2, 200)]),
            (199, vec![(1, 1, 100)]),
            (10, vec![(1, 1, 100)]),
        ] {
            let mut blocks = all.to_vec();
            clip(&mut blocks, bytes_max, 8);
            assert_eq!(shape(&blocks), expected);
        }
        let mut blocks = all.to_vec();
        clip(&mut blocks, 400, 1);
        assert_eq!(shape(&blocks), [(1, 2, 200), (3, 1, 100)]);
        clip(&mut Vec::new(), 400, 1);
    }

    #[test]
    fn trim_never_drops_what_is_not_applied() {
        let mut tail = Tail::default();
        tail.push(block(1, 1, &[100]));
        tail.push(block(2, 1, &[100]));
        tail.trim(0, 1);
        assert_eq!(read(&tail, 2, 3, 1).len(), 1);
        assert!(read(&tail, 1, 3, 1).is_empty());
    }
}
