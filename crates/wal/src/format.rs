//! The bytes of a segment: its header, its batches, their records. Pure: reads and writes slices.
//!
//! ```text
//! segment  [header, padded to 4,096][batch][batch] … [anything]      the first batch is a checkpoint of every group
//! header   0 u64 magic  8 u32 version  12 u32 crc32c of the other 60 bytes  16 u64 segment sequence  24 u64 nonce
//!          32 u64 bytes of the segment  40 u64 sequence of its first batch  48 u64 end of the previous segment's
//!          batches, 0 if there was none  56 u64 0                     these 64 bytes keep their place in any version
//! batch    [header][record] … [zeros up to 4,096]
//! header   0 u32 magic  4 u32 crc32c of nonce and bytes 8–40  8 u64 nonce  16 u64 batch sequence
//!          24 u64 synced: every batch up to this one was durable when this one was written
//!          32 u32 bytes of the records  36 u32 records
//! record   0 u32 bytes of the body  4 u8 kind  5 u8 0  6 u16 group
//!          8 u32 crc32c of nonce, batch sequence, bytes 0–8 and the body  12 body
//!   1 entries     u64 first index  u64 term  u32 count  u32 0  block      cuts the log from the first index on first
//!   2 hard state  u64 term  u64 vote  u64 commit
//!   3 start       u64 index  u64 term                   the log is empty after this index
//!   4 cut         u64 index  u64 term                   entries up to this index are gone
//!   5 checkpoint  u64 term  u64 vote  u64 commit  u64 start index  u64 start term  u64 last index
//!   6 seal        u64 next segment     the log goes on there: written behind the end once that segment is durable
//! ```
//! The nonce is drawn anew whenever a file becomes a segment: what an earlier life of the file left behind never
//! passes for this one's, nor do bytes that a client chose.

use rafterdb_hash::{crc32c, crc32c_append};

use crate::hard_state::{Checkpoint, HardState};

/// Batches start at multiples of this and fill them, so that no write touches bytes of an earlier one.
pub(crate) const BLOCK: usize = 4096;

const SEGMENT_MAGIC: u64 = u64::from_le_bytes(*b"rafterwl");
const SEGMENT_HEADER_BYTES: usize = 64;
const FORMAT_VERSION: u32 = 1;

const BATCH_MAGIC: u32 = u32::from_le_bytes(*b"rwb1");
pub(crate) const BATCH_HEADER_BYTES: usize = 40;
pub(crate) const RECORD_HEADER_BYTES: usize = 12;
const ENTRIES_PREFIX_BYTES: usize = 24;
/// The largest body without its block: a checkpoint's.
pub(crate) const RECORD_FIXED_BYTES_MAX: usize = 48;

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub sequence: u64,
    pub nonce: u64,
    /// Size of the file.
    pub bytes: u64,
    pub first_batch: u64,
    /// Where the batches of the previous segment end; all before it is durable, all after it is void.
    pub previous_end: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SegmentHeaderFault {
    Damaged,
    Newer(u32),
}

impl SegmentHeader {
    pub fn encode(&self, out: &mut [u8]) {
        out[..SEGMENT_HEADER_BYTES].fill(0);
        put(out, 0, &SEGMENT_MAGIC.to_le_bytes());
        put(out, 8, &FORMAT_VERSION.to_le_bytes());
        put(out, 16, &self.sequence.to_le_bytes());
        put(out, 24, &self.nonce.to_le_bytes());
        put(out, 32, &self.bytes.to_le_bytes());
        put(out, 40, &self.first_batch.to_le_bytes());
        put(out, 48, &self.previous_end.to_le_bytes());
        let crc = Self::crc(out);
        put(out, 12, &crc.to_le_bytes());
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, SegmentHeaderFault> {
        let whole = bytes.len() >= SEGMENT_HEADER_BYTES && u64_at(bytes, 0) == SEGMENT_MAGIC;
        if !whole || u32_at(bytes, 12) != Self::crc(bytes) {
            return Err(SegmentHeaderFault::Damaged);
        }
        // After the checksum: a flipped bit is damage, not a newer version.
        let version = u32_at(bytes, 8);
        if version > FORMAT_VERSION {
            return Err(SegmentHeaderFault::Newer(version));
        }
        Ok(Self {
            sequence: u64_at(bytes, 16),
            nonce: u64_at(bytes, 24),
            bytes: u64_at(bytes, 32),
            first_batch: u64_at(bytes, 40),
            previous_end: u64_at(bytes, 48),
        })
    }

    fn crc(bytes: &[u8]) -> u32 {
        crc32c_append(crc32c(&bytes[..12]), &bytes[16..SEGMENT_HEADER_BYTES])
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub sequence: u64,
    pub synced: u64,
    /// Bytes of the records.
    pub length: u32,
    pub records: u32,
}

impl BatchHeader {
    pub fn encode(&self, nonce: u64, out: &mut [u8]) {
        put(out, 0, &BATCH_MAGIC.to_le_bytes());
        put(out, 8, &nonce.to_le_bytes());
        put(out, 16, &self.sequence.to_le_bytes());
        put(out, 24, &self.synced.to_le_bytes());
        put(out, 32, &self.length.to_le_bytes());
        put(out, 36, &self.records.to_le_bytes());
        let crc = crc32c(&out[8..BATCH_HEADER_BYTES]);
        put(out, 4, &crc.to_le_bytes());
    }

    /// The header at the start of `bytes`, if there is a sound one of the segment's present life.
    pub fn decode(nonce: u64, bytes: &[u8]) -> Option<Self> {
        let ours = bytes.len() >= BATCH_HEADER_BYTES && u32_at(bytes, 0) == BATCH_MAGIC && u64_at(bytes, 8) == nonce;
        if !ours || u32_at(bytes, 4) != crc32c(&bytes[8..BATCH_HEADER_BYTES]) {
            return None;
        }
        Some(Self {
            sequence: u64_at(bytes, 16),
            synced: u64_at(bytes, 24),
            length: u32_at(bytes, 32),
            records: u32_at(bytes, 36),
        })
    }

    /// Whether `bytes`, which hold no sound header, seem to have held one: something was written here and is damaged.
    pub fn leftover(nonce: u64, sequence: u64, bytes: &[u8]) -> bool {
        bytes.len() >= 24
            && (u64_at(bytes, 8) == nonce || (u32_at(bytes, 0) == BATCH_MAGIC && u64_at(bytes, 16) == sequence))
    }

    /// Bytes that the batch takes on disk.
    pub fn padded(&self) -> u64 {
        padded_batch(self.length as usize) as u64
    }
}

/// Bytes on disk of a batch with this many bytes of records.
pub(crate) fn padded_batch(record_bytes: usize) -> usize {
    (BATCH_HEADER_BYTES + record_bytes).next_multiple_of(BLOCK)
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    Entries {
        first: u64,
        term: u64,
        count: u32,
        block: &'a [u8],
    },
    HardState(HardState),
    Start {
        index: u64,
        term: u64,
    },
    Cut {
        index: u64,
        term: u64,
    },
    Checkpoint(Checkpoint),
    Seal {
        next: u64,
    },
}

impl<'a> Record<'a> {
    const ENTRIES: u8 = 1;
    const HARD_STATE: u8 = 2;
    const START: u8 = 3;
    const CUT: u8 = 4;
    const CHECKPOINT: u8 = 5;
    const SEAL: u8 = 6;

    fn decode(kind: u8, body: &'a [u8]) -> Option<Self> {
        let word = |n: usize| u64_at(body, n * 8);
        Some(match (kind, body.len()) {
            (Self::ENTRIES, ENTRIES_PREFIX_BYTES..) => Self::Entries {
                first: word(0),
                term: word(1),
                count: u32_at(body, 16),
                block: &body[ENTRIES_PREFIX_BYTES..],
            },
            (Self::HARD_STATE, 24) => Self::HardState(HardState {
                term: word(0),
                vote: word(1),
                commit: word(2),
            }),
            (Self::START, 16) => Self::Start {
                index: word(0),
                term: word(1),
            },
            (Self::CUT, 16) => Self::Cut {
                index: word(0),
                term: word(1),
            },
            (Self::CHECKPOINT, 48) => Self::Checkpoint(Checkpoint {
                hard: HardState {
                    term: word(0),
                    vote: word(1),
                    commit: word(2),
                },
                start: (word(3), word(4)),
                last: word(5),
            }),
            (Self::SEAL, 8) => Self::Seal { next: word(0) },
            _ => return None,
        })
    }

    /// Writes the fixed part of the body; entries' block follows it. Returns the kind and the bytes written.
    pub fn encode(&self, out: &mut [u8; RECORD_FIXED_BYTES_MAX]) -> (u8, usize) {
        let (kind, words) = match *self {
            Self::Entries { first, term, count, .. } => (Self::ENTRIES, &[first, term, u64::from(count)][..]),
            Self::HardState(hard) => (Self::HARD_STATE, &[hard.term, hard.vote, hard.commit][..]),
            Self::Start { index, term } => (Self::START, &[index, term][..]),
            Self::Cut { index, term } => (Self::CUT, &[index, term][..]),
            Self::Checkpoint(Checkpoint { hard, start, last }) => (
                Self::CHECKPOINT,
                &[hard.term, hard.vote, hard.commit, start.0, start.1, last][..],
            ),
            Self::Seal { next } => (Self::SEAL, &[next][..]),
        };
        for (at, word) in words.iter().enumerate() {
            put(out, at * 8, &word.to_le_bytes());
        }
        (kind, words.len() * 8)
    }
}

/// Writes a record's header without its checksum, which depends on where the batch goes.
pub(crate) fn put_record_header(out: &mut [u8], body_bytes: usize, kind: u8, group: u16) {
    let length = u32::try_from(body_bytes).expect("a record is below 4 GiB: the owner bounds blocks");
    put(out, 0, &length.to_le_bytes());
    out[4] = kind;
    out[5] = 0;
    put(out, 6, &group.to_le_bytes());
    put(out, 8, &[0; 4]);
}

fn record_crc(nonce: u64, sequence: u64, record: &[u8]) -> u32 {
    let crc = crc32c_append(crc32c(&nonce.to_le_bytes()), &sequence.to_le_bytes());
    crc32c_append(crc32c_append(crc, &record[..8]), &record[RECORD_HEADER_BYTES..])
}

/// Completes a batch in memory: checksums its records, zeroes its padding, writes its header.
pub(crate) fn seal_batch(nonce: u64, header: &BatchHeader, batch: &mut [u8]) {
    let end = BATCH_HEADER_BYTES + header.length as usize;
    let mut at = BATCH_HEADER_BYTES;
    while at < end {
        let record_end = at + RECORD_HEADER_BYTES + u32_at(batch, at) as usize;
        let crc = record_crc(nonce, header.sequence, &batch[at..record_end]);
        put(batch, at + 8, &crc.to_le_bytes());
        at = record_end;
    }
    batch[end..].fill(0);
    header.encode(nonce, batch);
}

/// Visits the records of a batch; `bytes` starts at its header. Fails at the first that is not sound, with its offset.
pub(crate) fn visit_records<'a>(
    nonce: u64,
    header: &BatchHeader,
    bytes: &'a [u8],
    mut visit: impl FnMut(u16, Record<'a>),
) -> Result<(), usize> {
    let end = BATCH_HEADER_BYTES + header.length as usize;
    let mut at = BATCH_HEADER_BYTES;
    let mut records = 0;
    while at < end {
        if end - at < RECORD_HEADER_BYTES || bytes.len() < end {
            return Err(at);
        }
        let body_bytes = u32_at(bytes, at) as usize;
        if body_bytes > end - at - RECORD_HEADER_BYTES {
            return Err(at);
        }
        let record = &bytes[at..at + RECORD_HEADER_BYTES + body_bytes];
        if u32_at(record, 8) != record_crc(nonce, header.sequence, record) {
            return Err(at);
        }
        visit(
            u16_at(record, 6),
            Record::decode(record[4], &record[RECORD_HEADER_BYTES..]).ok_or(at)?,
        );
        at += record.len();
        records += 1;
    }
    if records == header.records {
        Ok(())
    } else {
        Err(at)
    }
}

/// Bytes of the first `count` entries of a block; `None` if the block does not hold that many whole ones.
pub(crate) fn entries_length(block: &[u8], count: u64) -> Option<usize> {
    let mut at = 0usize;
    for _ in 0..count {
        let length = u32_at(block.get(at..at + 4)?, 0) as usize;
        at = at.checked_add(8)?.checked_add(length)?;
        if at > block.len() {
            return None;
        }
    }
    Some(at)
}

/// Entries in a block given in parts; `None` if a part does not hold whole entries.
pub(crate) fn count_entries<B: AsRef<[u8]>>(block: &[B]) -> Option<u32> {
    let mut count = 0u32;
    for part in block {
        let mut rest = part.as_ref();
        while !rest.is_empty() {
            u32_at(rest.get(..4)?, 0);
            rest = &rest[entries_length(rest, 1)?..];
            count += 1;
        }
    }
    Some(count)
}
