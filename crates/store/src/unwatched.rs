//! A store without a member around it: nobody reads or watches it while it is worked on.

use std::path::Path;
use std::sync::Arc;

use rafterdb_codec::Code;

use crate::engine::{EngineOptions, LsmEngine};
use crate::machine::{Deliver, Machine, WatchId};
use crate::StoreError;

/// Nobody watches.
struct Nobody;

impl Deliver for Nobody {
    fn deliver(&self, _watch: WatchId, _code: Code, _body: &[u8]) {}

    fn behind(&self) {}
}

/// Opens the store in `directory`; it is made if it is not there.
///
/// # Errors
/// `STORE_CORRUPT` naming the file, `FORMAT_NEWER`, `IO`, `DISK_FULL`.
pub fn open_unwatched(directory: &Path, options: EngineOptions) -> Result<Machine<LsmEngine>, StoreError> {
    let (engine, recovered) = LsmEngine::open(directory, options)?;
    Machine::new(engine, recovered, Arc::new(Nobody))
}
