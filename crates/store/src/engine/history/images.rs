//! Files of images: rows that changes replaced, whole, for changes whose records only name them. One for each flush that has some, of
//! the changes that it makes persistent; it goes when the last of these is compacted. Each lies at the revision of its change.
//!
//! Order of steps, each safe to crash after: written under a spare name, synced, given its name, the directory synced; only then may the
//! flush put other rows in the place of these. One of a flush that came no further is removed by the next open.

use std::path::PathBuf;
use std::sync::Arc;

use rafterdb_codec::store::history_file::Header;

use super::survivors_file::{Steps, Writer};
use super::{History, Kept};
use crate::StoreError;

const STEPS: Steps = Steps {
    create: "store.images.create",
    rename: "store.images.rename",
    renamed: "store.images.renamed",
};

/// Name of the images of the flush at revision `revision`.
pub(super) fn images_name(revision: u64) -> String {
    format!("{revision:020}.images")
}

impl History {
    /// Begins the images of the flush at a revision.
    pub(in crate::engine) fn begin_images(&self, revision: u64) -> Result<Writer, StoreError> {
        let header = Header {
            number: 0,
            floor: revision,
        };
        let path = self.images_path(revision).with_extension("new");
        Writer::create(path, header, None, &STEPS)
    }

    /// Whether the images of the flush at a revision are complete.
    pub(in crate::engine) fn has_images(&self, revision: u64) -> bool {
        let kept = self.kept();
        let newest = kept.images.last();
        newest.is_some_and(|file| file.floor == revision)
    }

    /// Completes images: from here on they are found.
    pub(in crate::engine) fn keep_images(&self, images: Writer) -> Result<(), StoreError> {
        let path = self.images_path(images.header.floor);
        let images = images.finish(&path)?;
        self.count_written(images.bytes);
        let mut state = self.state.write();
        let mut kept = Kept::clone(&state.kept);
        kept.images.push(Arc::new(images));
        state.kept = Arc::new(kept);
        Ok(())
    }

    /// The row that the change of `key` at revision `changed` replaced, if there is an image of it.
    pub(in crate::engine) fn find_image(&self, changed: u64, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let kept = self.kept();
        let at = kept.images.partition_point(|file| file.last < changed);
        let Some(file) = kept.images.get(at) else {
            return Ok(None);
        };
        Ok(self.find_in_file(file, changed, key)?.map(|found| found.row))
    }

    fn images_path(&self, revision: u64) -> PathBuf {
        self.directory.join(images_name(revision))
    }
}
