//! Tables that an attempt left half made when room on the disk, or descriptors, ran out: they take the room that is short, so they go
//! before the next attempt. Knows which numbers tables have, not what is in them.

use std::path::Path;

use lsm_tree::{AbstractTree, AnyTree};
use parking_lot::{Mutex, RwLock};

/// What the tables were when an attempt to make some began.
#[derive(Clone, Copy)]
struct Began {
    /// No table had this number or a higher one.
    first: u64,
    version: u64,
}

/// Who makes tables, and what they left.
#[derive(Default)]
pub(super) struct Leftovers {
    /// Read by those that make tables, written by who removes what was left.
    making: RwLock<()>,
    left: Mutex<Option<Began>>,
}

impl Leftovers {
    /// Runs an attempt; what it leaves if it fails is removed, unless somebody else makes tables: then by a later one.
    pub(super) fn attempt<T, E>(
        &self,
        tree: &AnyTree,
        path: &Path,
        body: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let began = Began {
            first: tree.next_table_id(),
            version: tree.current_version().id(),
        };
        let made = {
            let _making = self.making.read();
            body()
        };
        if made.is_err() {
            self.remove(tree, path, began);
        }
        made
    }

    fn remove(&self, tree: &AnyTree, path: &Path, began: Began) {
        let mut left = self.left.lock();
        // Of another version of the tables: some that were replaced since may still be read. The next open removes them.
        let from = left.filter(|left| left.version == began.version).unwrap_or(began);
        *left = Some(from);
        let Some(_alone) = self.making.try_write() else {
            return;
        };
        let version = tree.current_version();
        *left = None;
        if version.id() != from.version {
            return;
        }
        for number in from.first..tree.next_table_id() {
            if version.iter_tables().all(|table| table.id() != number) {
                // Not there, or not to be removed now: nothing depends on it.
                let _ = std::fs::remove_file(path.join("tables").join(number.to_string()));
            }
        }
    }
}
