//! The beginning of a segment: a batch with the state of every group, so that the segments before may go. And the seal
//! behind the end of the one before, so that nobody takes that one for the last if its successor goes missing.

use std::sync::Arc;

use rafterdb_codec::log::{
    padded_batch, put_record_header, seal_batch, BatchHeader, Record, SegmentHeader, BATCH_HEADER_BYTES, BLOCK,
    RECORD_FIXED_BYTES_MAX, RECORD_HEADER_BYTES,
};
use rafterdb_fault as fault;
use rafterdb_pool::Pool;

use crate::error::WalError;
use crate::index::Index;
use crate::io::{self, Access};
use crate::segment::Segment;
use crate::spare::Spares;

/// Room that every segment keeps for its seal.
pub(crate) const SEAL_BYTES: u64 = BLOCK as u64;

/// Where the batches of the log end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tail {
    /// Sequence of the last segment; 0 if there is none.
    pub segment: u64,
    /// End of its batches, bytes. All of them are durable.
    pub offset: u64,
    /// Sequence of the next batch.
    pub next_batch: u64,
}

/// Starts a new segment after `tail`, of `segment_bytes` or of what it takes to have `room` after its checkpoint.
/// Durable when it returns. Returns the segment and where its next batch goes.
pub(crate) fn start_segment(
    index: &Index,
    tail: Tail,
    (segment_bytes, room): (u64, u64),
    spares: &mut Spares,
    pool: &Arc<Pool>,
    access: Access,
) -> Result<(Arc<Segment>, u64), WalError> {
    let record_bytes = index.groups.len() * (RECORD_HEADER_BYTES + RECORD_FIXED_BYTES_MAX);
    let end = BLOCK + padded_batch(record_bytes);
    let header = SegmentHeader {
        sequence: tail.segment + 1,
        nonce: nonce(),
        bytes: segment_bytes.max((end as u64 + room + SEAL_BYTES).next_multiple_of(BLOCK as u64)),
        first_batch: tail.next_batch,
        previous_end: tail.offset,
    };
    let mut start = pool.take(end);
    let batch = &mut start[BLOCK..end];
    let mut at = BATCH_HEADER_BYTES;
    for (group, log) in &index.groups {
        let mut body = [0; RECORD_FIXED_BYTES_MAX];
        let (kind, length) = Record::Checkpoint(log.checkpoint()).encode(&mut body);
        put_record_header(&mut batch[at..], length, kind, *group);
        at += RECORD_HEADER_BYTES;
        batch[at..at + length].copy_from_slice(&body[..length]);
        at += length;
    }
    let batch_header = BatchHeader {
        sequence: tail.next_batch,
        synced: tail.next_batch - 1,
        length: u32::try_from(record_bytes).expect("65,536 groups of 60 bytes"),
        records: u32::try_from(index.groups.len()).expect("at most 65,536 groups"),
    };
    seal_batch(header.nonce, &batch_header, batch);
    let (spare, file) = spares.take(header.bytes, access)?;
    let segment = Segment::create(&spare, file, header, &mut start[..end])?;
    spares.sync_names()?;
    if let Some(previous) = index.segments.get(&tail.segment) {
        seal(previous, tail, pool).map_err(|error| WalError::io(&error, "seal", &previous.path))?;
    }
    Ok((Arc::new(segment), end as u64))
}

/// Writes behind the end of a segment that the log goes on in the next. It has the sequence of the next one's checkpoint.
fn seal(segment: &Segment, tail: Tail, pool: &Arc<Pool>) -> std::io::Result<()> {
    fault::point("wal.segment.seal")?;
    let mut block = pool.take(BLOCK);
    let mut body = [0; RECORD_FIXED_BYTES_MAX];
    let (kind, length) = Record::Seal { next: tail.segment + 1 }.encode(&mut body);
    put_record_header(&mut block[BATCH_HEADER_BYTES..], length, kind, 0);
    let at = BATCH_HEADER_BYTES + RECORD_HEADER_BYTES;
    block[at..at + length].copy_from_slice(&body[..length]);
    let header = BatchHeader {
        sequence: tail.next_batch,
        synced: tail.next_batch - 1,
        length: (RECORD_HEADER_BYTES + length) as u32,
        records: 1,
    };
    seal_batch(segment.header.nonce, &header, &mut block[..BLOCK]);
    io::write_at(&segment.file, &block[..BLOCK], tail.offset)
}

/// A number that no earlier life of a file had and that no client can guess: the keys that the standard library draws
/// for its hash maps come from the operating system's randomness.
fn nonce() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u128(
        std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |elapsed| elapsed.as_nanos()),
    );
    hasher.finish()
}
