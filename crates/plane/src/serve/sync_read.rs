//! The synchronous read of one key on the app's own thread, where the lease or the consistency allows it.
//! Writes its result straight into the caller's buffer: no allocation, no other thread.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rafterdb_codec::{
    consistency, limits, operation, Code, OpenResult, OperationKind, Reader, PAIR_HEADER_BYTES, RESULT_HEADER_BYTES,
};
use rafterdb_store::{Engine, RowRef};

use crate::ground::clock::now_ms;
use crate::ground::error::PlaneError;
use crate::ground::failure::Failure;
use crate::state::group::Group;
use crate::state::groups::Groups;

/// How long a read waits for the apply thread to reach what was committed when it began.
const APPLY_WAIT_MAX: Duration = Duration::from_millis(100);

/// Bytes of a range's result before its pair: header, count, number of pairs.
const BEFORE_PAIR: usize = RESULT_HEADER_BYTES + 12;

/// `request`: `[u8 consistency][0][u16 group][u32 keyLen][key]`. Writes one result of FORMATS.md (a range of at most one pair,
/// or an error) into `into` and returns its bytes; −n if it needs n.
pub fn read_sync(groups: &Groups, failure: &Failure, request: &[u8], into: &mut [u8]) -> i64 {
    match read_key(groups, failure, request, into) {
        Ok(needed) if needed <= into.len() => i64::try_from(needed).unwrap_or(i64::MAX),
        Ok(needed) => -i64::try_from(needed).unwrap_or(i64::MAX),
        Err(error) => write_error(&error, into),
    }
}

/// Writes the result if it fits; returns the bytes it needs.
fn read_key(groups: &Groups, failure: &Failure, request: &[u8], into: &mut [u8]) -> Result<usize, PlaneError> {
    if let Some(error) = failure.why() {
        return Err(PlaneError::new(Code::Poisoned, error.text.clone()));
    }
    let malformed = |m: rafterdb_codec::Malformed| PlaneError::new(m.code(), m.0);
    let mut reader = Reader::new(request);
    let [how, _, low, high] = *reader.array::<4>().map_err(malformed)?;
    let length = reader.u32().map_err(malformed)? as usize;
    let key = reader.bytes(length).map_err(malformed)?;
    if key.is_empty() || key.len() > limits::KEY_BYTES_MAX {
        let code = if key.is_empty() {
            Code::KeyEmpty
        } else {
            Code::KeyTooLarge
        };
        return Err(PlaneError::new(
            code,
            format!("a key has 1 to {} bytes", limits::KEY_BYTES_MAX),
        ));
    }
    let group = groups
        .find(u16::from_le_bytes([low, high]))
        .ok_or_else(|| PlaneError::new(Code::GroupNotFound, "this member has no such group"))?;
    if how == consistency::LINEARIZABLE {
        await_lease(group)?;
    }
    let machine = group.machine();
    loop {
        let at = machine.revision();
        let mut needed = BEFORE_PAIR;
        let found = match machine
            .engine()
            .get(key, at, &mut |row| needed = write_pair(into, at, key, &row))
        {
            Err(error) if error.code != Code::Compacted => return Err(error.into()),
            // A compaction overtook the read: the revision has moved on as well.
            Err(_) => continue,
            Ok(_) if machine.engine().compacted() > at => continue,
            Ok(found) => found,
        };
        if !found && into.len() >= BEFORE_PAIR {
            write_head(into, at, 0, BEFORE_PAIR);
        }
        return Ok(needed);
    }
}

/// Returns when this member may answer a linearizable read from what it has applied.
fn await_lease(group: &Group) -> Result<(), PlaneError> {
    let Some(commit) = group.leased_index(now_ms()) else {
        let text = "this member holds no read lease now; use `await db.get(key)`, or consistency: 'serializable'";
        return Err(PlaneError::new(Code::NoLease, text));
    };
    if group.applied.load(Ordering::Acquire) >= commit {
        return Ok(());
    }
    let deadline = Instant::now() + APPLY_WAIT_MAX;
    while group.applied.load(Ordering::Acquire) < commit {
        if Instant::now() > deadline {
            return Err(PlaneError::new(
                Code::Busy,
                "the store is behind the log; use `await db.get(key)`",
            ));
        }
        std::thread::yield_now();
    }
    Ok(())
}

fn write_pair(into: &mut [u8], at: u64, key: &[u8], row: &RowRef<'_>) -> usize {
    let value_at = BEFORE_PAIR + PAIR_HEADER_BYTES + key.len();
    let needed = value_at + row.value.len();
    if needed > into.len() {
        return needed;
    }
    write_head(into, at, 1, needed);
    put_u32(into, BEFORE_PAIR, key.len());
    put_u32(into, BEFORE_PAIR + 4, row.value.len());
    for (i, number) in [row.create, row.modified, row.version, row.lease]
        .into_iter()
        .enumerate()
    {
        put_u64(into, BEFORE_PAIR + 8 + 8 * i, number);
    }
    into[BEFORE_PAIR + PAIR_HEADER_BYTES..value_at].copy_from_slice(key);
    into[value_at..needed].copy_from_slice(row.value);
    needed
}

fn write_head(into: &mut [u8], at: u64, pairs: usize, needed: usize) {
    into[..4].copy_from_slice(&[0, 0, operation::RANGE, 0]);
    put_u32(into, 4, needed - RESULT_HEADER_BYTES);
    put_u64(into, 8, at);
    put_u64(into, 16, pairs as u64);
    put_u32(into, 24, pairs);
}

fn put_u32(into: &mut [u8], at: usize, number: usize) {
    into[at..at + 4].copy_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_u64(into: &mut [u8], at: usize, number: u64) {
    into[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

fn write_error(error: &PlaneError, into: &mut [u8]) -> i64 {
    let mut out = Vec::new();
    OpenResult::begin(&mut out, OperationKind::Range).fail(&mut out, error.code, 0, 0, &error.text);
    let needed = i64::try_from(out.len()).unwrap_or(i64::MAX);
    match into.get_mut(..out.len()) {
        Some(room) => {
            room.copy_from_slice(&out);
            needed
        }
        None => -needed,
    }
}
