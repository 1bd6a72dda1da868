//! The one writer of the log: gathers records, writes them as batches, makes them durable, starts and frees segments.
//! Knows nothing of who waits for a commit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use rafterdb_codec::log::{
    padded_batch, put_record_header, seal_batch, BatchHeader, HardState, Record, BATCH_HEADER_BYTES, BLOCK,
    RECORD_FIXED_BYTES_MAX, RECORD_HEADER_BYTES,
};
use rafterdb_codec::{count_entries_in_parts, is_shortage, Code};
use rafterdb_fault as fault;
use rafterdb_pool::{Buffer, Pool};

use crate::checkpoint::{start_segment, Tail, SEAL_BYTES};
use crate::error::WalError;
use crate::index::{Change, Position, Shared};
use crate::io::{self, Access};
use crate::metrics::Metrics;
use crate::options::{Durability, Options, BATCH_BYTES_MAX};
use crate::segment::Segment;
use crate::spare::Spares;

/// Writes the log. Records are gathered until [`Writer::commit`]; after an error nothing more is ever written.
#[derive(Debug)]
pub struct Writer {
    options: Options,
    access: Access,
    pool: Arc<Pool>,
    spares: Spares,
    shared: Shared,
    current: Arc<Segment>,
    /// Where the next batch goes, and its sequence.
    tail: Tail,
    /// Every batch up to this one is durable.
    synced: u64,
    /// Whether a batch was written since the last sync.
    is_unsynced: bool,
    last_sync: Instant,
    /// Bytes of all batches, published or not.
    log_end: u64,
    /// The batch being gathered: room for its header, then its records.
    batch: Buffer,
    batch_bytes: usize,
    batch_changes: Vec<(u16, Change)>,
    /// What was written and readers do not see yet.
    written: Vec<(u16, Change, Position)>,
    /// (start, last) of groups with records that readers do not see yet.
    ahead: HashMap<u16, (u64, u64)>,
    /// Whether a record of this commit may have made segments superfluous.
    may_free: bool,
    /// Whether a record of this commit must be synced whatever the options say.
    must_sync: bool,
    /// The last batch could not be written for want of room, or of a file descriptor: it may be written again, to the same place.
    is_short: bool,
    /// The error after which nothing is written, and whether a commit has returned it.
    failed: Option<(WalError, bool)>,
    metrics: Arc<Metrics>,
}

impl Writer {
    pub(crate) fn new(
        options: Options,
        access: Access,
        pool: Arc<Pool>,
        spares: Spares,
        shared: Shared,
        current: Arc<Segment>,
        tail: Tail,
    ) -> Self {
        let log_end = shared.read().log_end;
        Self {
            access,
            spares,
            shared,
            current,
            synced: tail.next_batch - 1,
            tail,
            is_unsynced: false,
            last_sync: Instant::now(),
            log_end,
            batch: pool.take(BATCH_BYTES_MAX),
            pool,
            options,
            batch_bytes: BATCH_HEADER_BYTES,
            batch_changes: Vec::new(),
            written: Vec::new(),
            ahead: HashMap::new(),
            // Segments may have been superfluous when the last process died.
            may_free: true,
            must_sync: false,
            is_short: false,
            failed: None,
            metrics: Arc::default(),
        }
    }

    /// Adds `count` entries of one term from `first_index` on. If the log has entries there, it is cut from
    /// `first_index` on first. Each part of `block` holds whole entries; they are copied.
    ///
    /// Panics if the entries do not continue the log, or the block does not hold `count` whole entries: whoever takes a
    /// block from outside checks it first.
    pub fn entries<B: AsRef<[u8]>>(&mut self, group: u16, first_index: u64, term: u64, count: u32, block: &[B]) {
        let (start, last) = self.bounds(group);
        assert!(
            first_index > start && first_index <= last + 1 && count > 0,
            "log order: group {group} holds {start} to {last}, and {count} entries at {first_index} are added"
        );
        assert!(
            count_entries_in_parts(block) == Some(count),
            "block framing: not {count} entries at {first_index} of {group}"
        );
        let record = Record::Entries {
            first: first_index,
            term,
            count,
            block: &[],
        };
        self.gather(group, &record, block);
        self.ahead.insert(group, (start, first_index + u64::from(count) - 1));
        self.may_free |= first_index <= last;
    }

    /// Replaces a group's hard state: current term, vote in it (0 nobody), commit index. A commit with another term or vote than
    /// before is durable in every mode, and with it all that was written before: who forgets a vote votes twice, and whoever
    /// campaigns or grants a vote does so on the strength of what its log holds. A commit index alone is known to others, so it waits.
    pub fn hard_state(&mut self, group: u16, term: u64, vote: u64, commit: u64) {
        // What was gathered since is not looked at: if that differs from what was published, it has asked for the sync already.
        let published = self
            .shared
            .read()
            .groups
            .get(&group)
            .map_or((0, 0), |log| (log.hard.term, log.hard.vote));
        self.must_sync |= published != (term, vote);
        self.gather::<&[u8]>(group, &Record::HardState(HardState { term, vote, commit }), &[]);
    }

    /// Empties a group's log, which now starts after (`index`, `term`): a snapshot was installed.
    pub fn start(&mut self, group: u16, index: u64, term: u64) {
        self.gather::<&[u8]>(group, &Record::Start { index, term }, &[]);
        self.ahead.insert(group, (index, index));
        self.may_free = true;
    }

    /// Forgets the entries of a group up to and including `index`, which must be committed ones. Nothing happens if
    /// they are gone already. Segments in which no group needs anything are freed by the next commit.
    ///
    /// Panics if the log does not reach `index`.
    pub fn cut(&mut self, group: u16, index: u64) {
        let (start, last) = self.bounds(group);
        if index <= start {
            return;
        }
        let term = self.shared.read().groups.get(&group).and_then(|log| log.term(index));
        let Some(term) = term.filter(|_| index <= last) else {
            panic!("cut within the log: group {group} holds {start} to {last}, not {index}")
        };
        self.gather::<&[u8]>(group, &Record::Cut { index, term }, &[]);
        self.ahead.insert(group, (index, last));
        self.may_free = true;
    }

    /// Writes what was gathered; when it returns, that is as durable as the options ask for, and readers see it. The operating
    /// system has every byte of it in every mode, so that the end of the process alone loses nothing.
    /// Errors: `DISK_FULL`, `OUT_OF_FILES`, `IO`, and from the second failing call on `POISONED`; final unless [`Writer::is_short`].
    pub fn commit(&mut self) -> Result<(), WalError> {
        self.guarded(Self::write_and_publish)
    }

    /// Commits, and makes everything durable whatever the options say. Errors as for `commit`.
    pub fn sync(&mut self) -> Result<(), WalError> {
        self.guarded(|writer| {
            writer.write_and_publish()?;
            writer.sync_written()
        })
    }

    /// Syncs, and ends what is done in the background: then somebody else may open the log. Errors as for `commit`.
    pub fn close(&mut self) -> Result<(), WalError> {
        self.spares.settle();
        self.sync()
    }

    /// When `sync` should be called for `Durability::Interval`; `None` if there is nothing to sync.
    #[must_use]
    pub fn sync_due(&self) -> Option<Instant> {
        match self.options.durability {
            Durability::Interval(every) if self.is_unsynced => Some(self.last_sync + every),
            _ => None,
        }
    }

    /// What is measured since the log was opened, to be read while it is written.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        self.count_segments();
        self.metrics.clone()
    }

    fn count_segments(&self) {
        self.metrics
            .count_segments(self.shared.read().segments.len(), self.spares.filled);
    }

    /// (start, last) of a group, what was gathered included.
    fn bounds(&self, group: u16) -> (u64, u64) {
        self.ahead.get(&group).copied().unwrap_or_else(|| {
            self.shared
                .read()
                .groups
                .get(&group)
                .map_or((0, 0), |log| (log.start.0, log.last))
        })
    }

    /// Runs a step that writes; its first error is the last thing that happens to the log.
    fn guarded(&mut self, step: impl FnOnce(&mut Self) -> Result<(), WalError>) -> Result<(), WalError> {
        if let Some((error, is_reported)) = &mut self.failed {
            if std::mem::replace(is_reported, true) {
                let text = format!(
                    "the log has stopped after an error; restart the member. The error: {}",
                    error.text
                );
                return Err(WalError {
                    code: Code::Poisoned,
                    text,
                    ..error.clone()
                });
            }
            return Err(error.clone());
        }
        step(self).inspect_err(|error| {
            if !self.is_short {
                self.failed = Some((error.clone(), true));
            }
        })
    }

    /// Whether the last commit failed for want of room, or of a file descriptor, alone. Nothing of what it should have written was
    /// acknowledged or synced, and all of it is still gathered: the commit may be called again, and writes the same to the same place.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.failed.is_none() && self.is_short
    }

    /// Adds a record to the batch, writing the batch first if it would grow too large.
    fn gather<B: AsRef<[u8]>>(&mut self, group: u16, record: &Record<'_>, block: &[B]) {
        if self.failed.is_some() {
            return;
        }
        let mut fixed = [0; RECORD_FIXED_BYTES_MAX];
        let (kind, fixed_bytes) = record.encode(&mut fixed);
        let block_bytes: usize = block.iter().map(|part| part.as_ref().len()).sum();
        let body_bytes = fixed_bytes + block_bytes;
        if self.batch_bytes + RECORD_HEADER_BYTES + body_bytes > BATCH_BYTES_MAX {
            match self.write_batch() {
                Ok(()) => {}
                // Gathered on top of what waits for room; the owner bounds what it gathers then.
                Err(_) if self.is_short => {}
                Err(error) => {
                    self.failed = Some((error, false));
                    return;
                }
            }
            // Larger than any batch: a batch of its own, whose buffer goes when it is written.
            let waiting = self.batch_bytes - BATCH_HEADER_BYTES;
            let needed = padded_batch(waiting + RECORD_HEADER_BYTES + body_bytes);
            if needed > self.batch.len() {
                // Twice as much if something waits: it is copied each time.
                let room = if waiting > 0 { 2 * needed } else { needed };
                let smaller = std::mem::replace(&mut self.batch, self.pool.take(room));
                self.batch[..self.batch_bytes].copy_from_slice(&smaller[..self.batch_bytes]);
            }
        }
        let mut at = self.batch_bytes;
        put_record_header(&mut self.batch[at..], body_bytes, kind, group);
        at += RECORD_HEADER_BYTES;
        for part in std::iter::once(&fixed[..fixed_bytes]).chain(block.iter().map(AsRef::as_ref)) {
            self.batch[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        self.batch_bytes = at;
        let change = match *record {
            Record::Entries { first, term, count, .. } => Change::Entries {
                first,
                term,
                count,
                bytes: block_bytes as u64,
            },
            ref other => Change::from(*other),
        };
        self.batch_changes.push((group, change));
    }

    /// Writes the gathered batch, if it holds anything, starting a new segment if this one has no room.
    fn write_batch(&mut self) -> Result<(), WalError> {
        if self.batch_changes.is_empty() {
            return Ok(());
        }
        let written = self.write_gathered();
        self.is_short = written.as_ref().is_err_and(|(_, is_short)| *is_short);
        written.map_err(|(error, _)| error)
    }

    /// As above; with an error, whether it is but a want of something that may come back.
    fn write_gathered(&mut self) -> Result<(), (WalError, bool)> {
        let length = self.batch_bytes - BATCH_HEADER_BYTES;
        let padded = padded_batch(length);
        if self.tail.offset + padded as u64 + SEAL_BYTES > self.current.header.bytes {
            self.spares.is_short = false;
            self.next_segment(padded as u64)
                .map_err(|error| (error, self.spares.is_short))?;
        }
        let header = BatchHeader {
            sequence: self.tail.next_batch,
            synced: self.synced,
            length: u32::try_from(length).expect("a record is below 4 GiB, and a batch is one or below 1 MiB"),
            records: u32::try_from(self.batch_changes.len()).expect("a record has at least 12 bytes"),
        };
        seal_batch(self.current.header.nonce, &header, &mut self.batch[..padded]);
        self.is_unsynced = true;
        self.write(padded).map_err(|error| {
            let error = WalError {
                offset: Some(self.tail.offset),
                ..WalError::io(&error, "write to", &self.current.path)
            };
            // Not a sync, and not an answer of the disk: the file system found no blocks for it.
            let is_short = is_shortage(error.code);
            (error, is_short)
        })?;
        if self.access == Access::Direct {
            self.synced = header.sequence;
        }
        let Tail { segment, offset, .. } = self.tail;
        let log = self.log_end;
        let changes = (0..).zip(self.batch_changes.drain(..));
        self.written.extend(changes.map(|(record, (group, change))| {
            (
                group,
                change,
                Position {
                    segment,
                    offset,
                    record,
                    log,
                },
            )
        }));
        self.tail.offset += padded as u64;
        self.tail.next_batch += 1;
        self.log_end += padded as u64;
        self.metrics.count_batch(padded as u64);
        self.batch_bytes = BATCH_HEADER_BYTES;
        if self.batch.len() > BATCH_BYTES_MAX {
            self.batch = self.pool.take(BATCH_BYTES_MAX);
        }
        Ok(())
    }

    fn write(&self, padded: usize) -> std::io::Result<()> {
        let (file, bytes, offset) = (&self.current.file, &self.batch[..padded], self.tail.offset);
        fault::point("wal.write")?;
        if fault::is_armed("wal.write.half") {
            let unit = if self.access == Access::Direct { BLOCK } else { 1 };
            io::write_at(file, &bytes[..padded / 2 / unit * unit], offset)?;
            fault::point("wal.write.half")?;
        }
        let since = Instant::now();
        io::write_at(file, bytes, offset)?;
        self.metrics.write_duration.observe(since.elapsed());
        fault::point("wal.written")
    }

    fn sync_written(&mut self) -> Result<(), WalError> {
        if !self.is_unsynced {
            return Ok(());
        }
        let (since, sync) = (Instant::now(), || {
            fault::point("wal.sync")?;
            if self.access == Access::Buffered {
                io::sync(&self.current.file)?;
            }
            fault::point("wal.synced")
        });
        sync().map_err(|error: std::io::Error| WalError::io(&error, "sync", &self.current.path))?;
        self.is_unsynced = false;
        self.synced = self.tail.next_batch - 1;
        self.last_sync = Instant::now();
        self.metrics.sync_duration.observe(self.last_sync - since);
        Ok(())
    }

    fn write_and_publish(&mut self) -> Result<(), WalError> {
        self.write_batch()?;
        let is_due = match self.options.durability {
            Durability::Always => true,
            Durability::Interval(every) => self.last_sync.elapsed() >= every,
            Durability::Os => false,
        };
        if std::mem::take(&mut self.must_sync) || is_due {
            self.sync_written()?;
        }
        self.publish();
        self.ahead.clear();
        if std::mem::take(&mut self.may_free) {
            self.free_segments()?;
        }
        let bytes = self.current.header.bytes;
        let next = self.options.segment_bytes_after(bytes);
        // The next one is larger while the log grows, and takes longer to fill than this one.
        let is_due = self.tail.offset > if next > bytes { bytes / 8 } else { bytes / 2 };
        if is_due {
            self.spares.prepare(next);
        }
        Ok(())
    }

    /// Lets readers see what was written.
    fn publish(&mut self) {
        if self.written.is_empty() {
            return;
        }
        let mut index = self.shared.write();
        for (group, change, position) in self.written.drain(..) {
            if let Err(reason) = index.apply(group, change, position) {
                panic!("log order: {reason}");
            }
        }
        index.log_end = self.log_end;
    }

    /// Goes on in a new segment, with room for a batch of `room` bytes.
    fn next_segment(&mut self, room: u64) -> Result<(), WalError> {
        // The new segment's header says that the old one is durable up to here, its checkpoint what that amounts to.
        self.sync_written()?;
        self.publish();
        let sizes = (self.options.segment_bytes_after(self.current.header.bytes), room);
        let (segment, offset) = start_segment(
            &self.shared.read(),
            self.tail,
            sizes,
            &mut self.spares,
            &self.pool,
            self.access,
        )?;
        self.synced = self.tail.next_batch;
        self.tail = Tail {
            segment: segment.sequence(),
            offset,
            next_batch: self.tail.next_batch + 1,
        };
        self.log_end += offset - BLOCK as u64;
        let mut index = self.shared.write();
        index.log_end = self.log_end;
        index.segments.insert(segment.sequence(), Arc::clone(&segment));
        drop(index);
        self.current = segment;
        self.count_segments();
        Ok(())
    }

    /// Gives up the oldest segments, as far as no group needs them.
    fn free_segments(&mut self) -> Result<(), WalError> {
        let oldest_needed = self
            .shared
            .read()
            .oldest_needed()
            .unwrap_or(self.tail.segment)
            .min(self.tail.segment);
        let is_free = |segment: &u64| *segment < oldest_needed;
        if !self.shared.read().segments.keys().next().is_some_and(is_free) {
            return Ok(());
        }
        // What made them superfluous must be durable before they go.
        self.sync_written()?;
        fault::point("wal.cut").map_err(|error| WalError::io(&error, "free segments of", &self.options.dir))?;
        loop {
            let mut index = self.shared.write();
            let Some(entry) = index.segments.first_entry().filter(|entry| is_free(entry.key())) else {
                break;
            };
            let segment = entry.remove();
            drop(index);
            self.metrics
                .segments_recycled
                .add(u64::from(self.spares.retire(segment)?));
        }
        self.count_segments();
        Ok(())
    }
}
