//! Entries that memory does not hold any more, from the log's files. Knows nothing of who needs them.

use std::sync::Arc;

use rafterdb_codec::{skip_entries, Code};
use rafterdb_pool::Pool;
use rafterdb_wal::Reader;

use crate::ground::append_buffer;
use crate::ground::error::PlaneError;
use crate::state::tail::Block;

/// Reads the log's files.
pub struct LogReader {
    /// The files.
    pub files: Arc<Reader>,
    /// Where what is read comes to lie.
    pub pool: Arc<Pool>,
}

impl LogReader {
    /// Appends entries, cut into blocks by term; an error if there are none.
    pub fn read(
        &self,
        group: u16,
        first: u64,
        end: u64,
        bytes_max: usize,
        into: &mut Vec<Block>,
    ) -> Result<(), PlaneError> {
        let mut bytes = Vec::new();
        let read = self.files.read(group, first, end, bytes_max, &mut bytes)?;
        if read.runs.is_empty() {
            return Err(PlaneError::new(
                Code::LogCorrupt,
                format!("group {group}: entry {first} is not in the log"),
            ));
        }
        let bytes = append_buffer::copy(&self.pool, &bytes);
        let (mut index, mut at) = (first, 0);
        for (term, count) in read.runs {
            let count = u64::from(count);
            let rest = skip_entries(&bytes[at..], count)
                .map_err(|malformed| PlaneError::new(Code::LogCorrupt, malformed.0))?;
            let to = bytes.len() - rest.len();
            into.push(Block {
                first: index,
                term,
                count,
                bytes: bytes.slice(at..to),
            });
            index += count;
            at = to;
        }
        Ok(())
    }
}
