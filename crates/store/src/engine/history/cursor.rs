//! Reading history in order, from files and from the part that is not written yet. Holds no lock between two records,
//! and memory for one stretch of a file.

use std::sync::Arc;

use rafterdb_codec::store::record::{claimed_revision, decode, measure, parse, Decoded, Record};

use super::super::failure::{compacted, corrupt, io_failure};
use super::super::files::read_at;
use super::segment::{locate, Sealed, RECORDS_BEGIN};
use super::History;
use crate::StoreError;

/// Bytes read at first, for one record or a few; each further read takes twice as many, up to the last.
const PROBE_READ_BYTES: usize = 512;
const FIRST_READ_BYTES: usize = 8 << 10;
const LAST_READ_BYTES: usize = 128 << 10;

#[derive(Clone)]
pub(super) enum Source {
    /// A segment by number: complete, or being written.
    Segment(u64),
    /// A survivors file, or one of images.
    File(Arc<Sealed>),
}

/// How a read ended: a full file has a next one, the one that is added to has not, yet.
enum Read {
    Bytes,
    EndOfFile,
    EndOfHistory,
}

/// A place in history that moves forward.
pub(in crate::engine) struct Cursor<'h> {
    history: &'h History,
    source: Source,
    /// Where `buffer` begins in the file.
    offset: u64,
    buffer: Vec<u8>,
    /// The current record in `buffer`: where it begins and ends.
    begin: usize,
    end: usize,
    read_bytes: usize,
    /// Records below are passed over.
    from: u64,
}

impl<'h> Cursor<'h> {
    /// Before the first change at or above `revision`.
    pub(in crate::engine) fn at(history: &'h History, revision: u64) -> Result<Self, StoreError> {
        let (sealed, number, offset) = {
            let state = history.state.read();
            let segments = &state.kept.segments;
            match segments.get(segments.partition_point(|segment| segment.last < revision)) {
                Some(segment) => (Some(Arc::clone(segment)), segment.number, 0),
                None => {
                    let is_passed = state.tail.first.index.last < revision;
                    let at = u64::from(is_passed && state.tail.next.is_some());
                    let tail = state.tail.get(at).unwrap_or(&state.tail.first);
                    (None, state.number + at, locate(&tail.index.entries, revision))
                }
            }
        };
        let offset = match sealed {
            Some(segment) => locate(&history.opened(&segment)?.index, revision),
            None => offset,
        };
        Ok(Self::new(history, Source::Segment(number), offset, revision))
    }

    /// Before the first record of a survivors file, or one of images, at or above `revision`.
    pub(super) fn in_file(history: &'h History, file: &Arc<Sealed>, revision: u64) -> Result<Self, StoreError> {
        let offset = locate(&history.opened(file)?.index, revision);
        Ok(Self::new(history, Source::File(Arc::clone(file)), offset, revision))
    }

    /// Goes through the records from the indexed place before `revision` up to it, all of them checked. Fails at damage.
    pub(super) fn check_up_to(mut self, revision: u64) -> Result<(), StoreError> {
        self.from = 0;
        while self.advance()? && self.record().revision <= revision {}
        Ok(())
    }

    /// At the record that begins at `offset`, passing over those before revision `from`.
    pub(super) fn new(history: &'h History, source: Source, offset: u64, from: u64) -> Self {
        Self {
            history,
            source,
            offset,
            buffer: Vec::new(),
            begin: 0,
            end: 0,
            read_bytes: FIRST_READ_BYTES,
            from,
        }
    }

    /// The same for a look at one record only.
    pub(super) fn probe(history: &'h History, source: Source, offset: u64, from: u64) -> Self {
        Self {
            read_bytes: PROBE_READ_BYTES,
            ..Self::new(history, source, offset, from)
        }
    }

    /// Goes to the next record. `false` at the end.
    pub(in crate::engine) fn advance(&mut self) -> Result<bool, StoreError> {
        loop {
            self.begin = self.end;
            match self.examine() {
                Decoded::Record(bytes) => {
                    self.end = self.begin + bytes;
                    if claimed_revision(self.record_bytes()) >= self.from {
                        return Ok(true);
                    }
                }
                Decoded::Short(needed) => {
                    if !self.read_more(needed)? {
                        return Ok(false);
                    }
                }
                Decoded::Damaged(what) => return Err(self.damaged(what)),
            }
        }
    }

    /// What lies at `begin`. Records before `from` are passed over unchecked: if one of them misleads, what is looked for
    /// is not found, and that is looked into.
    fn examine(&self) -> Decoded {
        let rest = &self.buffer[self.begin..];
        match measure(rest) {
            Decoded::Record(bytes) if claimed_revision(&rest[..bytes]) >= self.from => decode(rest),
            extent => extent,
        }
    }

    /// The record that the last `advance` came to.
    pub(in crate::engine) fn record(&self) -> Record<'_> {
        parse(self.record_bytes())
    }

    /// The same as it is stored.
    pub(in crate::engine) fn record_bytes(&self) -> &[u8] {
        &self.buffer[self.begin..self.end]
    }

    /// Gets at least `needed` bytes from the current place on, in the next file if this one is read to its end.
    fn read_more(&mut self, needed: usize) -> Result<bool, StoreError> {
        self.buffer.drain(..self.begin);
        self.offset += self.begin as u64;
        (self.begin, self.end) = (0, 0);
        let have = self.buffer.len();
        let wanted = needed.max(self.read_bytes) - have;
        self.read_bytes = (self.read_bytes * 2).min(LAST_READ_BYTES);
        let read = self.read(self.offset + have as u64, wanted)?;
        if have > 0 && !matches!(read, Read::Bytes) {
            return Err(self.damaged("the last record is cut off"));
        }
        match (read, &mut self.source) {
            (Read::Bytes, _) => Ok(true),
            (Read::EndOfFile, Source::Segment(number)) => {
                *number += 1;
                self.offset = RECORDS_BEGIN;
                Ok(true)
            }
            (Read::EndOfFile, Source::File(_)) | (Read::EndOfHistory, _) => Ok(false),
        }
    }

    /// Appends up to `wanted` bytes of the source from `offset` on to the buffer.
    fn read(&mut self, offset: u64, wanted: usize) -> Result<Read, StoreError> {
        let number = match &self.source {
            Source::Segment(number) => *number,
            Source::File(survivors) => {
                let survivors = Arc::clone(survivors);
                return self.read_sealed(&survivors, offset, wanted);
            }
        };
        let state = self.history.state.read();
        if let Some(at) = number.checked_sub(state.number) {
            let Some(tail) = state.tail.get(at) else {
                return Ok(Read::EndOfHistory);
            };
            let Some(file) = tail.file.as_ref().filter(|_| offset < tail.written) else {
                return Ok(match tail.read_waiting(offset, wanted, &mut self.buffer) {
                    0 if state.tail.get(at + 1).is_some() => Read::EndOfFile,
                    0 => Read::EndOfHistory,
                    _ => Read::Bytes,
                });
            };
            let (file, path) = (Arc::clone(file), tail.path.clone());
            let count = wanted.min((tail.written - offset) as usize);
            drop(state);
            return self.read_file(&file, &path, offset, count);
        }
        let kept = Arc::clone(&state.kept);
        drop(state);
        let found = kept.segments.iter().find(|segment| segment.number == number);
        let segment = found.ok_or_else(|| compacted(kept.floor))?;
        self.read_sealed(segment, offset, wanted)
    }

    fn read_sealed(&mut self, sealed: &Sealed, offset: u64, wanted: usize) -> Result<Read, StoreError> {
        let count = wanted.min(sealed.end.saturating_sub(offset) as usize);
        if count == 0 {
            return Ok(Read::EndOfFile);
        }
        let opened = self.history.opened(sealed)?;
        self.read_file(&opened.file, &sealed.path, offset, count)
    }

    fn read_file(
        &mut self,
        file: &std::fs::File,
        path: &std::path::Path,
        offset: u64,
        count: usize,
    ) -> Result<Read, StoreError> {
        let have = self.buffer.len();
        self.buffer.resize(have + count, 0);
        let read =
            read_at(file, &mut self.buffer[have..], offset).map_err(|error| io_failure(&error, "reading", path))?;
        if read < count {
            return Err(corrupt(
                path,
                Some(offset + read as u64),
                "the file is shorter than it should be",
            ));
        }
        Ok(Read::Bytes)
    }

    fn damaged(&self, what: &str) -> StoreError {
        let path = match &self.source {
            Source::File(survivors) => survivors.path.clone(),
            Source::Segment(number) => self.history.directory.join(super::segment_name(*number)),
        };
        corrupt(&path, Some(self.offset + self.begin as u64), what)
    }
}
