//! Dropping old history. What a read above the compacted revision still needs of it, at most one version of a key, is
//! copied to a survivors file first. So are the changes of the compacted revision itself, which watches may still begin with.
//! Costs what goes, whatever stays: `survivors.rs` reads the one and not the other, and of the survivors files of earlier
//! compactions the new one takes the place only of those that are small beside it (`kept.rs`).
//!
//! Order of steps, each safe to crash after: write the new survivors file under a spare name, sync it, rename it (from
//! here on it says what is compacted), sync the directory, then delete the old survivors and segments.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use super::super::failure::{corrupt, io_failure};
use super::super::files::{sync_directory, write_at};
use super::super::row::unpack;
use super::kept::{plan, Plan};
use super::open::remove;
use super::record::{encode, Parts, Record};
use super::segment::{write_footer, write_header, Chain, Index, Sealed, HEADER_BYTES};
use super::survivors::{Going, IsNamed};
use super::{Cursor, History, Kept};
use crate::StoreError;

/// Bytes of survivors that are written at a time.
const WRITE_BYTES: usize = 1 << 20;

/// What to compact.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Compaction {
    /// The new compacted revision.
    pub(in crate::engine) to: u64,
    /// Changes above this revision carry their before-images, so they need no survivors.
    pub(in crate::engine) until: u64,
    /// Segments from this one on are kept: the last flush says that history ends in it.
    pub(in crate::engine) keep_segment: u64,
}

impl History {
    /// Compacts, unless it is already or `stopping` is set meanwhile. To be called by one thread at a time.
    pub(in crate::engine) fn compact(
        &self,
        compaction: Compaction,
        is_named: IsNamed<'_>,
        stopping: &AtomicBool,
    ) -> Result<(), StoreError> {
        let Some(plan) = plan(&self.state, &compaction) else {
            return Ok(());
        };
        rafterdb_fault::point("store.compact.planned")
            .map_err(|error| io_failure(&error, "compacting", &self.directory))?;
        let Some(survivors) = self.write_survivors(compaction, &plan, is_named, stopping)? else {
            return Ok(());
        };
        self.written.fetch_add(survivors.bytes, Ordering::Relaxed);
        self.state.write().carry_out(&plan, compaction.to, survivors);
        for file in plan.dropped() {
            rafterdb_fault::point("store.compact.delete")
                .map_err(|error| io_failure(&error, "removing", &file.path))?;
            self.opened.remove(&file.path);
            remove(&file.path)?;
        }
        Ok(())
    }

    /// Begins the survivors of an empty history that is to begin above revision `floor`, as that of a snapshot does.
    pub(in crate::engine) fn begin_above(&self, floor: u64) -> Result<Writer, StoreError> {
        // What comes above it carries what it needs.
        let chain = Chain {
            oldest: floor,
            previous: 0,
            until: floor,
        };
        Writer::create(self.survivors_path(floor).with_extension("new"), (1, floor), chain)
    }

    /// The changes of the floor are added: the history begins above it.
    pub(in crate::engine) fn begun_above(&self, survivors: Writer) -> Result<(), StoreError> {
        let (_, floor) = survivors.header;
        let survivors = survivors.finish(&self.survivors_path(floor))?;
        let mut state = self.state.write();
        state.kept = Arc::new(Kept {
            floor,
            survivors: vec![Arc::new(survivors)],
            segments: Vec::new(),
        });
        Ok(())
    }

    fn survivors_path(&self, floor: u64) -> PathBuf {
        self.directory.join(survivors_name(floor))
    }

    fn write_survivors(
        &self,
        compaction: Compaction,
        plan: &Plan,
        is_named: IsNamed<'_>,
        stopping: &AtomicBool,
    ) -> Result<Option<Sealed>, StoreError> {
        let path = self.survivors_path(compaction.to);
        let header = (plan.first_kept, compaction.to);
        let mut writer = Writer::create(path.with_extension("new"), header, plan.chain(&compaction))?;
        let going = Going {
            history: self,
            plan,
            compaction,
            stopping,
        };
        if !going.write_survivors(is_named, &mut writer)? {
            return Ok(None);
        }
        self.keep_changes_of(compaction.to, &mut writer)?;
        writer.finish(&path).map(Some)
    }

    /// Copies the changes of a revision above the floor, each with what it replaced.
    fn keep_changes_of(&self, revision: u64, writer: &mut Writer) -> Result<(), StoreError> {
        let mut cursor = Cursor::at(self, revision)?;
        while cursor.advance()? && cursor.record().revision == revision {
            let record = cursor.record();
            let before = match unpack(record.row).map_or(0, |row| row.previous) {
                previous if previous > 0 && record.before.is_empty() => {
                    self.replaced_by(&record, previous, self.floor())?
                }
                _ => record.before.to_vec(),
            };
            writer.add(&Parts {
                revision,
                sub: record.sub,
                key: record.key,
                row: [record.row, &[]],
                before: &before,
            })?;
        }
        Ok(())
    }

    /// The row at revision `previous`, which a change above `floor` replaced and does not carry.
    fn replaced_by(&self, record: &Record<'_>, previous: u64, floor: u64) -> Result<Vec<u8>, StoreError> {
        let found = if previous > floor {
            self.find(previous, record.key)?
        } else {
            self.find_survivor(record.revision, previous, record.key)?
        };
        found.map(|found| found.row).ok_or_else(|| {
            let what = format!(
                "the version at revision {previous} that revision {} replaced is not there",
                record.revision
            );
            corrupt(&self.directory, None, &what)
        })
    }
}

pub(super) fn survivors_name(floor: u64) -> String {
    format!("{floor:020}.survivors")
}

/// A survivors file being written. Removed if it is given up before it has its name.
pub(in crate::engine) struct Writer {
    path: PathBuf,
    file: File,
    header: (u64, u64),
    chain: Chain,
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
    fn create(path: PathBuf, header: (u64, u64), chain: Chain) -> Result<Self, StoreError> {
        let file = rafterdb_fault::point("store.compact.survivors")
            .and_then(|()| File::create(&path))
            .map_err(|error| io_failure(&error, "creating", &path))?;
        write_header(&file, &path, header.0, header.1)?;
        Ok(Self {
            path,
            file,
            header,
            chain,
            buffer: Vec::new(),
            written: HEADER_BYTES,
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
    fn finish(mut self, path: &Path) -> Result<Sealed, StoreError> {
        self.write_out()?;
        let sealed = write_footer(
            &self.file,
            &self.path,
            self.header,
            Some(self.chain),
            &self.index,
            self.written,
        )?;
        let directory = path.parent().unwrap_or(path);
        rafterdb_fault::point("store.compact.rename")
            .and_then(|()| self.file.sync_all())
            .and_then(|()| std::fs::rename(&self.path, path))
            .and_then(|()| sync_directory(directory))
            .and_then(|()| rafterdb_fault::point("store.compact.renamed"))
            .map_err(|error| io_failure(&error, "completing", path))?;
        Ok(Sealed {
            path: path.to_path_buf(),
            ..sealed
        })
    }
}
