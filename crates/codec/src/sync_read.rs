//! The synchronous read of one key: what is asked, and its result written straight into the caller's buffer.
//! Knows neither when it may be answered nor where the pair comes from.
//!
//! ```text
//! asked    [u8 consistency][u8 0][u16 group][u32 keyLen][key]
//! answer   one result: a range's, with at most one pair, or an error
//! ```

use crate::kinds::{Consistency, OperationKind};
use crate::reader::{length_u32, u16_at, Parsed, Reader};
use crate::results::{counts, result_header, OpenResult, Pair, COUNTS_BYTES, PAIR_HEADER_BYTES, RESULT_HEADER_BYTES};
use crate::Code;

/// Bytes of the answer before its pair.
const BEFORE_PAIR: usize = RESULT_HEADER_BYTES + COUNTS_BYTES;

/// What is asked, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncRead<'a> {
    /// What it must see.
    pub consistency: Consistency,
    /// Of which group.
    pub group: u16,
    /// Milliseconds that the state may be behind, with [`Consistency::Bounded`].
    pub max_staleness_ms: u64,
    /// Of which key.
    pub key: &'a [u8],
}

impl<'a> SyncRead<'a> {
    /// Reads it. What follows the key is not looked at: the asker's buffer may be longer.
    pub fn parse(bytes: &'a [u8]) -> Parsed<Self> {
        let mut reader = Reader::new(bytes);
        let header = reader.array::<4>()?;
        let consistency = Consistency::try_from(header[0])?;
        let group = u16_at(header, 2);
        let length = reader.u32()? as usize;
        let max_staleness_ms = reader.u64()?;
        let key = reader.bytes(length)?;
        Ok(Self {
            consistency,
            group,
            max_staleness_ms,
            key,
        })
    }
}

/// Writes the answer to the front of `into` if it fits, and returns the bytes that it needs. Nothing is allocated.
#[inline]
pub fn encode_sync_result(into: &mut [u8], revision: u64, pair: Option<&Pair<'_>>) -> usize {
    let needed = BEFORE_PAIR + pair.map_or(0, Pair::encoded_bytes);
    let Some(out) = into.get_mut(..needed) else {
        return needed;
    };
    let length = length_u32(needed - RESULT_HEADER_BYTES);
    let (head, rest) = out.split_at_mut(RESULT_HEADER_BYTES);
    head.copy_from_slice(&result_header(Code::Ok, OperationKind::Range, 0, length, revision));
    let (numbers, rest) = rest.split_at_mut(COUNTS_BYTES);
    let found = u32::from(pair.is_some());
    numbers.copy_from_slice(&counts(u64::from(found), found));
    if let Some(pair) = pair {
        let (head, rest) = rest.split_at_mut(PAIR_HEADER_BYTES);
        head.copy_from_slice(&pair.header());
        let (key, value) = rest.split_at_mut(pair.key.len());
        key.copy_from_slice(pair.key);
        value.copy_from_slice(pair.value);
    }
    needed
}

/// Writes an error as the answer if it fits, and returns the bytes that it needs.
pub fn encode_sync_error(into: &mut [u8], code: Code, text: &str) -> usize {
    let mut out = Vec::new();
    OpenResult::begin(&mut out, OperationKind::Range).fail(&mut out, code, 0, 0, text);
    if let Some(room) = into.get_mut(..out.len()) {
        room.copy_from_slice(&out);
    }
    out.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Malformed, OperationResults};

    const PAIR: Pair<'_> = Pair {
        create: 2,
        modified: 3,
        version: 4,
        lease: 5,
        key: b"key",
        value: b"value",
    };

    #[test]
    fn what_is_asked_is_a_consistency_and_a_key() {
        let whole = [2, 0, 2, 1, 3, 0, 0, 0, 5, 1, 0, 0, 0, 0, 0, 0, b'k', b'e', b'y'];
        let (consistency, group, key) = (Consistency::Bounded, 0x0102, b"key".as_slice());
        let read = SyncRead {
            consistency,
            group,
            max_staleness_ms: 261,
            key,
        };
        assert_eq!(SyncRead::parse(&whole), Ok(read));
        assert!((0..whole.len()).all(|end| SyncRead::parse(&whole[..end]).is_err()));
        let unknown = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            SyncRead::parse(&unknown),
            Err(Malformed("a read of unknown consistency"))
        );
    }

    #[test]
    fn the_answer_is_the_result_of_a_range() {
        for pair in [None, Some(&PAIR)] {
            let mut into = [0xa5; 100];
            let needed = encode_sync_result(&mut into, 9, pair);
            assert!(into[needed..].iter().all(|byte| *byte == 0xa5));
            let results: Vec<_> = OperationResults::new(&into[..needed]).map(Result::unwrap).collect();
            let [result] = results[..] else { panic!("{results:?}") };
            assert_eq!(
                (result.code, result.operation, result.flags, result.revision),
                (Code::Ok, OperationKind::Range, 0, 9)
            );
            let counted = result.counted_pairs().unwrap();
            assert_eq!(
                (counted.count, counted.length),
                (u64::from(pair.is_some()), u32::from(pair.is_some()))
            );
            assert!(counted.pairs.map(Result::unwrap).eq(pair.copied()));
        }
    }

    #[test]
    fn the_bytes_of_an_answer_are_those_of_formats_md() {
        let mut into = [0; 28 + 40 + 8];
        assert_eq!(encode_sync_result(&mut into, 9, Some(&PAIR)), into.len());
        let mut golden = vec![0, 0, 5, 0, 60, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
        golden.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0]);
        (2..6_u8).for_each(|field| golden.extend_from_slice(&[field, 0, 0, 0, 0, 0, 0, 0]));
        golden.extend_from_slice(b"keyvalue");
        assert_eq!(into[..], golden);
    }

    #[test]
    fn a_buffer_too_short_stays_as_it_was_and_the_bytes_that_are_needed_are_told() {
        for room in 0..76 {
            let mut into = vec![0xa5; room];
            assert_eq!(encode_sync_result(&mut into, 9, Some(&PAIR)), 76);
            assert!(into.iter().all(|byte| *byte == 0xa5));
        }
        assert_eq!(encode_sync_error(&mut [], Code::NoLease, "no"), 26);
        let mut into = [0; 26];
        encode_sync_error(&mut into, Code::NoLease, "no");
        let failed = OperationResults::new(&into).next().map(Result::unwrap).unwrap();
        assert_eq!((failed.code, failed.error().unwrap()), (Code::NoLease, (0, "no")));
    }
}
