//! A survivors file, or one of images, on its way to the disk: written under a spare name, synced, then given its own. Knows nothing
//! of what is in it.

use std::fs::File;
use std::path::{Path, PathBuf};

use rafterdb_codec::store::history_file::{Chain, Header};
use rafterdb_codec::store::record::{encode, Parts};

use super::super::failure::io_failure;
use super::super::files::{sync_directory, write_at, write_back};
use super::segment::{write_footer, write_header, Index, Sealed, RECORDS_BEGIN};
use crate::StoreError;

/// Bytes that are written at a time.
const WRITE_BYTES: usize = 1 << 20;

pub(super) fn survivors_name(floor: u64) -> String {
    format!("{floor:020}.survivors")
}

/// Fault points of its life.
pub(super) struct Steps {
    pub(super) create: &'static str,
    pub(super) rename: &'static str,
    pub(super) renamed: &'static str,
}

/// Those of survivors.
pub(super) const SURVIVORS: Steps = Steps {
    create: "store.compact.survivors",
    rename: "store.compact.rename",
    renamed: "store.compact.renamed",
};

/// A file being written. Removed if it is given up before it has its name.
pub(in crate::engine) struct Writer {
    path: PathBuf,
    file: File,
    pub(super) header: Header,
    chain: Option<Chain>,
    steps: &'static Steps,
    buffer: Vec<u8>,
    written: u64,
    index: Index,
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Once it is complete nothing has this name. What cannot be removed now is removed by the next open.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Writer {
    pub(super) fn create(
        path: PathBuf,
        header: Header,
        chain: Option<Chain>,
        steps: &'static Steps,
    ) -> Result<Self, StoreError> {
        let file = rafterdb_fault::point(steps.create)
            .and_then(|()| File::create(&path))
            .map_err(|error| io_failure(&error, "creating", &path))?;
        write_header(&file, &path, header)?;
        Ok(Self {
            path,
            file,
            header,
            chain,
            steps,
            buffer: Vec::new(),
            written: RECORDS_BEGIN,
            index: Index::default(),
        })
    }

    pub(in crate::engine) fn add(&mut self, parts: &Parts<'_>) -> Result<(), StoreError> {
        self.index.note(parts.revision, self.written + self.buffer.len() as u64);
        encode(parts, &mut self.buffer);
        if self.buffer.len() >= WRITE_BYTES {
            self.write_out()?;
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), StoreError> {
        write_at(&self.file, &self.buffer, self.written).map_err(|error| io_failure(&error, "writing", &self.path))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Completes the file and gives it its name.
    pub(super) fn finish(mut self, path: &Path) -> Result<Sealed, StoreError> {
        self.write_out()?;
        let sealed = write_footer(
            &self.file,
            &self.path,
            self.header,
            self.chain,
            &self.index,
            self.written,
        )?;
        let directory = path.parent().unwrap_or(path);
        write_back(&self.file, 0, sealed.bytes);
        rafterdb_fault::point(self.steps.rename)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| std::fs::rename(&self.path, path))
            .and_then(|()| sync_directory(directory))
            .and_then(|()| rafterdb_fault::point(self.steps.renamed))
            .map_err(|error| io_failure(&error, "completing", path))?;
        Ok(Sealed {
            path: path.to_path_buf(),
            ..sealed
        })
    }
}
