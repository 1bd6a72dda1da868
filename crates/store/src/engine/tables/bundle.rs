//! A bundle being changed: keys that the table library does not take lie together in one entry. Which those are, and its bytes, are
//! the codec's (`rafterdb_codec::store::stored_keys`).

use std::collections::BTreeMap;

use rafterdb_codec::store::pair::{pairs, push_pair};

/// A bundle being changed.
#[derive(Default)]
pub(super) struct Bundle {
    stem: Option<Vec<u8>>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Bundle {
    /// The bundle of `stem` with what is stored of it.
    pub(super) fn begin(stem: &[u8], stored: Option<&[u8]>) -> Self {
        let stored = stored.into_iter().flat_map(pairs);
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
            push_pair(&mut stored, rest, row);
        }
        stored
    }
}
