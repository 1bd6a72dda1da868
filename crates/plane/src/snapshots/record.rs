//! A record that snapshots are sent with, as it goes out. Knows nothing of streams; its layout is the codec's.

use rafterdb_codec::{SnapshotMessage, SnapshotRecord};

/// A record of a snapshot, encoded.
#[must_use]
pub fn encoded(group: u16, id: u64, part: SnapshotMessage<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    SnapshotRecord { group, id, part }.encode(&mut out);
    out
}
