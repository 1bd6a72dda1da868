//! Opens a log: reads every segment, tells a torn end from damage, rebuilds the index.
//!
//! The last write before a crash may be there in part, or not at all. It is cut off if nothing contradicts that it was
//! the last: a later batch that says the damaged one was already durable does, and so does the header of the next
//! segment. Then acknowledged entries are gone, and the log refuses to open. The one case that nothing on this disk can
//! tell from a torn write is damage to the very last batch.
//! That holds in every durability. What was written since the last sync may be there, or not, in any order, after a power
//! failure; all of it is in the last segment, since the one before is synced when the next begins, and no batch says of an unsynced
//! one that it was durable. So the first batch that is not sound is where the log ends, and nothing merely unsynced is refused. What
//! the cut means for the member that had acknowledged it is the owner's affair (crates/plane/src/member/data_dir.rs).
//! A cut end is never written over: the log goes on in a new segment, whose header says where the old one's end is.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use rafterdb_codec::log::{visit_records, BLOCK};
use rafterdb_codec::Code;
use rafterdb_fault as fault;
use rafterdb_pool::Pool;

use crate::checkpoint::{start_segment, Tail};
use crate::error::WalError;
use crate::index::{Change, Group, Index, Position};
use crate::io::{self, Access};
use crate::options::{Options, BATCH_BYTES_MAX};
use crate::reader::Reader;
use crate::scan::{Found, Scan};
use crate::segment::{self, Segment};
use crate::spare::Spares;
use crate::writer::Writer;

/// What a log held when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Every group that ever wrote something.
    pub groups: BTreeMap<u16, RecoveredGroup>,
    /// How the log writes: `O_DIRECT+O_DSYNC`, `fdatasync`, …
    pub mode: String,
    /// What the member's owner should know, such as a torn end that was cut.
    pub notes: Vec<String>,
}

/// One group's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveredGroup {
    /// The current term.
    pub term: u64,
    /// Whom the member voted for in it; 0 for nobody.
    pub vote: u64,
    /// The commit index it last wrote down.
    pub commit: u64,
    /// (index, term) after which the log starts: entries up to it are gone.
    pub start: (u64, u64),
    /// (first index, term) of each run of entries of one term, ascending.
    pub runs: Vec<(u64, u64)>,
    /// Index of the last entry; the start's if there is none.
    pub last_index: u64,
}

impl From<&Group> for RecoveredGroup {
    fn from(group: &Group) -> Self {
        let hard = group.hard;
        Self {
            term: hard.term,
            vote: hard.vote,
            commit: hard.commit,
            start: group.start,
            runs: group.runs.iter().copied().collect(),
            last_index: group.last,
        }
    }
}

/// Opens the log in `options.dir`, or makes a new one. Errors: `LOG_CORRUPT`, `LOG_SEGMENT_MISSING`, `FORMAT_NEWER`
/// (nothing was changed), `DISK_FULL`, `IO`, `INVALID_ARGUMENT`.
pub fn open(options: Options) -> Result<(Writer, Arc<Reader>, Recovered), WalError> {
    options.check()?;
    fault::load().map_err(|reason| WalError::new(Code::InvalidArgument, reason))?;
    let dir = options.dir.clone();
    std::fs::create_dir_all(&dir).map_err(|error| WalError::io(&error, "create the directory", &dir))?;
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        io::sync_dir(parent)?;
    }
    let access = io::choose(&dir, options.backend, options.durability)?;
    let pool = Pool::new();
    let mut recovery = Recovery {
        pool: Arc::clone(&pool),
        index: Index::default(),
        notes: Vec::new(),
    };
    let end = recovery.replay(&dir, access)?;
    let Recovery { mut index, notes, .. } = recovery;

    let mut spares = Spares::open(&dir, options.segment_bytes)?;
    let (segment, tail) = match end {
        Some(End {
            segment,
            tail,
            goes_on: true,
        }) => (segment, tail),
        end => {
            let before = end.as_ref().map_or(0, |end| end.segment.header.bytes);
            let tail = end.map_or(
                Tail {
                    segment: 0,
                    offset: 0,
                    next_batch: 1,
                },
                |end| end.tail,
            );
            let sizes = (options.segment_bytes_after(before), 0);
            let (segment, offset) = start_segment(&index, tail, sizes, &mut spares, &pool, access)?;
            index.segments.insert(segment.sequence(), Arc::clone(&segment));
            index.log_end += offset - BLOCK as u64;
            (
                segment,
                Tail {
                    segment: tail.segment + 1,
                    offset,
                    next_batch: tail.next_batch + 1,
                },
            )
        }
    };
    io::sync_dir(&dir)?;
    let recovered = Recovered {
        groups: index.groups.iter().map(|(group, log)| (*group, log.into())).collect(),
        mode: io::describe(access, options.durability),
        notes,
    };
    let shared = Arc::new(RwLock::new(index));
    let reader = Arc::new(Reader::new(Arc::clone(&shared), Arc::clone(&pool)));
    let writer = Writer::new(options, access, pool, spares, shared, segment, tail);
    Ok((writer, reader, recovered))
}

struct Recovery {
    pool: Arc<Pool>,
    index: Index,
    notes: Vec<String>,
}

/// The end of the recovered log.
struct End {
    segment: Arc<Segment>,
    tail: Tail,
    /// Whether the next batch may be written there.
    goes_on: bool,
}

/// Where reading a segment stopped.
struct Stop {
    offset: u64,
    next_batch: u64,
    /// Offset of the first batch of which no later one says that it was durable.
    unsynced_from: u64,
    why: Why,
}

enum Why {
    /// At the end that the next segment's header gives.
    AtEnd,
    Nothing,
    Remains,
    /// A batch whose header is sound and whose records are not.
    Torn {
        bytes: u64,
    },
}

impl Recovery {
    /// Reads all segments. Returns the end, durable; `None` if there is no segment.
    fn replay(&mut self, dir: &Path, access: Access) -> Result<Option<End>, WalError> {
        let mut segments = Vec::new();
        for (sequence, path) in segment::list(dir)? {
            segments.push(Arc::new(Segment::open(&path, sequence, access)?));
        }
        let Some(last) = segments.last().cloned() else {
            return Ok(None);
        };
        let mut end = None;
        for (at, segment) in segments.iter().enumerate() {
            self.index.segments.insert(segment.sequence(), Arc::clone(segment));
            let next = segments.get(at + 1).map(|next| next.header);
            let stop = self.replay_segment(segment, next.map(|next| next.previous_end))?;
            if let Some(next) = next {
                self.check_seam(segment, &stop, next.previous_end, next.first_batch)?;
            } else {
                end = Some(stop);
            }
        }
        self.check_nothing_missing(&segments[0])?;
        let stop = end.expect("there is a last segment");
        self.finish(last, &stop, access).map(Some)
    }

    /// Applies the batches of a segment up to `end`, or up to the first that is not sound.
    fn replay_segment(&mut self, segment: &Segment, end: Option<u64>) -> Result<Stop, WalError> {
        let pool = Arc::clone(&self.pool);
        let mut scan = Scan::new(segment, &pool, BATCH_BYTES_MAX);
        let mut changes = Vec::new();
        let mut unsynced = VecDeque::new();
        let (mut offset, mut sequence) = (BLOCK as u64, segment.header.first_batch);
        let why = loop {
            if end == Some(offset) {
                break Why::AtEnd;
            }
            let (header, bytes) = match scan.batch(offset, sequence)? {
                Found::Batch(header, bytes) if header.sequence == sequence => (header, bytes),
                Found::Batch(..) | Found::Remains => break Why::Remains,
                Found::Nothing => break Why::Nothing,
            };
            changes.clear();
            let is_sound = visit_records(segment.header.nonce, &header, bytes, |group, record| {
                changes.push((group, Change::from(record)));
            });
            if is_sound.is_err() {
                break Why::Torn { bytes: header.padded() };
            }
            for (record, (group, change)) in (0..).zip(changes.drain(..)) {
                if let Change::Seal { next } = change {
                    return Err(Self::missing_last(segment, next));
                }
                let position = Position {
                    segment: segment.sequence(),
                    offset,
                    record,
                    log: self.index.log_end,
                };
                let applied = self.index.apply(group, change, position);
                applied.map_err(|reason| WalError::corrupt(&segment.path, offset, &reason))?;
            }
            while unsynced.front().is_some_and(|(before, _)| *before <= header.synced) {
                unsynced.pop_front();
            }
            // The checkpoint was durable before the segment had its name.
            if offset > BLOCK as u64 {
                unsynced.push_back((sequence, offset));
            }
            offset += header.padded();
            sequence += 1;
            self.index.log_end += header.padded();
        };
        if sequence == segment.header.first_batch {
            return Err(WalError::corrupt(&segment.path, offset, "its checkpoint is not sound"));
        }
        let unsynced_from = unsynced.front().map_or(offset, |(_, offset)| *offset);
        Ok(Stop {
            offset,
            next_batch: sequence,
            unsynced_from,
            why,
        })
    }

    /// A seal is met only where no successor says that the segment ends before it.
    fn missing_last(segment: &Segment, next: u64) -> WalError {
        let missing = segment.path.with_file_name(segment::segment_name(next));
        let what = format!(
            "{} says that the log goes on in {}, which is missing",
            segment.path.display(),
            missing.display()
        );
        segment::missing_segment(&missing, &what)
    }

    /// A segment that has a successor must be whole up to the end that the successor's header gives.
    fn check_seam(&self, segment: &Segment, stop: &Stop, end: u64, next_batch: u64) -> Result<(), WalError> {
        if stop.offset == end && stop.next_batch == next_batch {
            return Ok(());
        }
        let what = format!(
            "batch {} is not sound, but the next segment says that batches up to {} were durable, up to byte {end}",
            stop.next_batch,
            next_batch - 1
        );
        Err(WalError::corrupt(&segment.path, stop.offset, &what))
    }

    /// Every group's entries must be there from its start on.
    fn check_nothing_missing(&self, oldest: &Segment) -> Result<(), WalError> {
        for (group, log) in &self.index.groups {
            if log.last > log.start.0 && log.known > log.start.0 + 1 {
                let what = format!(
                    "entries {} to {} of group {group} were in segments before {}, which are missing",
                    log.start.0 + 1,
                    log.known - 1,
                    oldest.path.display()
                );
                return Err(segment::missing_segment(&oldest.path, &what));
            }
        }
        Ok(())
    }

    /// Judges what follows the last sound batch, and makes the recovered end durable.
    fn finish(&mut self, segment: Arc<Segment>, stop: &Stop, access: Access) -> Result<End, WalError> {
        let length = segment.length()?;
        let later = self.look_behind(&segment, stop, length)?;
        let torn = match stop.why {
            Why::Torn { bytes } => Some(later.map_or(bytes, |end| end - stop.offset)),
            Why::Remains => Some(later.map_or(BLOCK as u64, |end| end - stop.offset)),
            Why::Nothing | Why::AtEnd => later.map(|end| end - stop.offset),
        };
        if let Some(bytes) = torn {
            self.notes.push(format!(
                "the log ended in a write that was not finished: cut {bytes} bytes at byte {} of {}",
                stop.offset,
                segment.path.display()
            ));
        }
        if length < segment.header.bytes {
            self.notes.push(format!(
                "{} has {length} bytes instead of {}; nothing that was durable is missing",
                segment.path.display(),
                segment.header.bytes
            ));
        }
        self.make_durable(&segment, stop, access)?;
        let tail = Tail {
            segment: segment.sequence(),
            offset: stop.offset,
            next_batch: stop.next_batch,
        };
        Ok(End {
            goes_on: torn.is_none() && length == segment.header.bytes,
            segment,
            tail,
        })
    }

    /// Looks for batches after the last sound one. One that knows the damaged batch as durable proves damage.
    /// Otherwise they were written before any sync, and returns where the last of them ends.
    fn look_behind(&self, segment: &Segment, stop: &Stop, length: u64) -> Result<Option<u64>, WalError> {
        let mut scan = Scan::new(segment, &self.pool, BATCH_BYTES_MAX);
        let mut end = None;
        let mut offset = stop.offset;
        while offset < length {
            if let Some(header) = scan.header(offset)? {
                if header.synced >= stop.next_batch {
                    let what = format!(
                        "batch {} is not sound, but batch {} at byte {offset} says that it was durable",
                        stop.next_batch, header.sequence
                    );
                    return Err(WalError::corrupt(&segment.path, stop.offset, &what));
                }
                end = Some(offset + header.padded());
            }
            offset += BLOCK as u64;
        }
        Ok(end)
    }

    /// What was read may be in the page cache only: the process may have died between its write and its sync. And after
    /// a failed sync the cache calls pages clean that the disk never took. So what no later batch knows as durable is
    /// written again, byte for byte, and synced, before anyone acts on it.
    fn make_durable(&self, segment: &Segment, stop: &Stop, access: Access) -> Result<(), WalError> {
        let failed = |error| WalError::io(&error, "make durable the end of", &segment.path);
        fault::point("wal.recover.rewrite").map_err(failed)?;
        if access == Access::Buffered {
            let mut scan = Scan::new(segment, &self.pool, BATCH_BYTES_MAX);
            let mut offset = stop.unsynced_from;
            while offset < stop.offset {
                let length = (stop.offset - offset).min(BATCH_BYTES_MAX as u64) as usize;
                let bytes = scan.bytes(offset, length)?;
                io::write_at(&segment.file, bytes, offset).map_err(failed)?;
                offset += length as u64;
            }
        }
        io::sync(&segment.file).map_err(failed)
    }
}
