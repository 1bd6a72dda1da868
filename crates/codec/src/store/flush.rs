//! What a flush writes beside rows: where in the Raft log it stands, where history ends, and how the machine's own state and the
//! deleted ranges are cut into pieces. Knows no tables.
//!
//! ```text
//! 'm'               [u64 index][u64 term][u64 revision][u64 compacted][u64 segment][u64 offset][u32 pieces][u32 crc32c]
//! 'r'               [u32 pieces][u32 crc32c of all of them]      the deleted ranges; older stores have none
//! 'r' [u32 number]  a piece of them, as for 's'
//! 's' [u32 number]  a piece of the machine's state, numbered from 0, big-endian so that they lie in order
//! ```

use crate::reader::{patch_u32, patch_u64, u32_at, u64_at, Malformed, Parsed};

/// Name of the row of a flush.
pub const MARK_NAME: &[u8] = b"m";
/// Name of the row of the deleted ranges.
pub const RANGES_NAME: &[u8] = b"r";

const MARK_BYTES: usize = 56;
const RANGES_BYTES: usize = 8;

/// What is cut into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// The machine's state.
    State,
    /// The deleted ranges.
    Ranges,
}

impl Pieces {
    /// Name of the row of a piece.
    #[must_use]
    pub const fn name(self, number: u32) -> [u8; 5] {
        let [a, b, c, d] = number.to_be_bytes();
        let family = match self {
            Self::State => b's',
            Self::Ranges => b'r',
        };
        [family, a, b, c, d]
    }
}

/// The row of a flush: what it made persistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushMark {
    /// Index of the last entry applied.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// The store's revision after it.
    pub revision: u64,
    /// The revision up to which history may be compacted.
    pub compacted: u64,
    /// The last segment of history.
    pub segment: u64,
    /// Where in it the last record ends.
    pub offset: u64,
    /// Pieces of the machine's state.
    pub pieces: u32,
}

impl FlushMark {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; MARK_BYTES] {
        let mut row = [0; MARK_BYTES];
        let fields = [
            self.index,
            self.term,
            self.revision,
            self.compacted,
            self.segment,
            self.offset,
        ];
        for (at, field) in fields.into_iter().enumerate() {
            patch_u64(&mut row, at * 8, field);
        }
        patch_u32(&mut row, 48, self.pieces);
        let crc = rafterdb_hash::crc32c(&row[..MARK_BYTES - 4]);
        patch_u32(&mut row, 52, crc);
        row
    }

    /// The mark that `row` is.
    pub fn decode(row: &[u8]) -> Parsed<Self> {
        let row = <&[u8; MARK_BYTES]>::try_from(row)
            .map_err(|_| Malformed("the row of the last flush has a wrong length"))?;
        if rafterdb_hash::crc32c(&row[..MARK_BYTES - 4]) != u32_at(row, 52) {
            return Err(Malformed("the row of the last flush fails its checksum"));
        }
        Ok(Self {
            index: u64_at(row, 0),
            term: u64_at(row, 8),
            revision: u64_at(row, 16),
            compacted: u64_at(row, 24),
            segment: u64_at(row, 32),
            offset: u64_at(row, 40),
            pieces: u32_at(row, 48),
        })
    }
}

/// The row of the deleted ranges: in how many pieces they are, and their checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangesMark {
    /// Pieces.
    pub pieces: u32,
    crc: u32,
}

impl RangesMark {
    /// Of a set that is cut into so many pieces.
    #[must_use]
    pub fn of(set: &[u8], pieces: u32) -> Self {
        let crc = rafterdb_hash::crc32c(set);
        Self { pieces, crc }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; RANGES_BYTES] {
        let mut row = [0; RANGES_BYTES];
        patch_u32(&mut row, 0, self.pieces);
        patch_u32(&mut row, 4, self.crc);
        row
    }

    /// The mark that `row` is.
    pub fn decode(row: &[u8]) -> Parsed<Self> {
        let row = <&[u8; RANGES_BYTES]>::try_from(row)
            .map_err(|_| Malformed("the row of the deleted ranges has a wrong length"))?;
        Ok(Self {
            pieces: u32_at(row, 0),
            crc: u32_at(row, 4),
        })
    }

    /// Malformed unless `set`, put together again, is the one that was cut.
    pub fn check(&self, set: &[u8]) -> Parsed<()> {
        if rafterdb_hash::crc32c(set) == self.crc {
            Ok(())
        } else {
            Err(Malformed("the deleted ranges fail their checksum"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: FlushMark = FlushMark {
        index: 1,
        term: 2,
        revision: 300,
        compacted: 4,
        segment: 5,
        offset: 6,
        pieces: 7,
    };

    #[test]
    fn names_lie_in_the_order_of_their_numbers() {
        assert_eq!(Pieces::State.name(0x0102), *b"s\0\0\x01\x02");
        assert_eq!(Pieces::Ranges.name(1), *b"r\0\0\0\x01");
        assert!(Pieces::State.name(255) < Pieces::State.name(256));
    }

    #[test]
    fn the_bytes_of_a_mark_are_those_of_the_table() {
        let numbers = [1_u64, 2, 300, 4, 5, 6];
        let fields: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let fields = [&fields[..], &[7, 0, 0, 0]].concat();
        let crc = rafterdb_hash::crc32c(&fields).to_le_bytes();
        assert_eq!(MARK.encode()[..], [&fields[..], &crc].concat());
        assert_eq!(FlushMark::decode(&MARK.encode()), Ok(MARK));
    }

    #[test]
    fn a_mark_that_is_cut_short_or_damaged_is_refused() {
        let row = MARK.encode();
        assert!((0..row.len()).all(|end| FlushMark::decode(&row[..end]).is_err()));
        for at in 0..row.len() {
            let mut damaged = row;
            damaged[at] ^= 1;
            assert!(FlushMark::decode(&damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_mark_of_deleted_ranges_is_of_one_set_only() {
        let mark = RangesMark::of(b"set", 2);
        let crc = rafterdb_hash::crc32c(b"set").to_le_bytes();
        assert_eq!(mark.encode()[..], [&[2, 0, 0, 0], &crc[..]].concat());
        assert_eq!(RangesMark::decode(&mark.encode()), Ok(mark));
        assert!(RangesMark::decode(&mark.encode()[1..]).is_err());
        assert!(mark.check(b"set").is_ok() && mark.check(b"sets").is_err());
    }
}
