//! The synchronous read of one key on the app's own thread, where the lease or the consistency allows it.
//! Writes its result straight into the caller's buffer: no allocation, no other thread.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rafterdb_codec::{encode_sync_error, encode_sync_result, limits, Code, Consistency, Pair, SyncRead};
use rafterdb_store::{Engine, RowRef};

use crate::ground::clock::now_ms;
use crate::ground::error::PlaneError;
use crate::ground::failure::Failure;
use crate::state::group::Group;
use crate::state::groups::Groups;

/// How long a read waits for the apply thread to reach what was committed when it began.
const APPLY_WAIT_MAX: Duration = Duration::from_millis(100);

/// Returns once a group is at most so many ms behind.
pub type Bound<'a> = dyn Fn(&Arc<Group>, u64) -> Result<(), PlaneError> + 'a;

/// Answers a [`SyncRead`] with one result of FORMATS.md (a range of at most one pair, or an error), written into `into`; returns its
/// bytes, or −n if it needs n.
pub fn read_sync(groups: &Groups, failure: &Failure, bound: &Bound<'_>, request: &[u8], into: &mut [u8]) -> i64 {
    let needed = match read_key(groups, failure, bound, request, into) {
        Ok(needed) => needed,
        Err(error) => encode_sync_error(into, error.code, &error.text),
    };
    bytes_in(needed, into)
}

/// Answers with an error.
pub fn refuse_sync(code: Code, text: &str, into: &mut [u8]) -> i64 {
    let needed = encode_sync_error(into, code, text);
    bytes_in(needed, into)
}

fn bytes_in(needed: usize, into: &[u8]) -> i64 {
    let is_there = needed <= into.len();
    let needed = i64::try_from(needed).unwrap_or(i64::MAX);
    if is_there {
        needed
    } else {
        -needed
    }
}

/// Writes the result if it fits; returns the bytes it needs.
fn read_key(
    groups: &Groups,
    failure: &Failure,
    bound: &Bound<'_>,
    request: &[u8],
    into: &mut [u8],
) -> Result<usize, PlaneError> {
    if let Some(error) = failure.why() {
        return Err(PlaneError::new(error.code_of_calls(), error.text.clone()));
    }
    let SyncRead {
        consistency,
        group,
        max_staleness_ms,
        key,
    } = SyncRead::parse(request).map_err(|malformed| PlaneError::new(malformed.code(), malformed.0))?;
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
        .find(group)
        .ok_or_else(|| PlaneError::new(Code::GroupNotFound, "this member has no such group"))?;
    match consistency {
        Consistency::Linearizable => await_lease(group)?,
        Consistency::Bounded => bound(group, max_staleness_ms)?,
        Consistency::Serializable => {}
    }
    let machine = group.machine();
    loop {
        let at = machine.revision();
        let mut needed = 0;
        let engine = machine.engine();
        let mut read = Ok(());
        let found = engine.get(key, at, &mut |row| {
            read = engine.value(key, &row, &mut |value| {
                needed = encode_sync_result(into, at, Some(&pair_of(key, &row, value)));
            });
        });
        let found = match found.and_then(|found| read.map(|()| found)) {
            Err(error) if error.code != Code::Compacted => return Err(error.into()),
            // A compaction overtook the read: the revision has moved on as well.
            Err(_) => continue,
            Ok(_) if machine.engine().compacted() > at => continue,
            Ok(found) => found,
        };
        if !found {
            needed = encode_sync_result(into, at, None);
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

const fn pair_of<'a>(key: &'a [u8], row: &RowRef<'_>, value: &'a [u8]) -> Pair<'a> {
    Pair {
        create: row.create,
        modified: row.modified,
        version: row.version,
        lease: row.lease,
        key,
        value,
    }
}
