//! A set of range tombstones as a flush and a snapshot keep it: which of the parts are kept, and what a set must be to be believed.
//! The bytes of each are the codec's (`rafterdb_codec::store::range_tombstone`).

use std::sync::Arc;

use rafterdb_codec::limits::KEY_BYTES_MAX;
use rafterdb_codec::store::pair::pair_bytes;
use rafterdb_codec::store::range_tombstone::StoredRangeTombstone;
use rafterdb_codec::{Malformed, Parsed, Reader};

use super::islands::Islands;
use super::{KeyRange, RangeTombstone, RangeTombstones};

/// Bytes of parts that are kept: those of the newest range tombstones. Of the others is only said that anything may be there.
const PARTS_BYTES_MAX: usize = 1 << 20;

/// No key lies behind it.
const LAST_KEY: &[u8] = &[0xff; KEY_BYTES_MAX];

/// All of a set.
pub(in crate::engine) fn encode_set(set: &RangeTombstones) -> Vec<u8> {
    let mut parts_bytes = 0;
    let mut pieces: Vec<Vec<u8>> = set.all().rev().map(|one| encode_one(one, &mut parts_bytes)).collect();
    pieces.reverse();
    pieces.concat()
}

fn encode_one(one: &RangeTombstone, parts_bytes: &mut usize) -> Vec<u8> {
    let written = one.written.read();
    let parts = written.parts.parts().iter().map(|(first, last)| (&**first, &**last));
    *parts_bytes += parts
        .clone()
        .map(|(first, last)| pair_bytes(first, last))
        .sum::<usize>();
    let mut out = Vec::new();
    let (revision, sub) = one.place;
    let stored = StoredRangeTombstone {
        revision,
        sub,
        start: &one.start,
        end: one.end.as_deref(),
        parts: (*parts_bytes <= PARTS_BYTES_MAX).then(|| parts.collect()),
    };
    stored.encode(&mut out);
    out
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
    let StoredRangeTombstone {
        revision,
        sub,
        start,
        end,
        parts,
    } = StoredRangeTombstone::decode(reader)?;
    let mut one = RangeTombstone::new((revision, sub), KeyRange { start, end });
    let parts = parts.unwrap_or_else(|| vec![(start, end.unwrap_or(LAST_KEY))]);
    let parts = parts.into_iter().map(|(first, last)| (first.into(), last.into()));
    let islands = Islands::of(parts.collect()).ok_or(Malformed("a range tombstone's parts are not in order"))?;
    one.written.get_mut().parts = islands;
    Ok(one)
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
