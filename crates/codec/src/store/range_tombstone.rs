//! Range tombstones: the end of the range in a history record, and all of them as a flush and a snapshot keep them. Knows one at a
//! time; what a set of them hides is the store's.
//!
//! ```text
//! bounds     [u8 0] no end · [u8 1][end]                                       where a record has its before-image
//! set        [tombstone …]                                                     in order of (revision, sub)
//! tombstone  [u64 revision][u32 sub][u8 0 no end · 1][pair: start, end][u32 parts][part …]
//! part       pair: first, last     where something was written after it; u32::MAX parts: anywhere
//! ```
//! A pair is as in `pair.rs`.

use super::pair::{push_pair, read_pair};
use crate::limits::KEY_BYTES_MAX;
use crate::reader::{length_u32, Malformed, Parsed, Reader};

const ANYWHERE: u32 = u32::MAX;

/// The end of a range, where a record has its before-image.
#[must_use]
pub fn encode_bounds(end: Option<&[u8]>) -> Vec<u8> {
    match end {
        None => vec![0],
        Some(end) => [&[1], end].concat(),
    }
}

/// The end of a range; outer `None` if the bytes are not one.
#[must_use]
pub fn decode_bounds(bytes: &[u8]) -> Option<Option<&[u8]>> {
    match bytes {
        [0] => Some(None),
        [1, end @ ..] => Some(Some(end)),
        _ => None,
    }
}

/// One of a set, borrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRangeTombstone<'a> {
    /// Revision of the deletion.
    pub revision: u64,
    /// Its position among the changes of that revision.
    pub sub: u32,
    /// First key of the range.
    pub start: &'a [u8],
    /// First key after it; `None`: it has no end.
    pub end: Option<&'a [u8]>,
    /// First and last key of each part in which something was written after it; `None`: anywhere.
    pub parts: Option<Vec<(&'a [u8], &'a [u8])>>,
}

impl<'a> StoredRangeTombstone<'a> {
    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.revision.to_le_bytes());
        out.extend_from_slice(&self.sub.to_le_bytes());
        out.push(u8::from(self.end.is_some()));
        push_pair(out, self.start, self.end.unwrap_or_default());
        let count = self.parts.as_ref().map_or(ANYWHERE, |parts| length_u32(parts.len()));
        out.extend_from_slice(&count.to_le_bytes());
        for (first, last) in self.parts.iter().flatten() {
            push_pair(out, first, last);
        }
    }

    /// The next of a set. Malformed: one that ends before it starts, or with a key that is longer than keys are. Whether parts are
    /// in order is not looked at.
    pub fn decode(reader: &mut Reader<'a>) -> Parsed<Self> {
        let (revision, sub) = (reader.u64()?, reader.u32()?);
        let has_end = reader.u8()? == 1;
        let (start, end) = two_keys(reader)?;
        let end = has_end.then_some(end);
        if end.is_some_and(|end| end <= start) {
            return Err(Malformed("a range tombstone ends before it starts"));
        }
        let parts = match reader.u32()? {
            ANYWHERE => None,
            count => {
                let mut parts = Vec::new();
                for _ in 0..count {
                    parts.push(two_keys(reader)?);
                }
                Some(parts)
            }
        };
        Ok(Self {
            revision,
            sub,
            start,
            end,
            parts,
        })
    }
}

fn two_keys<'a>(reader: &mut Reader<'a>) -> Parsed<(&'a [u8], &'a [u8])> {
    let (first, second) = read_pair(reader)?;
    if first.len() > KEY_BYTES_MAX || second.len() > KEY_BYTES_MAX {
        return Err(Malformed("a range tombstone's key is too long"));
    }
    Ok((first, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> StoredRangeTombstone<'static> {
        StoredRangeTombstone {
            revision: 300,
            sub: 2,
            start: b"a",
            end: Some(b"mm"),
            parts: Some(vec![(b"b", b"c"), (b"dd", b"dd")]),
        }
    }

    fn encoded(one: &StoredRangeTombstone<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        one.encode(&mut out);
        out
    }

    const HEAD: &[u8] = b"\x2c\x01\0\0\0\0\0\0\x02\0\0\0";

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let parts = b"\x02\0\0\0\x01\0\0\0\x01\0\0\0bc\x02\0\0\0\x02\0\0\0dddd";
        let bytes = [HEAD, b"\x01\x01\0\0\0\x02\0\0\0amm", parts].concat();
        assert_eq!(encoded(&stored()), bytes);
        let anywhere = StoredRangeTombstone {
            end: None,
            parts: None,
            ..stored()
        };
        let bytes = [HEAD, b"\0\x01\0\0\0\0\0\0\0a\xff\xff\xff\xff"].concat();
        assert_eq!(encoded(&anywhere), bytes);
    }

    #[test]
    fn a_set_comes_back_as_it_was_given() {
        let all = [
            stored(),
            StoredRangeTombstone { end: None, ..stored() },
            StoredRangeTombstone {
                parts: None,
                ..stored()
            },
        ];
        let bytes = all.iter().map(encoded).collect::<Vec<_>>().concat();
        let mut reader = Reader::new(&bytes);
        for one in &all {
            assert_eq!(StoredRangeTombstone::decode(&mut reader).as_ref(), Ok(one));
        }
        assert!(reader.is_empty());
    }

    #[test]
    fn one_that_is_cut_short_or_makes_no_sense_is_refused() {
        let decoded = |bytes: &[u8]| StoredRangeTombstone::decode(&mut Reader::new(bytes)).map(|_| ());
        let bytes = encoded(&stored());
        assert!((0..bytes.len()).all(|end| decoded(&bytes[..end]).is_err()));
        let backwards = StoredRangeTombstone {
            end: Some(b"a"),
            ..stored()
        };
        assert!(decoded(&encoded(&backwards)).is_err());
        let long = vec![b'x'; KEY_BYTES_MAX + 1];
        for one in [
            StoredRangeTombstone {
                start: &long,
                end: None,
                ..stored()
            },
            StoredRangeTombstone {
                parts: Some(vec![(b"b", &long)]),
                ..stored()
            },
        ] {
            assert!(decoded(&encoded(&one)).is_err());
        }
    }

    #[test]
    fn bounds_come_back_as_they_were_given() {
        for (end, bytes) in [
            (None, &b"\0"[..]),
            (Some(&b""[..]), b"\x01"),
            (Some(b"end"), b"\x01end"),
        ] {
            assert_eq!(encode_bounds(end), bytes);
            assert_eq!(decode_bounds(bytes), Some(end));
        }
        assert!([&b""[..], b"\x02", b"\0end"]
            .iter()
            .all(|lie| decode_bounds(lie).is_none()));
    }
}
