//! This member's own store, which an increment that it has received goes on from: a view of it, and an eye on the disk's room while it is
//! read. Knows nothing of what is in either.

use std::path::Path;

use rafterdb_codec::Code;
use rafterdb_store::{BaseStore, Snapshot, StoreError};

use crate::ground::error::PlaneError;
use crate::queues::apply_queue::ApplyQueue;
use crate::snapshots::under_way::Snapshots;
use crate::snapshots::view::take_view;
use crate::system::disk_space::check_space;

/// The store of a group for which a snapshot has come.
pub struct OwnStore<'a> {
    /// Those under way.
    pub snapshots: &'a Snapshots,
    /// Who takes a view of it, between two entries.
    pub apply: &'a ApplyQueue,
    /// The group.
    pub group: u16,
    /// The revision up to which this member has said it has all; 0: it has said nothing.
    pub offered: u64,
    /// A file on the disk that the new store is written to.
    pub path: &'a Path,
}

impl OwnStore<'_> {
    fn take(&self, base: u64) -> Result<Snapshot, PlaneError> {
        if base != self.offered {
            let text = format!(
                "it goes on from revision {base}, and this member has offered {}",
                self.offered
            );
            return Err(PlaneError::new(Code::StoreCorrupt, text));
        }
        rafterdb_fault::point("member.snapshot.base").map_err(|e| PlaneError::io("member.snapshot.base", &e))?;
        take_view(self.apply, self.group, false).map(|(_, view)| view)
    }
}

impl BaseStore for OwnStore<'_> {
    fn view(&mut self, base: u64) -> Result<Snapshot, StoreError> {
        self.take(base).map_err(|error| StoreError::new(error.code, error.text))
    }

    fn look_after(&mut self) -> Result<(), StoreError> {
        self.snapshots
            .step()
            .and_then(|()| check_space(self.path))
            .map_err(|error| StoreError::new(error.code, error.text))
    }
}
