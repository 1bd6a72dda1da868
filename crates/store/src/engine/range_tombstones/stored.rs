//! Range tombstones as bytes: the bounds in a history record, and all of them as a flush and a snapshot keep them.
//!
//! ```text
//! bounds     [u8 0] no end · [u8 1][end]                                       where a record has its before-image
//! set        [tombstone …]                                                     in order of (revision, sub)
//! tombstone  [u64 revision][u32 sub][u8 0 no end · 1][u32 startLen][u32 endLen][start][end][u32 parts][part …]
//! part       [u32 firstLen][u32 lastLen][first][last]     where something was written after it; u32::MAX parts: anywhere
//! ```

use std::sync::Arc;

use rafterdb_codec::limits::KEY_BYTES_MAX;
use rafterdb_codec::{Malformed, Parsed, Reader};

use super::islands::{Islands, Part};
use super::{KeyRange, RangeTombstone, RangeTombstones};

/// Bytes of parts that are kept: those of the newest range tombstones. Of the others is only said that anything may be there.
const PARTS_BYTES_MAX: usize = 1 << 20;
const ANYWHERE: u32 = u32::MAX;

/// Appends the end of a range.
pub(in crate::engine) fn encode_bounds(end: Option<&[u8]>) -> Vec<u8> {
    match end {
        None => vec![0],
        Some(end) => [&[1], end].concat(),
    }
}

/// The end of a range; outer `None` if the bytes are not one.
pub(in crate::engine) fn decode_bounds(bytes: &[u8]) -> Option<Option<&[u8]>> {
    match bytes {
        [0] => Some(None),
        [1, end @ ..] => Some(Some(end)),
        _ => None,
    }
}

/// All of a set.
pub(in crate::engine) fn encode_set(set: &RangeTombstones) -> Vec<u8> {
    let mut parts_bytes = 0;
    let mut pieces: Vec<Vec<u8>> = set.all().rev().map(|one| encode_one(one, &mut parts_bytes)).collect();
    pieces.reverse();
    pieces.concat()
}

fn encode_one(one: &RangeTombstone, parts_bytes: &mut usize) -> Vec<u8> {
    let mut out = Vec::new();
    let end = one.end.as_deref().unwrap_or_default();
    out.extend_from_slice(&one.place.0.to_le_bytes());
    out.extend_from_slice(&one.place.1.to_le_bytes());
    out.push(u8::from(one.end.is_some()));
    push_two(&mut out, &one.start, end);
    let written = one.written.read();
    let mut parts = Vec::new();
    for (first, last) in written.parts.parts() {
        push_two(&mut parts, first, last);
    }
    *parts_bytes += parts.len();
    if *parts_bytes > PARTS_BYTES_MAX {
        out.extend_from_slice(&ANYWHERE.to_le_bytes());
    } else {
        out.extend_from_slice(&(written.parts.parts().len() as u32).to_le_bytes());
        out.extend_from_slice(&parts);
    }
    out
}

fn push_two(out: &mut Vec<u8>, first: &[u8], second: &[u8]) {
    out.extend_from_slice(&(first.len() as u32).to_le_bytes());
    out.extend_from_slice(&(second.len() as u32).to_le_bytes());
    out.extend_from_slice(first);
    out.extend_from_slice(second);
}

/// What [`encode_set`] wrote, of a store whose newest revision is `newest`. Nothing in it is believed.
pub(in crate::engine) fn decode_set(bytes: &[u8], newest: u64) -> Parsed<RangeTombstones> {
    let mut reader = Reader::new(bytes);
    let mut set = RangeTombstones::default();
    let mut last = (0, 0);
    while !reader.is_empty() {
        let one = decode_one(&mut reader)?;
        if one.place <= last || one.revision() > newest {
            return Err(Malformed("range tombstones are not in order"));
        }
        last = one.place;
        set = set.with(Arc::new(one));
    }
    Ok(set)
}

fn decode_one(reader: &mut Reader<'_>) -> Parsed<RangeTombstone> {
    let place = (reader.u64()?, reader.u32()?);
    let has_end = reader.u8()? == 1;
    let (start, end) = two(reader)?;
    let end = has_end.then_some(end);
    if end.is_some_and(|end| end <= start) {
        return Err(Malformed("a range tombstone ends before it starts"));
    }
    let mut one = RangeTombstone::new(place, KeyRange { start, end });
    let count = reader.u32()?;
    let mut parts: Vec<Part> = Vec::new();
    if count == ANYWHERE {
        let last = vec![0xff; KEY_BYTES_MAX];
        parts.push((start.into(), end.unwrap_or(&last).into()));
    } else {
        for _ in 0..count {
            let (first, last) = two(reader)?;
            parts.push((first.into(), last.into()));
        }
    }
    let islands = Islands::of(parts).ok_or(Malformed("a range tombstone's parts are not in order"))?;
    one.written.get_mut().parts = islands;
    Ok(one)
}

fn two<'a>(reader: &mut Reader<'a>) -> Parsed<(&'a [u8], &'a [u8])> {
    let (first, second) = (reader.u32()? as usize, reader.u32()? as usize);
    if first > KEY_BYTES_MAX || second > KEY_BYTES_MAX {
        return Err(Malformed("a range tombstone's key is too long"));
    }
    Ok((reader.bytes(first)?, reader.bytes(second)?))
}

#[cfg(test)]
mod tests {
    use super::super::after;
    use super::*;

    fn set() -> RangeTombstones {
        let one = |revision, start, end| {
            let range = KeyRange { start, end };
            Arc::new(RangeTombstone::new((revision, 1), range))
        };
        let set = RangeTombstones::default()
            .with(one(3, b"a", Some(b"m")))
            .with(one(5, b"c", None));
        set.note(b"d", 0, 9);
        set
    }

    #[test]
    fn a_set_is_read_back_as_it_was() {
        let bytes = encode_set(&set());
        let again = decode_set(&bytes, 5).unwrap();
        assert_eq!(encode_set(&again), bytes);
        assert!(again.hides(b"d", 4, after(5)));
        assert_eq!(again.pass(b"c", after(5), false), Some(b"d".to_vec()));
        assert!(decode_set(&bytes, 4).is_err(), "one is of a revision to come");
    }

    #[test]
    fn damage_is_refused_or_is_a_set() {
        let bytes = encode_set(&set());
        for at in 0..bytes.len() {
            // Cut between two, it is a shorter set: the checksum around it tells.
            let cut = decode_set(&bytes[..at], 5).map(|set| encode_set(&set).len());
            assert!(cut.is_err() || cut == Ok(at), "cut at {at}");
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            let _ = decode_set(&damaged, u64::MAX);
        }
    }
}
