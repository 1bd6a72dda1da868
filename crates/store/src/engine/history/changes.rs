//! All changes from a revision on, in order, for whoever wants each of them. Of the revision up to which history was compacted
//! they lie among the survivors, whole with what they replaced: who has seen everything before it misses nothing from there.
//! Knows no watches and no snapshots.

use rafterdb_codec::store::record::Record;

use super::cursor::Cursor;
use super::History;
use crate::StoreError;

/// A place among the changes that moves forward.
pub(in crate::engine) struct Changes<'h> {
    /// Those of the floor, while they are not passed.
    at_floor: Option<Cursor<'h>>,
    floor: u64,
    above: Cursor<'h>,
}

impl<'h> Changes<'h> {
    /// Before the first change of `revision` or above, which must not be below the floor: else it begins above that.
    pub(in crate::engine) fn from(history: &'h History, revision: u64) -> Result<Self, StoreError> {
        loop {
            let floor = history.floor();
            let newest = history.kept().survivors.last().cloned();
            let newest = newest.filter(|file| revision == floor && file.floor == floor);
            let at_floor = newest.map(|file| Cursor::in_file(history, &file, floor)).transpose()?;
            let above = Cursor::at(history, revision.max(floor + 1))?;
            // A segment that a compaction takes away later is missed; one that went in between was only passed over.
            if history.floor() == floor {
                return Ok(Self { at_floor, floor, above });
            }
        }
    }

    /// Goes to the next change. `false` at the end.
    pub(in crate::engine) fn advance(&mut self) -> Result<bool, StoreError> {
        if let Some(cursor) = &mut self.at_floor {
            // In files of an older version the survivors lie behind them.
            if cursor.advance()? && cursor.record().revision == self.floor {
                return Ok(true);
            }
            self.at_floor = None;
        }
        self.above.advance()
    }

    /// The change that the last `advance` came to.
    pub(in crate::engine) fn record(&self) -> Record<'_> {
        self.cursor().record()
    }

    /// The same as it is stored.
    pub(in crate::engine) fn record_bytes(&self) -> &[u8] {
        self.cursor().record_bytes()
    }

    fn cursor(&self) -> &Cursor<'h> {
        self.at_floor.as_ref().unwrap_or(&self.above)
    }
}
