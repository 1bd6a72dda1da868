//! Keys that the table library does not take: it stops at 65,535 bytes, of which the family is one, and rafterdb allows
//! 65,536. Keys that share their first 65,534 bytes lie together in one entry, under those bytes: a bundle, which is at
//! the same place in the order as its keys.
//!
//! ```text
//! bundle   ([u32 restLen][u32 rowLen][rest of the key][packed row]) …    in key order
//! ```

use std::collections::BTreeMap;

/// Length of the key of a bundle, and of the shortest key that is in one.
const STEM_BYTES: usize = 65_534;

/// The bundle that `key` belongs to and its name there; `None` for a key that is stored by itself.
pub(super) fn split(key: &[u8]) -> Option<(&[u8], &[u8])> {
    key.split_at_checked(STEM_BYTES)
}

/// The rows of a stored bundle.
pub(super) fn rows(mut stored: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (lengths, rest) = stored.split_first_chunk::<8>()?;
        let [a, b, c, d, e, f, g, h] = *lengths;
        let (name, rest) = rest.split_at_checked(u32::from_le_bytes([a, b, c, d]) as usize)?;
        let (row, rest) = rest.split_at_checked(u32::from_le_bytes([e, f, g, h]) as usize)?;
        stored = rest;
        Some((name, row))
    })
}

/// The row of one key of a stored bundle.
pub(super) fn find<'a>(stored: &'a [u8], rest: &[u8]) -> Option<&'a [u8]> {
    rows(stored).find(|(name, _)| *name == rest).map(|(_, row)| row)
}

/// A bundle being changed.
#[derive(Default)]
pub(super) struct Bundle {
    stem: Option<Vec<u8>>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Bundle {
    /// The bundle of `stem` with what is stored of it.
    pub(super) fn begin(stem: &[u8], stored: Option<&[u8]>) -> Self {
        let stored = stored.into_iter().flat_map(rows);
        Self {
            stem: Some(stem.to_vec()),
            rows: stored.map(|(rest, row)| (rest.to_vec(), row.to_vec())).collect(),
        }
    }

    pub(super) fn stem(&self) -> Option<&[u8]> {
        self.stem.as_deref()
    }

    pub(super) fn set(&mut self, rest: &[u8], row: &[u8]) {
        self.rows.insert(rest.to_vec(), row.to_vec());
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut stored = Vec::new();
        for (rest, row) in &self.rows {
            stored.extend_from_slice(&(rest.len() as u32).to_le_bytes());
            stored.extend_from_slice(&(row.len() as u32).to_le_bytes());
            stored.extend_from_slice(rest);
            stored.extend_from_slice(row);
        }
        stored
    }
}
