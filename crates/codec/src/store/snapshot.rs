//! What the chunks of a snapshot's stream hold. Owns their kinds and the layouts of the first and the last; knows no stream.
//!
//! ```text
//! 1 HEADER    ["RDBSNAP1", or 2 if there are RANGES, or 3 of an increment][u64 index][u64 term][u64 revision][u64 compacted]
//!             [u64 bytes of state], and of an increment [u64 base]
//! 2 STATE     the machine's state (machine_state.rs), in as many chunks as it takes
//! 6 RANGES    the deleted ranges (range_tombstone.rs), in as many chunks as it takes
//! 3 HISTORY   history records (record.rs) with compacted ≤ revision ≤ the snapshot's, in order; one that replaced a version of
//!             the compacted revision or before carries it as its before-image
//! 4 ROWS      pairs (pair.rs) of key and packed row: the rows at the snapshot's revision, in key order, with those tombstones
//!             that are not compacted, and without rows of ranges whose deletion is
//! 5 END       [u64 records][u64 rows], and of an increment [u64 hash]
//! ```
//!
//! An increment is for who has all up to its base, compacted ≤ base ≤ revision: of HISTORY and ROWS it has what is of revisions above
//! that, and END counts and hashes what the whole stream would have.

use crate::reader::u64_at;

/// The first chunk.
pub const HEADER: u32 = 1;
/// A piece of the machine's state.
pub const STATE: u32 = 2;
/// Records of history.
pub const HISTORY: u32 = 3;
/// Rows.
pub const ROWS: u32 = 4;
/// The last chunk.
pub const END: u32 = 5;
/// A piece of the deleted ranges.
pub const RANGES: u32 = 6;

const MAGIC: &[u8; 8] = b"RDBSNAP1";
/// Of one with deleted ranges, which older versions do not know.
const MAGIC_RANGES: &[u8; 8] = b"RDBSNAP2";
/// Of an increment, which a member is sent that has said what it has.
const MAGIC_INCREMENT: &[u8; 8] = b"RDBSNAP3";
const HEADER_FIELDS_BYTES: usize = 40;
const END_BYTES: usize = 16;

/// What the first chunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Index of the last entry applied.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// The store's revision after it.
    pub revision: u64,
    /// The compacted revision.
    pub compacted: u64,
    /// Bytes of the machine's state.
    pub state_bytes: u64,
    /// Whether there are deleted ranges. Not told by an increment: `true`.
    pub has_ranges: bool,
    /// Up to which revision the receiver has all, of an increment.
    pub base: Option<u64>,
}

impl Header {
    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match (self.base, self.has_ranges) {
            (Some(_), _) => MAGIC_INCREMENT,
            (None, true) => MAGIC_RANGES,
            (None, false) => MAGIC,
        });
        let fields = [self.index, self.term, self.revision, self.compacted, self.state_bytes];
        for field in fields.into_iter().chain(self.base) {
            out.extend_from_slice(&field.to_le_bytes());
        }
    }

    /// The header that `raw` is; `None` if it is not one that this version knows.
    #[must_use]
    pub fn decode(raw: &[u8]) -> Option<Self> {
        let (magic, raw) = raw.split_first_chunk::<8>()?;
        let (fields, rest) = raw.split_first_chunk::<HEADER_FIELDS_BYTES>()?;
        let base = match magic {
            MAGIC | MAGIC_RANGES if rest.is_empty() => None,
            MAGIC_INCREMENT => Some(u64::from_le_bytes(rest.try_into().ok()?)),
            _ => return None,
        };
        Some(Self {
            index: u64_at(fields, 0),
            term: u64_at(fields, 8),
            revision: u64_at(fields, 16),
            compacted: u64_at(fields, 24),
            state_bytes: u64_at(fields, 32),
            has_ranges: magic != MAGIC,
            base,
        })
    }
}

/// What the last chunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// How many records of history came.
    pub records: u64,
    /// How many rows.
    pub rows: u64,
    /// The hash of all of them, of an increment.
    pub hash: Option<u64>,
}

impl End {
    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for field in [self.records, self.rows].into_iter().chain(self.hash) {
            out.extend_from_slice(&field.to_le_bytes());
        }
    }

    /// The end that `raw` is; `None` if it is none.
    #[must_use]
    pub fn decode(raw: &[u8]) -> Option<Self> {
        let (fields, rest) = raw.split_first_chunk::<END_BYTES>()?;
        let hash = match rest {
            [] => None,
            hash => Some(u64::from_le_bytes(hash.try_into().ok()?)),
        };
        Some(Self {
            records: u64_at(fields, 0),
            rows: u64_at(fields, 8),
            hash,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: &[u64]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    #[test]
    fn the_bytes_of_a_header_are_those_of_the_table() {
        for (has_ranges, base, magic) in [
            (false, None, b"RDBSNAP1"),
            (true, None, b"RDBSNAP2"),
            (true, Some(50), b"RDBSNAP3"),
        ] {
            let header = Header {
                index: 9,
                term: 2,
                revision: 300,
                compacted: 40,
                state_bytes: 5,
                has_ranges,
                base,
            };
            let mut raw = Vec::new();
            header.encode(&mut raw);
            let base: Vec<u64> = base.into_iter().collect();
            assert_eq!(
                raw,
                [&magic[..], &numbers(&[9, 2, 300, 40, 5]), &numbers(&base)].concat()
            );
            assert_eq!(Header::decode(&raw), Some(header));
            assert!((0..raw.len()).all(|end| Header::decode(&raw[..end]).is_none()));
            raw.push(0);
            assert_eq!(Header::decode(&raw), None, "longer than a header");
        }
        let newer = [&b"RDBSNAP4"[..], &[0; HEADER_FIELDS_BYTES]].concat();
        assert_eq!(Header::decode(&newer), None);
    }

    #[test]
    fn the_bytes_of_an_end_are_those_of_the_table() {
        for (hash, bytes) in [(None, numbers(&[7, 300])), (Some(5), numbers(&[7, 300, 5]))] {
            let end = End {
                records: 7,
                rows: 300,
                hash,
            };
            let mut raw = Vec::new();
            end.encode(&mut raw);
            assert_eq!(raw, bytes);
            assert_eq!(End::decode(&raw), Some(end));
            assert_eq!(End::decode(&raw[1..]), None);
            assert_eq!(End::decode(&[&raw[..], &[0]].concat()), None);
        }
    }
}
