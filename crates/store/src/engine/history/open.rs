//! Opening history: what is on disk is brought to where the last flush says that it ends, and leftovers are removed.
//! Only the last segment is read through; the others are known by their footers.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use quick_cache::sync::Cache;
use rafterdb_codec::store::record::{decode, parse, Decoded, FRAME_BYTES};

use super::super::failure::{corrupt, io_failure};
use super::super::files::{read_at, sync_directory};
use super::super::options::Budget;
use super::calls::{Calls, Unsynced};
use super::images::images_name;
use super::kept::is_left_over;
use super::segment::{read_header, Index, Sealed, RECORDS_BEGIN};
use super::survivors_file::survivors_name;
use super::tail::{Tail, Tails};
use super::writing::create_segment;
use super::{remove, segment_name, Files, History, Kept, Position, SEGMENTS_OPEN_MAX};
use crate::StoreError;

/// Bytes of the last segment that are read at a time.
const SCAN_BYTES: usize = 1 << 20;

/// Sizes of history's parts.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Sizes {
    pub(in crate::engine) segment_bytes: u64,
    pub(in crate::engine) buffer_bytes: usize,
}

impl Sizes {
    pub(in crate::engine) fn of(budget: &Budget) -> Self {
        Self {
            segment_bytes: budget.history_segment_bytes,
            buffer_bytes: budget.history_buffer_bytes,
        }
    }
}

/// What the last flush says of history.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Flushed {
    /// Where it ends.
    pub(in crate::engine) end: Position,
    /// The newest revision then.
    pub(in crate::engine) revision: u64,
    /// The revision up to which it may be compacted.
    pub(in crate::engine) compacted: u64,
}

#[derive(Default)]
struct Listing {
    segments: Vec<u64>,
    /// Floors of the survivors files.
    survivors: Vec<u64>,
    /// Revisions of the flushes that there are images of.
    images: Vec<u64>,
}

impl History {
    /// Begins a history in `directory`, which is made.
    pub(in crate::engine) fn create(directory: &Path, sizes: Sizes) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory).map_err(|error| io_failure(&error, "creating", directory))?;
        let path = directory.join(segment_name(1));
        let file = create_segment(&path, 1)?;
        let tail = Tail::opened(path, file, RECORDS_BEGIN, Index::default());
        let history = Self::new(directory, Kept::default(), (1, tail), sizes);
        history.unsynced.lock().directory = true;
        Ok(history)
    }

    /// Opens the history in `directory`.
    pub(in crate::engine) fn open(directory: &Path, flushed: Flushed, sizes: Sizes) -> Result<Self, StoreError> {
        let listing = list(directory)?;
        let (kept, tail) = restore(directory, &listing, flushed)?;
        sync_directory(directory).map_err(|error| io_failure(&error, "opening", directory))?;
        Ok(Self::new(directory, kept, (flushed.end.segment, tail), sizes))
    }

    fn new(directory: &Path, kept: Kept, (number, tail): (u64, Tail), sizes: Sizes) -> Self {
        Self {
            directory: directory.to_path_buf(),
            segment_bytes: sizes.segment_bytes,
            buffer_bytes: sizes.buffer_bytes,
            state: RwLock::new(Files {
                kept: Arc::new(kept),
                number,
                tail: Tails::new(tail, sizes.buffer_bytes),
            }),
            opened: Cache::new(SEGMENTS_OPEN_MAX),
            writing: Mutex::default(),
            calls: Calls::default(),
            short: AtomicBool::new(false),
            unsynced: Mutex::new(Unsynced::default()),
            written: AtomicU64::new(0),
            lookups: AtomicU64::new(0),
            compaction_read: AtomicU64::new(0),
        }
    }
}

fn restore(directory: &Path, listing: &Listing, flushed: Flushed) -> Result<(Kept, Tail), StoreError> {
    let end = flushed.end;
    let survivors = restore_survivors(directory, listing, flushed.compacted)?;
    let (first, floor) = survivors.last().map_or((1, 0), |file| (file.number, file.floor));
    // Newest first: whatever is left when this stops half-way has no gap below the end.
    for number in listing.segments.iter().rev() {
        if is_left_over(*number, first, end.segment) {
            remove(&directory.join(segment_name(*number)))?;
        }
    }
    let mut segments: Vec<Arc<Sealed>> = Vec::new();
    for number in first..end.segment {
        let path = directory.join(segment_name(number));
        if !path.exists() {
            return Err(corrupt(&path, None, "a segment of the history is missing"));
        }
        let sealed = Sealed::read(&path)?;
        let follows = segments.last().is_none_or(|previous| previous.last <= sealed.first);
        if sealed.number != number || !follows {
            return Err(corrupt(&path, Some(0), "the segment is not the one its name says"));
        }
        segments.push(Arc::new(sealed));
    }
    let tail = reopen_tail(directory, end)?;
    let kept = Kept {
        floor,
        survivors,
        segments,
        images: restore_images(directory, listing, flushed.revision, floor)?,
    };
    Ok((kept, tail))
}

/// The survivors file of the last compaction, with those that it says count, oldest first; others are removed.
fn restore_survivors(directory: &Path, listing: &Listing, compacted: u64) -> Result<Vec<Arc<Sealed>>, StoreError> {
    let mut survivors: Vec<Arc<Sealed>> = Vec::new();
    let mut next = listing.survivors.iter().max().copied();
    while let Some(floor) = next {
        let path = directory.join(survivors_name(floor));
        if !path.exists() {
            return Err(corrupt(&path, None, "survivors of a compaction are missing"));
        }
        let sealed = Sealed::read(&path)?;
        if sealed.floor != floor {
            return Err(corrupt(&path, Some(0), "the file is not the one its name says"));
        }
        if floor > compacted {
            return Err(corrupt(
                &path,
                None,
                "history was compacted further than the tables say",
            ));
        }
        // The newest says which is the oldest that counts: what older ones name before it is gone.
        let newest = survivors.first().map_or(sealed.chain, |file| file.chain);
        let oldest = newest.map_or(floor, |chain| chain.oldest).max(1);
        let previous = sealed.chain.map_or(0, |chain| chain.previous);
        next = (oldest..floor).contains(&previous).then_some(previous);
        survivors.push(Arc::new(sealed));
    }
    survivors.reverse();
    for floor in &listing.survivors {
        if !survivors.iter().any(|file| file.floor == *floor) {
            remove(&directory.join(survivors_name(*floor)))?;
        }
    }
    Ok(survivors)
}

/// The images of flushes that came to their end, at the latest at `revision`, and of changes from `floor` on; others are removed.
fn restore_images(
    directory: &Path,
    listing: &Listing,
    revision: u64,
    floor: u64,
) -> Result<Vec<Arc<Sealed>>, StoreError> {
    let mut images: Vec<Arc<Sealed>> = Vec::new();
    for flushed in &listing.images {
        let path = directory.join(images_name(*flushed));
        if *flushed > revision {
            remove(&path)?;
            continue;
        }
        let sealed = Sealed::read(&path)?;
        if sealed.floor != *flushed || images.last().is_some_and(|previous| previous.last >= sealed.first) {
            return Err(corrupt(&path, Some(0), "the file is not the one its name says"));
        }
        if sealed.last < floor {
            remove(&path)?;
        } else {
            images.push(Arc::new(sealed));
        }
    }
    Ok(images)
}

/// Opens the last segment and cuts it at `end`.
fn reopen_tail(directory: &Path, end: Position) -> Result<Tail, StoreError> {
    let path = directory.join(segment_name(end.segment));
    let failed = |error: std::io::Error| io_failure(&error, "opening", &path);
    let file = match File::options().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(corrupt(&path, None, "a segment of the history is missing"));
        }
        Err(error) => return Err(failed(error)),
    };
    if read_header(&file, &path)?.number != end.segment {
        return Err(corrupt(&path, Some(0), "the segment is not the one its name says"));
    }
    let length = file.metadata().map_err(failed)?.len();
    if length < end.offset {
        return Err(corrupt(&path, Some(length), "the segment is shorter than it should be"));
    }
    let index = scan(&file, &path, end.offset)?;
    if length > end.offset {
        rafterdb_fault::point("store.history.cut")
            .and_then(|()| file.set_len(end.offset))
            .map_err(|error| io_failure(&error, "cutting", &path))?;
    }
    Ok(Tail::opened(path, Arc::new(file), end.offset, index))
}

/// Reads the records up to `end`, which must be where one ends.
fn scan(file: &File, path: &Path, end: u64) -> Result<Index, StoreError> {
    let mut index = Index::default();
    let mut buffer = Vec::new();
    let (mut offset, mut begin) = (RECORDS_BEGIN, 0);
    loop {
        match decode(&buffer[begin..]) {
            Decoded::Record(bytes) => {
                index.note(parse(&buffer[begin..begin + bytes]).revision, offset + begin as u64);
                begin += bytes;
            }
            Decoded::Damaged(what) => return Err(corrupt(path, Some(offset + begin as u64), what)),
            Decoded::Short(needed) => {
                buffer.drain(..begin);
                offset += begin as u64;
                begin = 0;
                let have = buffer.len();
                if have == 0 && offset == end {
                    return Ok(index);
                }
                let left = end.saturating_sub(offset + have as u64) as usize;
                let wanted = needed.max(SCAN_BYTES).saturating_sub(have).min(left);
                buffer.resize(have + wanted, 0);
                let read = read_at(file, &mut buffer[have..], offset + have as u64)
                    .map_err(|error| io_failure(&error, "reading", path))?;
                if wanted == 0 || read < wanted || (have + read).max(FRAME_BYTES) < needed {
                    return Err(corrupt(path, Some(offset), "a record is cut off"));
                }
            }
        }
    }
}

fn list(directory: &Path) -> Result<Listing, StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "reading", directory);
    let mut listing = Listing::default();
    if !directory.exists() {
        return Err(corrupt(directory, None, "the directory of the history is missing"));
    }
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("segment") => listing.segments.extend(name.parse::<u64>().ok()),
            Some("survivors") => listing.survivors.extend(name.parse::<u64>().ok()),
            Some("images") => listing.images.extend(name.parse::<u64>().ok()),
            Some("new") => remove(&path)?,
            _ => {}
        }
    }
    listing.segments.sort_unstable();
    listing.images.sort_unstable();
    Ok(listing)
}
