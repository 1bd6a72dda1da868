//! The files of history: their header, their footer and the sparse index in it. Knows no records but their places.
//!
//! ```text
//! file     [header][record …][footer]            the last segment, still being written, has no footer
//! header   ["RDBHIST1"][u64 number][u64 floor][u32 crc32c of the 24 bytes before][4 × 0]
//! footer   [index: (u64 revision, u64 offset) …][chain, or nothing][tail]
//! chain    [u64 oldest][u64 previous][u64 until]      of a survivors file, whose tail ends in "RDBHSURV" instead
//! tail     [u64 first][u64 last][u64 end of records][u32 entries][u32 crc32c]["RDBHFOOT"]
//! ```
//! Segments are numbered from 1 without gaps. The tail's checksum covers index, chain and the tail's fields before it. A survivors
//! file has the same form: its number is that of the first segment kept, its floor the revision compacted. The newest survivors
//! file says which others count: `previous` is the floor of the one before it, 0 if there is none, `oldest` that of the first. No
//! change above revision `until` needs anything of it. One that ends in "RDBHFOOT" is of an older version, and the first.

use crate::reader::{patch_u32, patch_u64, u32_at, u32_within, u64_at, u64_within, Malformed, Parsed};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 32;
/// Bytes of a footer's tail.
pub const TAIL_BYTES: usize = 40;
/// Bytes of the tail that no checksum covers: its own, and the magic.
const UNCHECKED_BYTES: usize = 12;
const ENTRY_BYTES: usize = 16;
const CHAIN_BYTES: usize = 24;
const HEADER_MAGIC: &[u8; 8] = b"RDBHIST1";
const FOOTER_MAGIC: &[u8; 8] = b"RDBHFOOT";
const CHAIN_MAGIC: &[u8; 8] = b"RDBHSURV";

/// What a file says of itself at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of the segment; of a survivors file that of the first segment kept.
    pub number: u64,
    /// 0; of a survivors file the revision compacted.
    pub floor: u64,
}

impl Header {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(HEADER_MAGIC);
        patch_u64(&mut header, 8, self.number);
        patch_u64(&mut header, 16, self.floor);
        let crc = rafterdb_hash::crc32c(&header[..24]);
        patch_u32(&mut header, 24, crc);
        header
    }

    /// The header that a file begins with; `bytes` are the first of it, as many as there are of [`HEADER_BYTES`].
    pub fn decode(bytes: &[u8]) -> Parsed<Self> {
        let header = bytes.first_chunk::<HEADER_BYTES>();
        let header = header.filter(|header| header.starts_with(HEADER_MAGIC));
        let header = header.ok_or(Malformed("it is not a history file"))?;
        if rafterdb_hash::crc32c(&header[..24]) != u32_at(header, 24) {
            return Err(Malformed("the header fails its checksum"));
        }
        Ok(Self {
            number: u64_at(header, 8),
            floor: u64_at(header, 16),
        })
    }
}

/// Where some record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its revision.
    pub revision: u64,
    /// Bytes of the file before it.
    pub offset: u64,
}

/// What a survivors file says of others; see above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Floor of the oldest survivors file that counts.
    pub oldest: u64,
    /// Floor of the one before this; 0 if there is none.
    pub previous: u64,
    /// No change above this revision needs anything of the file.
    pub until: u64,
}

/// Revisions and extent of a file's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Revision of the first record; 0 if there is none.
    pub first: u64,
    /// That of the last.
    pub last: u64,
    /// Where the records end and the footer begins.
    pub end: u64,
}

/// The end of a file: what must be known to read its footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// What the file holds.
    pub span: Span,
    /// Entries of the index.
    pub entries: u32,
    /// Whether a chain stands behind the index.
    pub has_chain: bool,
}

impl Tail {
    /// The tail that a file ends with; `bytes` are the last of it, as many as there are of [`TAIL_BYTES`].
    /// Its checksum is the footer's, so that nothing of it is sure before [`Footer::decode`].
    pub fn decode(bytes: &[u8]) -> Parsed<Self> {
        const MISSING: Malformed = Malformed("the footer is missing");
        let tail = bytes.last_chunk::<TAIL_BYTES>().ok_or(MISSING)?;
        let has_chain = tail.ends_with(CHAIN_MAGIC);
        if !has_chain && !tail.ends_with(FOOTER_MAGIC) {
            return Err(MISSING);
        }
        Ok(Self {
            span: Span {
                first: u64_at(tail, 0),
                last: u64_at(tail, 8),
                end: u64_at(tail, 16),
            },
            entries: u32_at(tail, 24),
            has_chain,
        })
    }

    /// Bytes of the footer that ends with this.
    #[must_use]
    pub const fn footer_bytes(&self) -> u64 {
        let chain = if self.has_chain { CHAIN_BYTES } else { 0 };
        self.entries as u64 * ENTRY_BYTES as u64 + (chain + TAIL_BYTES) as u64
    }
}

/// What stands behind the records of a file that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// The sparse index, ascending.
    pub index: Vec<IndexEntry>,
    /// `None` for a segment, and for survivors of an older version.
    pub chain: Option<Chain>,
}

impl Footer {
    /// The footer of a file that holds `span`.
    #[must_use]
    pub fn encode(index: &[IndexEntry], chain: Option<Chain>, span: Span) -> Vec<u8> {
        let mut footer = Vec::with_capacity(index.len() * ENTRY_BYTES + CHAIN_BYTES + TAIL_BYTES);
        let mut push = |number: u64| footer.extend_from_slice(&number.to_le_bytes());
        for entry in index {
            push(entry.revision);
            push(entry.offset);
        }
        if let Some(chain) = chain {
            push(chain.oldest);
            push(chain.previous);
            push(chain.until);
        }
        push(span.first);
        push(span.last);
        push(span.end);
        footer.extend_from_slice(&(index.len() as u32).to_le_bytes());
        let crc = rafterdb_hash::crc32c(&footer);
        footer.extend_from_slice(&crc.to_le_bytes());
        footer.extend_from_slice(chain.map_or(FOOTER_MAGIC, |_| CHAIN_MAGIC));
        footer
    }

    /// The footer that `bytes` are from end to end, checked.
    pub fn decode(bytes: &[u8]) -> Parsed<Self> {
        let tail = Tail::decode(bytes)?;
        if tail.footer_bytes() != bytes.len() as u64 {
            return Err(Malformed("the footer does not fit the file"));
        }
        let checked = bytes.len() - UNCHECKED_BYTES;
        if rafterdb_hash::crc32c(&bytes[..checked]) != u32_within(bytes, checked) {
            return Err(Malformed("the footer fails its checksum"));
        }
        let (entries, behind) = bytes.split_at(tail.entries as usize * ENTRY_BYTES);
        let entry = |entry: &[u8]| IndexEntry {
            revision: u64_within(entry, 0),
            offset: u64_within(entry, 8),
        };
        Ok(Self {
            index: entries.chunks_exact(ENTRY_BYTES).map(entry).collect(),
            chain: tail.has_chain.then(|| Chain {
                oldest: u64_within(behind, 0),
                previous: u64_within(behind, 8),
                until: u64_within(behind, 16),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: [IndexEntry; 2] = [
        IndexEntry {
            revision: 5,
            offset: 9_000,
        },
        IndexEntry {
            revision: 8,
            offset: 18_000,
        },
    ];
    const CHAIN: Chain = Chain {
        oldest: 1,
        previous: 2,
        until: 11,
    };
    const SPAN: Span = Span {
        first: 3,
        last: 10,
        end: 20_000,
    };

    fn numbers(numbers: &[u64]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    #[test]
    fn the_bytes_of_a_header_are_those_of_the_table() {
        let header = Header { number: 7, floor: 300 };
        let fields = [&b"RDBHIST1"[..], &numbers(&[7, 300])].concat();
        let crc = rafterdb_hash::crc32c(&fields).to_le_bytes();
        assert_eq!(header.encode()[..], [&fields[..], &crc, &[0; 4]].concat());
        assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn a_header_that_is_cut_short_or_damaged_is_refused() {
        let header = Header { number: 7, floor: 300 }.encode();
        for end in 0..HEADER_BYTES {
            assert!(Header::decode(&header[..end]).is_err(), "{end} bytes");
        }
        for at in 0..28 {
            let mut damaged = header;
            damaged[at] ^= 1;
            assert!(Header::decode(&damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_bytes_of_a_footer_are_those_of_the_table() {
        for (chain, between, magic) in [(None, &[][..], b"RDBHFOOT"), (Some(CHAIN), &[1, 2, 11], b"RDBHSURV")] {
            let fields = [&[5, 9_000, 8, 18_000], between, &[3, 10, 20_000]].concat();
            let fields = [&numbers(&fields)[..], &[2, 0, 0, 0]].concat();
            let crc = rafterdb_hash::crc32c(&fields).to_le_bytes();
            assert_eq!(Footer::encode(&INDEX, chain, SPAN), [&fields[..], &crc, magic].concat());
        }
    }

    #[test]
    fn a_footer_comes_back_as_it_was_given() {
        for chain in [None, Some(CHAIN)] {
            for index in [&INDEX[..], &INDEX[..1], &[]] {
                let footer = Footer::encode(index, chain, SPAN);
                let tail = Tail {
                    span: SPAN,
                    entries: index.len() as u32,
                    has_chain: chain.is_some(),
                };
                assert_eq!(Tail::decode(&footer[footer.len() - TAIL_BYTES..]), Ok(tail));
                assert_eq!(tail.footer_bytes(), footer.len() as u64);
                let index = index.to_vec();
                assert_eq!(Footer::decode(&footer), Ok(Footer { index, chain }));
            }
        }
    }

    #[test]
    fn a_footer_that_is_cut_short_or_damaged_is_refused() {
        for chain in [None, Some(CHAIN)] {
            let footer = Footer::encode(&INDEX, chain, SPAN);
            for cut in 0..footer.len() {
                assert!(Footer::decode(&footer[..cut]).is_err(), "{cut} bytes");
                assert_eq!(Footer::decode(&footer[cut..]).is_err(), cut > 0, "from {cut} on");
            }
            for at in 0..footer.len() {
                let mut damaged = footer.clone();
                damaged[at] ^= 1;
                assert!(Footer::decode(&damaged).is_err(), "byte {at}");
            }
        }
    }
}
