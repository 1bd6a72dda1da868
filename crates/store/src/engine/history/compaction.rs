//! Dropping old history. What a read above the compacted revision still needs of it, at most one version of a key, is
//! copied to a survivors file first. So are the changes of the compacted revision itself, which watches may still begin with.
//! Costs what goes, whatever stays: `survivors.rs` reads the one and not the other, and of the survivors files of earlier
//! compactions the new one takes the place only of those that are small beside it (`kept.rs`).
//!
//! Order of steps, each safe to crash after: write the new survivors file under a spare name, sync it, rename it (from
//! here on it says what is compacted), sync the directory, then delete the old survivors, segments and images.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;

use rafterdb_codec::store::history_file::{Chain, Header};
use rafterdb_codec::store::record::{Parts, Record};
use rafterdb_codec::store::row::unpack;

use super::super::failure::{corrupt, io_failure};
use super::cursor::Cursor;
use super::kept::{plan, Compaction, Kept, Plan};
use super::segment::Sealed;
use super::survivors::{Going, IsNamed};
use super::survivors_file::{survivors_name, Writer, SURVIVORS};
use super::{remove, History};
use crate::StoreError;

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
        self.count_written(survivors.bytes);
        self.state.write().carry_out(&plan, compaction.to, survivors);
        let images = plan.dropped_images().map(|file| ("store.images.delete", file));
        for (point, file) in plan.dropped().map(|file| ("store.compact.delete", file)).chain(images) {
            rafterdb_fault::point(point).map_err(|error| io_failure(&error, "removing", &file.path))?;
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
        Writer::create(
            self.survivors_path(floor).with_extension("new"),
            Header { number: 1, floor },
            Some(chain),
            &SURVIVORS,
        )
    }

    /// The changes of the floor are added: the history begins above it.
    pub(in crate::engine) fn begun_above(&self, survivors: Writer) -> Result<(), StoreError> {
        let floor = survivors.header.floor;
        let survivors = survivors.finish(&self.survivors_path(floor))?;
        let mut state = self.state.write();
        state.kept = Arc::new(Kept {
            floor,
            survivors: vec![Arc::new(survivors)],
            ..Kept::default()
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
        let header = Header {
            number: plan.first_kept,
            floor: compaction.to,
        };
        let chain = plan.chain(&compaction);
        let mut writer = Writer::create(path.with_extension("new"), header, Some(chain), &SURVIVORS)?;
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
