//! Values that wait in a file until the rows before them in the tables are written: a snapshot brings each with its row. The file is of
//! a store that is being built, and counts for nothing: it goes with the spool, or with what was built so far.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use rafterdb_codec::store::{apart, RowRef};

use super::failure::{corrupt, io_failure};
use crate::StoreError;

/// Bytes of the file that are held in memory.
const BUFFER_BYTES: usize = 256 << 10;

/// Called with key, revision and value.
type Visit<'a> = &'a mut dyn FnMut(&[u8], u64, &[u8]) -> Result<(), StoreError>;

pub(super) struct Spool {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    count: u64,
    record: Vec<u8>,
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.count > 0 {
            // What cannot be removed now goes with the directory, or is passed over.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Spool {
    /// One beside the tables in `tables`.
    pub(super) fn new(tables: &Path) -> Self {
        Self {
            path: tables.with_extension("spool"),
            file: None,
            count: 0,
            record: Vec::new(),
        }
    }

    /// Adds the value of the row of `key`.
    pub(super) fn add(&mut self, key: &[u8], row: &RowRef<'_>, value: &[u8]) -> Result<(), StoreError> {
        let failed = |error: std::io::Error| io_failure(&error, "writing", &self.path);
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = rafterdb_fault::point("store.install.spool").and_then(|()| File::create(&self.path));
                none.insert(BufWriter::with_capacity(BUFFER_BYTES, file.map_err(failed)?))
            }
        };
        self.record.clear();
        apart::encode_spooled(key, row.modified, value, &mut self.record);
        self.count += 1;
        file.write_all(&self.record).map_err(failed)
    }

    /// Calls `visit` with key, revision and value of each, in order.
    pub(super) fn each(&mut self, visit: Visit<'_>) -> Result<(), StoreError> {
        let failed = |error: std::io::Error| io_failure(&error, "reading", &self.path);
        let Some(mut written) = self.file.take() else {
            return Ok(());
        };
        written.flush().map_err(failed)?;
        drop(written);
        let file = File::open(&self.path).map_err(failed)?;
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        for _ in 0..self.count {
            let mut lengths = [0; apart::SPOOLED_LENGTHS];
            reader.read_exact(&mut lengths).map_err(failed)?;
            let (key, stored) = apart::spooled_lengths(&lengths);
            self.record.resize(key + stored, 0);
            reader.read_exact(&mut self.record).map_err(failed)?;
            let (key, stored) = self.record.split_at(key);
            let found = apart::decode(stored);
            let (modified, value) =
                found.ok_or_else(|| corrupt(&self.path, None, "a value that waits cannot be read"))?;
            visit(key, modified, value)?;
        }
        Ok(())
    }
}
