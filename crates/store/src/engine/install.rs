//! Makes a store out of a snapshot's stream: a new generation beside the current one, which may become current when it is
//! complete and on disk. Trusts nothing in the stream: what it cannot prove to be a store leaves everything as it was. What an increment
//! does not bring comes from the store that it goes on from (base.rs).

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

use super::adding::Adding;
use super::base::{look_after, BaseStore, NoBase, OwnRows};
use super::chunks::ChunkReader;
use super::content_hash::ContentHash;
use super::directory::{build_next, Next};
use super::generation::{begin, build_empty};
use super::history::{History, Writer as SurvivorsWriter};
use super::lsm::{LsmEngine, MarkedState};
use super::options::EngineOptions;
use super::persisted_state::encode_persisted_state;
use super::range_tombstones::{decode_set, RangeTombstones};
use super::shared::Persisted;
use super::snapshot::{Snapshot, STATE_BYTES_MAX};
use super::tables::Tables;
use super::values::is_whole;
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
        Self::build_on(directory, source, &mut NoBase)
    }

    /// The same of a stream that may be an [increment](Snapshot::write_above), with what it goes on from.
    ///
    /// # Errors
    /// As of [`Self::build`]; `STORE_CORRUPT` too if both together are not what the stream's sender has.
    pub fn build_on(directory: &Path, source: &mut dyn Read, base: &mut dyn BaseStore) -> Result<Self, StoreError> {
        let (next, marked) = build_next(directory, build_empty, |generation| {
            let (tables, history) = begin(generation)?;
            let mut install = Install {
                chunks: ChunkReader::new(source),
                raw: Vec::new(),
                tables: &tables,
                history: &history,
                hash: None,
            };
            install.run(base)
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
    /// Of an increment and of what it goes on from, together.
    hash: Option<ContentHash>,
}

/// What the header says.
struct Begin {
    mark: Mark,
    compacted: u64,
    state_bytes: u64,
    base: Option<u64>,
}

impl Install<'_> {
    fn run(&mut self, base: &mut dyn BaseStore) -> Result<MarkedState, StoreError> {
        let begin = self.read_header()?;
        let view = begin.base.map(|base_revision| self.view(&begin, base_revision, base));
        let view = view.transpose()?;
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
        let (kind, records) = self.read_history(kind, &begin, view.as_ref(), base)?;
        let persists = Persisted {
            mark: begin.mark,
            compacted: begin.compacted,
            end: self.history.cut(0),
        };
        self.history.sync()?;
        let mut ingestion = self.tables.begin_ingestion()?;
        for (name, value) in encode_persisted_state(&persists, &ranges, &state) {
            ingestion.meta(&name, &value)?;
        }
        let mut adding = Adding::new(ingestion, self.tables.path(), self.hash.take());
        let own = view
            .as_ref()
            .zip(begin.base)
            .map(|(view, revision)| OwnRows::new(view, revision, begin.compacted));
        self.add_rows(kind, &begin, &mut adding, own.transpose()?, base)?;
        let (rows, hash) = adding.finish()?;
        if End::decode(&self.raw) != Some(End { records, rows, hash }) {
            let what = if begin.base.is_some() {
                "with what it goes on from it is not what its sender has"
            } else {
                "something is missing before the end"
            };
            return Err(self.chunks.damaged(what));
        }
        self.chunks.expect_end()?;
        Ok((begin.mark, state))
    }

    /// The view of the store that an increment goes on from, if it does.
    fn view(&mut self, begin: &Begin, revision: u64, base: &mut dyn BaseStore) -> Result<Snapshot, StoreError> {
        self.hash = Some(ContentHash::default());
        let view = base.view(revision)?;
        if view.mark().revision < revision || view.compacted() > begin.compacted {
            return Err(self.chunks.damaged("it goes on from another store"));
        }
        Ok(view)
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
            base: header.base,
        };
        let Mark { index, term, revision } = begin.mark;
        let plausible = [index, term, revision].iter().all(|number| *number <= SAFE_NUMBER_MAX)
            && begin.compacted <= revision
            && begin
                .base
                .is_none_or(|base| (begin.compacted..=revision).contains(&base))
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

    /// History, from the current chunk on, which is of `kind`: that of the store that an increment goes on from first. Returns the kind of
    /// the chunk behind it, and how many records there are.
    fn read_history(
        &mut self,
        mut kind: u32,
        begin: &Begin,
        view: Option<&Snapshot>,
        base: &mut dyn BaseStore,
    ) -> Result<(u32, u64), StoreError> {
        let mut floor = self.history.begin_above(begin.compacted)?;
        let mut records = 0;
        let mut last = (begin.compacted.saturating_sub(1), u32::MAX);
        if let (Some(view), Some(revision)) = (view, begin.base) {
            let mut bytes = 0;
            view.each_record(begin.compacted, revision, &mut |_, record| {
                bytes += record.len();
                records += self.add_history(record, begin, &mut last, &mut floor)?;
                look_after(base, &mut bytes)
            })?;
            last = (revision, u32::MAX);
        }
        while kind == HISTORY {
            let raw = std::mem::take(&mut self.raw);
            records += self.add_history(&raw, begin, &mut last, &mut floor)?;
            self.raw = raw;
            kind = self.chunks.read(&mut self.raw)?;
        }
        self.history.begun_above(floor)?;
        Ok((kind, records))
    }

    fn add_history(
        &mut self,
        mut rest: &[u8],
        begin: &Begin,
        last: &mut (u64, u32),
        floor: &mut SurvivorsWriter,
    ) -> Result<u64, StoreError> {
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
            if let Some(hash) = &mut self.hash {
                hash.record(&rest[..bytes]);
            }
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

    /// Adds the rows of all chunks from the current one on, which is of `kind`, among those that are there already, and leaves the END
    /// chunk in `raw`.
    fn add_rows(
        &mut self,
        mut kind: u32,
        begin: &Begin,
        adding: &mut Adding<'_>,
        mut own: Option<OwnRows<'_>>,
        base: &mut dyn BaseStore,
    ) -> Result<(), StoreError> {
        let is_told = |modified| modified <= begin.mark.revision && begin.base.is_none_or(|base| modified > base);
        let mut last = Vec::new();
        while kind == ROWS {
            let mut rest = self.raw.as_slice();
            while !rest.is_empty() {
                let Some((key, packed, after)) = split_pair(rest) else {
                    return Err(self.chunks.damaged("a row cannot be read"));
                };
                let row = unpack(packed).filter(|row| is_told(row.modified));
                let Some((row, Value::Here(value))) = row.map(|row| (row, row.value)) else {
                    return Err(self.chunks.damaged("a row makes no sense"));
                };
                if key <= last.as_slice() || key.len() > KEY_BYTES_MAX {
                    return Err(self.chunks.damaged("a row makes no sense"));
                }
                if let Some(own) = &mut own {
                    own.add_before(Some(key), adding, base)?;
                }
                adding.add(key, packed, &row, value)?;
                last.clear();
                last.extend_from_slice(key);
                rest = after;
            }
            kind = self.chunks.read(&mut self.raw)?;
        }
        if let Some(own) = &mut own {
            own.add_before(None, adding, base)?;
        }
        if kind != END {
            return Err(self.chunks.damaged("it is of a kind that does not belong here"));
        }
        Ok(())
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
