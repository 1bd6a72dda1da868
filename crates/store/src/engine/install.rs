//! Makes a store out of a snapshot's stream: a new generation beside the current one, which may become current when it is
//! complete and on disk. Trusts nothing in the stream: what it cannot prove to be a store leaves everything as it was.

use std::io::Read;
use std::path::Path;

use rafterdb_codec::limits::KEY_BYTES_MAX;

use super::chunks::ChunkReader;
use super::directory::{build_next, Next};
use super::history::{decode, parse, Decoded, History, Parts, Sizes, Writer as SurvivorsWriter};
use super::lsm::{LsmEngine, MarkedState};
use super::options::{Budget, EngineOptions, SharedCache, MEMORY_BYTES_MIN};
use super::persisted_state::encode_persisted_state;
use super::range_tombstones::{decode_bounds, decode_set, RangeTombstones};
use super::row::unpack;
use super::shared::Persisted;
use super::snapshot::{END, HEADER, HISTORY, MAGIC, MAGIC_RANGES, NUMBER_MAX, RANGES, ROWS, STATE, STATE_BYTES_MAX};
use super::tables::Tables;
use super::Mark;
use crate::StoreError;

/// A store made out of a snapshot beside the one that is at work: whole, checked and on disk, and not in its place yet.
/// Dropped before [`Self::switch`], it goes; close what was opened of it first.
pub struct PreparedStore {
    next: Next,
    marked: MarkedState,
}

impl std::fmt::Debug for PreparedStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PreparedStore")
            .field("path", &self.next.path())
            .field("mark", &self.marked.0)
            .finish_non_exhaustive()
    }
}

impl PreparedStore {
    /// Builds a store from the whole of `source`, beside the one of `directory`, which may be open and goes on as it was.
    /// One at a time for a directory.
    ///
    /// # Errors
    /// `IO` if `source` fails, `STORE_CORRUPT` if what it gives is damaged or does not end where it should, `DISK_FULL`.
    /// Nothing is left of it then.
    pub fn build(directory: &Path, source: &mut dyn Read) -> Result<Self, StoreError> {
        let (next, marked) = build_next(directory, build_empty, |generation| {
            let (tables, history) = begin(generation)?;
            let mut install = Install {
                chunks: ChunkReader::new(source),
                raw: Vec::new(),
                tables: &tables,
                history: &history,
            };
            install.run()
        })?;
        Ok(Self { next, marked })
    }

    /// Where in the Raft log it stands.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        self.marked.0
    }

    /// Opens it where it is, as [`LsmEngine::open`] of the directory would after the switch.
    ///
    /// # Errors
    /// As of [`LsmEngine::open`].
    pub fn open(&self, options: EngineOptions) -> Result<(LsmEngine, Option<MarkedState>), StoreError> {
        LsmEngine::open_generation(self.next.path(), options)
    }

    /// Makes it what [`LsmEngine::open`] of the directory finds from now on, all or nothing. The files of the store before it
    /// go when that is [retired](LsmEngine::retire), or at the next open.
    ///
    /// # Errors
    /// `IO`, `DISK_FULL`: then it is not known which of the two is in place, and neither may be written to.
    pub fn switch(self) -> Result<MarkedState, StoreError> {
        self.next.switch()?;
        Ok(self.marked)
    }
}

/// Builds a store from `source` and puts it in place of the one of `directory`, which is not open. Returns the snapshot's mark
/// and state.
///
/// # Errors
/// As of [`PreparedStore::build`] and [`PreparedStore::switch`].
pub fn install_snapshot(directory: &Path, source: &mut dyn Read) -> Result<MarkedState, StoreError> {
    PreparedStore::build(directory, source)?.switch()
}

/// Builds a store without any rows, with a flush of index 0: so that a store always has a last flush, and one without
/// is damaged.
pub(super) fn build_empty(generation: &Path) -> Result<(), StoreError> {
    let (tables, history) = begin(generation)?;
    let persists = Persisted {
        end: history.write_out(0)?,
        ..Persisted::default()
    };
    history.sync()?;
    tables.ingest(
        &encode_persisted_state(&persists, &RangeTombstones::default(), &[]),
        std::iter::empty(),
    )?;
    Ok(())
}

/// Tables and history in a new generation's directory.
fn begin(generation: &Path) -> Result<(Tables, History), StoreError> {
    let options = EngineOptions {
        memory_bytes: MEMORY_BYTES_MIN,
        ..EngineOptions::default()
    };
    let budget = Budget::of(&options);
    let cache = SharedCache::new(budget.block_cache_bytes);
    let tables = Tables::create(&generation.join("tables"), &budget, &cache)?;
    let history = History::create(
        &generation.join("history"),
        Sizes::of(&Budget::of(&EngineOptions::default())),
    )?;
    Ok((tables, history))
}

struct Install<'a> {
    chunks: ChunkReader<'a>,
    raw: Vec<u8>,
    tables: &'a Tables,
    history: &'a History,
}

/// What the header says.
struct Begin {
    mark: Mark,
    compacted: u64,
    state_bytes: u64,
}

impl Install<'_> {
    fn run(&mut self) -> Result<MarkedState, StoreError> {
        let begin = self.read_header()?;
        let mut kind = self.chunks.read(&mut self.raw)?;
        let mut state = Vec::new();
        while kind == STATE {
            state.extend_from_slice(&self.raw);
            if state.len() as u64 > begin.state_bytes {
                break;
            }
            kind = self.chunks.read(&mut self.raw)?;
        }
        if state.len() as u64 != begin.state_bytes {
            return Err(self.chunks.damaged("the state is not as long as the header says"));
        }
        let ranges = self.read_ranges(&mut kind, &begin)?;
        let mut floor = self.history.begin_above(begin.compacted)?;
        let mut records = 0;
        let mut last = (begin.compacted.saturating_sub(1), u32::MAX);
        while kind == HISTORY {
            records += self.add_history(&begin, &mut last, &mut floor)?;
            kind = self.chunks.read(&mut self.raw)?;
        }
        self.history.begun_above(floor)?;
        let persists = Persisted {
            mark: begin.mark,
            compacted: begin.compacted,
            end: self.history.write_out(0)?,
        };
        self.history.sync()?;
        let rows = self.add_rows(kind, &begin, &persists, &ranges, &state)?;
        let mut expected = u64::to_le_bytes(records).to_vec();
        expected.extend_from_slice(&u64::to_le_bytes(rows));
        if self.raw != expected {
            return Err(self.chunks.damaged("something is missing before the end"));
        }
        self.chunks.expect_end()?;
        Ok((begin.mark, state))
    }

    fn read_header(&mut self) -> Result<Begin, StoreError> {
        let kind = self.chunks.read(&mut self.raw)?;
        let fields = self
            .raw
            .strip_prefix(MAGIC)
            .or_else(|| self.raw.strip_prefix(MAGIC_RANGES))
            .filter(|fields| kind == HEADER && fields.len() == 40);
        let Some(fields) = fields else {
            return Err(self
                .chunks
                .damaged("it is not the header of a snapshot that this version knows"));
        };
        let field = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&fields[at * 8..at * 8 + 8]);
            u64::from_le_bytes(bytes)
        };
        let begin = Begin {
            mark: Mark {
                index: field(0),
                term: field(1),
                revision: field(2),
            },
            compacted: field(3),
            state_bytes: field(4),
        };
        let Mark { index, term, revision } = begin.mark;
        let plausible = [index, term, revision].iter().all(|number| *number <= NUMBER_MAX)
            && begin.compacted <= revision
            && begin.state_bytes <= STATE_BYTES_MAX;
        if !plausible {
            return Err(self.chunks.damaged("its header makes no sense"));
        }
        Ok(begin)
    }

    /// The deleted ranges, from the current chunk on, which is of `kind`: afterwards of another one.
    fn read_ranges(&mut self, kind: &mut u32, begin: &Begin) -> Result<RangeTombstones, StoreError> {
        let mut set = Vec::new();
        while *kind == RANGES && set.len() as u64 <= STATE_BYTES_MAX {
            set.extend_from_slice(&self.raw);
            *kind = self.chunks.read(&mut self.raw)?;
        }
        let ranges = decode_set(&set, begin.mark.revision);
        ranges.map_err(|malformed| self.chunks.damaged(malformed.0))
    }

    fn add_history(
        &mut self,
        begin: &Begin,
        last: &mut (u64, u32),
        floor: &mut SurvivorsWriter,
    ) -> Result<u64, StoreError> {
        let mut rest = self.raw.as_slice();
        let mut records = 0;
        while !rest.is_empty() {
            let Decoded::Record(bytes) = decode(rest) else {
                return Err(self.chunks.damaged("a history record cannot be read"));
            };
            let record = parse(&rest[..bytes]);
            let in_order = (record.revision, record.sub) > *last && record.revision <= begin.mark.revision;
            let is_sound = if record.is_range() {
                is_deleted_range(record.key, record.before)
            } else {
                is_change(record.revision, record.key, record.row, record.before)
            };
            if !in_order || !is_sound {
                return Err(self.chunks.damaged("a history record makes no sense"));
            }
            *last = (record.revision, record.sub);
            let parts = Parts {
                revision: record.revision,
                sub: record.sub,
                key: record.key,
                row: [record.row, &[]],
                before: record.before,
            };
            if record.revision == begin.compacted {
                floor.add(&parts)?;
            } else {
                self.history.append(&parts)?;
            }
            rest = &rest[bytes..];
            records += 1;
        }
        Ok(records)
    }

    /// Adds the rows of all chunks from the current one on, which is of `kind`, and leaves the END chunk in `raw`.
    fn add_rows(
        &mut self,
        mut kind: u32,
        begin: &Begin,
        persists: &Persisted,
        ranges: &RangeTombstones,
        state: &[u8],
    ) -> Result<u64, StoreError> {
        let mut ingestion = self.tables.begin_ingestion()?;
        for (name, value) in encode_persisted_state(persists, ranges, state) {
            ingestion.meta(&name, &value)?;
        }
        let mut rows = 0;
        let mut last = Vec::new();
        while kind == ROWS {
            let mut rest = self.raw.as_slice();
            while !rest.is_empty() {
                let Some((key, row, after)) = split_row(rest) else {
                    return Err(self.chunks.damaged("a row cannot be read"));
                };
                let sound = unpack(row).is_some_and(|row| row.modified <= begin.mark.revision);
                if key <= last.as_slice() || key.len() > KEY_BYTES_MAX || !sound {
                    return Err(self.chunks.damaged("a row makes no sense"));
                }
                ingestion.row(key, row)?;
                last.clear();
                last.extend_from_slice(key);
                rest = after;
                rows += 1;
            }
            kind = self.chunks.read(&mut self.raw)?;
        }
        if kind != END {
            return Err(self.chunks.damaged("it is of a kind that does not belong here"));
        }
        ingestion.finish()?;
        Ok(rows)
    }
}

/// Whether a record of history says what one that the engine wrote could say: the row is of its revision, and the row that it
/// replaced, if it has it, is the one before.
fn is_change(revision: u64, key: &[u8], row: &[u8], before: &[u8]) -> bool {
    let Some(row) = unpack(row).filter(|row| row.modified == revision && key.len() <= KEY_BYTES_MAX) else {
        return false;
    };
    before.is_empty() || unpack(before).is_some_and(|before| before.modified == row.previous)
}

/// Whether a record without a row says what was deleted.
fn is_deleted_range(start: &[u8], bounds: &[u8]) -> bool {
    let is_key = |key: &[u8]| key.len() <= KEY_BYTES_MAX;
    is_key(start) && decode_bounds(bounds).is_some_and(|end| end.is_none_or(|end| is_key(end) && start < end))
}

/// Key, row and what follows them.
fn split_row(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<8>()?;
    let [a, b, c, d, e, f, g, h] = *header;
    let (key, rest) = rest.split_at_checked(u32::from_le_bytes([a, b, c, d]) as usize)?;
    let (row, rest) = rest.split_at_checked(u32::from_le_bytes([e, f, g, h]) as usize)?;
    Some((key, row, rest))
}
