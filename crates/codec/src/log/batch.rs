//! Batches of the log and the records in them.
//!
//! ```text
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

use rafterdb_hash::{crc32c, crc32c_append};

use super::{Checkpoint, HardState, BLOCK};
use crate::reader::{patch_u16, patch_u32, patch_u64, u16_within, u32_within, u64_within};

const BATCH_MAGIC: u32 = u32::from_le_bytes(*b"rwb1");
/// Bytes of a batch before its records.
pub const BATCH_HEADER_BYTES: usize = 40;
/// Bytes of a record before its body.
pub const RECORD_HEADER_BYTES: usize = 12;
const ENTRIES_PREFIX_BYTES: usize = 24;
/// The largest body without its block: a checkpoint's.
pub const RECORD_FIXED_BYTES_MAX: usize = 48;

/// What a batch says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Its place in the log, one more than that of the batch before.
    pub sequence: u64,
    /// Every batch up to this one was durable when it was written.
    pub synced: u64,
    /// Bytes of the records.
    pub length: u32,
    /// How many.
    pub records: u32,
}

impl BatchHeader {
    /// Writes it to the first bytes of `out`.
    pub fn encode(&self, nonce: u64, out: &mut [u8]) {
        patch_u32(out, 0, BATCH_MAGIC);
        patch_u64(out, 8, nonce);
        patch_u64(out, 16, self.sequence);
        patch_u64(out, 24, self.synced);
        patch_u32(out, 32, self.length);
        patch_u32(out, 36, self.records);
        let crc = crc32c(&out[8..BATCH_HEADER_BYTES]);
        patch_u32(out, 4, crc);
    }

    /// The header at the start of `bytes`, if there is a sound one of the segment's present life.
    #[must_use]
    pub fn decode(nonce: u64, bytes: &[u8]) -> Option<Self> {
        let ours =
            bytes.len() >= BATCH_HEADER_BYTES && u32_within(bytes, 0) == BATCH_MAGIC && u64_within(bytes, 8) == nonce;
        if !ours || u32_within(bytes, 4) != crc32c(&bytes[8..BATCH_HEADER_BYTES]) {
            return None;
        }
        Some(Self {
            sequence: u64_within(bytes, 16),
            synced: u64_within(bytes, 24),
            length: u32_within(bytes, 32),
            records: u32_within(bytes, 36),
        })
    }

    /// Whether `bytes`, which hold no sound header, seem to have held one: something was written here and is damaged.
    #[must_use]
    pub fn leftover(nonce: u64, sequence: u64, bytes: &[u8]) -> bool {
        bytes.len() >= 24
            && (u64_within(bytes, 8) == nonce
                || (u32_within(bytes, 0) == BATCH_MAGIC && u64_within(bytes, 16) == sequence))
    }

    /// Bytes that the batch takes on disk.
    #[must_use]
    pub fn padded(&self) -> u64 {
        padded_batch(self.length as usize) as u64
    }
}

/// Bytes on disk of a batch with this many bytes of records.
#[inline]
#[must_use]
pub const fn padded_batch(record_bytes: usize) -> usize {
    (BATCH_HEADER_BYTES + record_bytes).next_multiple_of(BLOCK)
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// Entries of one term; they cut the log from their first index on.
    Entries {
        /// Index of the first.
        first: u64,
        /// Their term.
        term: u64,
        /// How many.
        count: u32,
        /// They.
        block: &'a [u8],
    },
    /// The hard state from here on.
    HardState(HardState),
    /// The log is empty after this.
    Start {
        /// Index of the entry before the first.
        index: u64,
        /// Its term.
        term: u64,
    },
    /// Entries up to this one are gone.
    Cut {
        /// Index of the last of them.
        index: u64,
        /// Its term.
        term: u64,
    },
    /// All of a group, at the beginning of a segment.
    Checkpoint(Checkpoint),
    /// The log goes on elsewhere.
    Seal {
        /// Sequence of that segment.
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

    #[inline]
    fn decode(kind: u8, body: &'a [u8]) -> Option<Self> {
        let word = |n: usize| u64_within(body, n * 8);
        Some(match (kind, body.len()) {
            (Self::ENTRIES, ENTRIES_PREFIX_BYTES..) => Self::Entries {
                first: word(0),
                term: word(1),
                count: u32_within(body, 16),
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
    #[inline]
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
            patch_u64(out, at * 8, *word);
        }
        (kind, words.len() * 8)
    }
}

/// Writes a record's header without its checksum, which depends on where the batch goes.
///
/// # Panics
/// Invariant `a record is below 4 GiB`: its owner bounds blocks.
#[inline]
pub fn put_record_header(out: &mut [u8], body_bytes: usize, kind: u8, group: u16) {
    let length = u32::try_from(body_bytes).expect("invariant: a record is below 4 GiB");
    patch_u32(out, 0, length);
    out[4] = kind;
    out[5] = 0;
    patch_u16(out, 6, group);
    patch_u32(out, 8, 0);
}

#[inline]
fn record_crc(nonce: u64, sequence: u64, record: &[u8]) -> u32 {
    let crc = crc32c_append(crc32c(&nonce.to_le_bytes()), &sequence.to_le_bytes());
    crc32c_append(crc32c_append(crc, &record[..8]), &record[RECORD_HEADER_BYTES..])
}

/// Completes a batch in memory: checksums its records, zeroes its padding, writes its header.
pub fn seal_batch(nonce: u64, header: &BatchHeader, batch: &mut [u8]) {
    let end = BATCH_HEADER_BYTES + header.length as usize;
    let mut at = BATCH_HEADER_BYTES;
    while at < end {
        let record_end = at + RECORD_HEADER_BYTES + u32_within(batch, at) as usize;
        let crc = record_crc(nonce, header.sequence, &batch[at..record_end]);
        patch_u32(batch, at + 8, crc);
        at = record_end;
    }
    batch[end..].fill(0);
    header.encode(nonce, batch);
}

/// Visits the records of a batch; `bytes` starts at its header. Fails at the first that is not sound, with its offset.
#[inline]
pub fn visit_records<'a>(
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
        let body_bytes = u32_within(bytes, at) as usize;
        if body_bytes > end - at - RECORD_HEADER_BYTES {
            return Err(at);
        }
        let record = &bytes[at..at + RECORD_HEADER_BYTES + body_bytes];
        if u32_within(record, 8) != record_crc(nonce, header.sequence, record) {
            return Err(at);
        }
        visit(
            u16_within(record, 6),
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

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: u64 = 0x0807_0605_0403_0201;
    const HARD: HardState = HardState {
        term: 1,
        vote: 2,
        commit: 300,
    };
    const RECORDS: [Record<'static>; 6] = [
        Record::Entries {
            first: 7,
            term: 8,
            count: 1,
            block: b"block",
        },
        Record::HardState(HARD),
        Record::Start { index: 9, term: 10 },
        Record::Cut { index: 11, term: 12 },
        Record::Checkpoint(Checkpoint {
            hard: HARD,
            start: (4, 5),
            last: 6,
        }),
        Record::Seal { next: 13 },
    ];

    fn numbers(numbers: &[u64]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// The records of groups 3, 4 … one behind the other, and the header of their batch.
    fn batch() -> (BatchHeader, Vec<u8>) {
        let mut batch = vec![0xaa; BLOCK];
        let mut at = BATCH_HEADER_BYTES;
        for (group, record) in (3..).zip(RECORDS) {
            let mut body = [0; RECORD_FIXED_BYTES_MAX];
            let (kind, length) = record.encode(&mut body);
            let block = match record {
                Record::Entries { block, .. } => block,
                _ => b"",
            };
            let body = [&body[..length], block].concat();
            put_record_header(&mut batch[at..], body.len(), kind, group);
            at += RECORD_HEADER_BYTES;
            batch[at..at + body.len()].copy_from_slice(&body);
            at += body.len();
        }
        let header = BatchHeader {
            sequence: 20,
            synced: 19,
            length: (at - BATCH_HEADER_BYTES) as u32,
            records: RECORDS.len() as u32,
        };
        seal_batch(NONCE, &header, &mut batch);
        (header, batch)
    }

    #[test]
    fn the_bytes_of_a_batch_are_those_of_the_table() {
        let (header, batch) = batch();
        let fields = [
            numbers(&[NONCE, 20, 19]),
            vec![header.length as u8, 0, 0, 0, 6, 0, 0, 0],
        ]
        .concat();
        let crc = crc32c(&fields).to_le_bytes();
        let begin = [&b"rwb1"[..], &crc, &fields].concat();
        assert_eq!(batch[..BATCH_HEADER_BYTES], begin);
        let bodies = [
            (1, [numbers(&[7, 8, 1]), b"block".to_vec()].concat()),
            (2, numbers(&[1, 2, 300])),
            (3, numbers(&[9, 10])),
            (4, numbers(&[11, 12])),
            (5, numbers(&[1, 2, 300, 4, 5, 6])),
            (6, numbers(&[13])),
        ];
        let records = (3_u8..).zip(bodies).flat_map(|(group, (kind, body))| {
            let begin = [body.len() as u8, 0, 0, 0, kind, 0, group, 0];
            let crc = crc32c(&[&numbers(&[NONCE, 20])[..], &begin, &body].concat());
            [&begin[..], &crc.to_le_bytes(), &body].concat()
        });
        let records: Vec<u8> = records.collect();
        let end = BATCH_HEADER_BYTES + records.len();
        assert_eq!(batch[BATCH_HEADER_BYTES..end], records);
        assert!(batch[end..].iter().all(|byte| *byte == 0));
        assert_eq!(header.padded(), BLOCK as u64);
    }

    #[test]
    fn records_come_back_as_they_were_given() {
        let (header, batch) = batch();
        assert_eq!(BatchHeader::decode(NONCE, &batch), Some(header));
        let mut read = Vec::new();
        let visited = visit_records(NONCE, &header, &batch, |group, record| read.push((group, record)));
        assert_eq!(visited, Ok(()));
        assert_eq!(read, (3..).zip(RECORDS).collect::<Vec<_>>());
    }

    #[test]
    fn any_bit_of_a_batch_that_changes_is_noticed() {
        let (header, batch) = batch();
        let end = BATCH_HEADER_BYTES + header.length as usize;
        let is_sound = |nonce: u64, batch: &[u8]| {
            let header = BatchHeader::decode(nonce, batch);
            header.is_some_and(|header| visit_records(nonce, &header, batch, |_, _| {}).is_ok())
        };
        assert!(is_sound(NONCE, &batch[..end]) && !is_sound(NONCE + 1, &batch));
        for at in 0..end * 8 {
            let mut damaged = batch.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(!is_sound(NONCE, &damaged), "bit {at}");
        }
        assert!((0..end).all(|cut| !is_sound(NONCE, &batch[..cut])));
    }

    #[test]
    fn a_batch_whose_records_are_of_another_number_is_refused() {
        let (header, batch) = batch();
        for records in [5, 7] {
            let lie = BatchHeader { records, ..header };
            assert!(visit_records(NONCE, &lie, &batch, |_, _| {}).is_err());
        }
    }

    #[test]
    fn what_was_a_batch_of_this_life_is_known_for_one() {
        let (_, batch) = batch();
        let mut damaged = batch.clone();
        damaged[4] ^= 1;
        assert!(BatchHeader::leftover(NONCE, 1, &damaged), "by its nonce");
        assert!(BatchHeader::leftover(1, 20, &damaged), "by magic and sequence");
        assert!(!BatchHeader::leftover(1, 21, &damaged));
        assert!(!BatchHeader::leftover(NONCE, 20, &[0; BLOCK]) && !BatchHeader::leftover(NONCE, 20, &batch[..23]));
    }
}
