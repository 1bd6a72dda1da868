//! Rows with their values on their way into a store that is being built: in key order, counted, and hashed if somebody wants to hold them
//! against another's. Knows no stream.

use std::path::Path;

use rafterdb_codec::store::RowRef;

use super::content_hash::ContentHash;
use super::spool::Spool;
use super::tables::{lies_apart, Ingestion};
use super::values::pack_apart;
use crate::StoreError;

/// Rows of a store that is being built.
pub(super) struct Adding<'a> {
    ingestion: Ingestion<'a>,
    spool: Spool,
    rows: u64,
    hash: Option<ContentHash>,
}

impl<'a> Adding<'a> {
    /// Behind the meta rows, into the tables in `path`; `hash`: of what comes before the rows, if there is to be one.
    pub(super) fn new(ingestion: Ingestion<'a>, path: &Path, hash: Option<ContentHash>) -> Self {
        Self {
            ingestion,
            spool: Spool::new(path),
            rows: 0,
            hash,
        }
    }

    /// Adds a row with its value, which lies apart in `packed` or in it.
    pub(super) fn add(&mut self, key: &[u8], packed: &[u8], row: &RowRef<'_>, value: &[u8]) -> Result<(), StoreError> {
        self.rows += 1;
        if let Some(hash) = &mut self.hash {
            hash.row(key, row);
        }
        if !lies_apart(key, value.len()) {
            return self.ingestion.row(key, packed);
        }
        self.spool.add(key, row, value)?;
        self.ingestion.row(key, &pack_apart(row))
    }

    /// Adds the values behind the rows. Returns how many rows there are, and the hash.
    pub(super) fn finish(mut self) -> Result<(u64, Option<u64>), StoreError> {
        let Self { ingestion, spool, .. } = &mut self;
        spool.each(&mut |key, modified, value| ingestion.value(key, modified, value))?;
        self.ingestion.finish()?;
        Ok((self.rows, self.hash.map(|hash| hash.value())))
    }
}
