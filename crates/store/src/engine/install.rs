//! Makes a store out of a snapshot's stream: a new generation beside the current one, which may become current when it is
//! complete and on disk. Trusts nothing in the stream: what it cannot prove to be a store leaves everything as it was.

use std::io::Read;
use std::path::Path;

use rafterdb_codec::limits::KEY_BYTES_MAX;
use rafterdb_codec::store::pair::split_pair;
use rafterdb_codec::store::range_tombstone::decode_bounds;
use rafterdb_codec::store::record::{decode, parse, Decoded, Parts};
use rafterdb_codec::store::row::unpack;
use rafterdb_codec::store::snapshot::{End, Header, END, HEADER, HISTORY, RANGES, ROWS, STATE};
use rafterdb_codec::store::Value;
use rafterdb_codec::SAFE_NUMBER_MAX;

use super::chunks::ChunkReader;
use super::directory::{build_next, Next};
use super::generation::{begin, build_empty};
use super::history::{History, Writer as SurvivorsWriter};
use super::lsm::{LsmEngine, MarkedState};
use super::options::EngineOptions;
use super::persisted_state::encode_persisted_state;
use super::range_tombstones::{decode_set, RangeTombstones};
use super::shared::Persisted;
use super::snapshot::STATE_BYTES_MAX;
use super::spool::Spool;
use super::tables::{lies_apart, Tables};
use super::values::{is_whole, pack_apart};
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
            end: self.history.cut(0),
        };
        self.history.sync()?;
        let rows = self.add_rows(kind, &begin, &persists, &ranges, &state)?;
        if End::decode(&self.raw) != Some(End { records, rows }) {
            return Err(self.chunks.damaged("something is missing before the end"));
        }
        self.chunks.expect_end()?;
        Ok((begin.mark, state))
    }

    fn read_header(&mut self) -> Result<Begin, StoreError> {
        let kind = self.chunks.read(&mut self.raw)?;
        let Some(header) = Header::decode(&self.raw).filter(|_| kind == HEADER) else {
            return Err(self
                .chunks
                .damaged("it is not the header of a snapshot that this version knows"));
        };
        let begin = Begin {
            mark: Mark {
                index: header.index,
                term: header.term,
                revision: header.revision,
            },
            compacted: header.compacted,
            state_bytes: header.state_bytes,
        };
        let Mark { index, term, revision } = begin.mark;
        let plausible = [index, term, revision].iter().all(|number| *number <= SAFE_NUMBER_MAX)
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
        let mut spool = Spool::new(self.tables.path());
        let mut rows = 0;
        let mut last = Vec::new();
        while kind == ROWS {
            let mut rest = self.raw.as_slice();
            while !rest.is_empty() {
                let Some((key, row, after)) = split_pair(rest) else {
                    return Err(self.chunks.damaged("a row cannot be read"));
                };
                let unpacked = unpack(row).filter(|row| row.modified <= begin.mark.revision);
                let Some(Value::Here(value)) = unpacked.map(|row| row.value) else {
                    return Err(self.chunks.damaged("a row makes no sense"));
                };
                if key <= last.as_slice() || key.len() > KEY_BYTES_MAX {
                    return Err(self.chunks.damaged("a row makes no sense"));
                }
                match unpacked.filter(|_| lies_apart(key, value.len())) {
                    Some(unpacked) => {
                        spool.add(key, &unpacked, value)?;
                        ingestion.row(key, &pack_apart(&unpacked))?;
                    }
                    None => ingestion.row(key, row)?,
                }
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
        spool.each(&mut |key, modified, value| ingestion.value(key, modified, value))?;
        ingestion.finish()?;
        Ok(rows)
    }
}

/// Whether a record of history says what one that the engine wrote could say: the row is of its revision, and the row that it
/// replaced, if it has it, is the one before.
fn is_change(revision: u64, key: &[u8], packed: &[u8], before: &[u8]) -> bool {
    let Some(row) = unpack(packed).filter(|row| row.modified == revision && key.len() <= KEY_BYTES_MAX) else {
        return false;
    };
    is_whole(packed)
        && (before.is_empty()
            || is_whole(before) && unpack(before).is_some_and(|before| before.modified == row.previous))
}

/// Whether a record without a row says what was deleted.
fn is_deleted_range(start: &[u8], bounds: &[u8]) -> bool {
    let is_key = |key: &[u8]| key.len() <= KEY_BYTES_MAX;
    is_key(start) && decode_bounds(bounds).is_some_and(|end| end.is_none_or(|end| is_key(end) && start < end))
}
