//! What the records say that snapshots are sent with. Knows nothing of streams.
//!
//! ```text
//! record   [u8 4][u8 part][u16 group][u64 id] then
//!   1 BEGIN  [u64 index][u64 term]
//!   2 DATA   [u64 offset][bytes]
//!   3 END    [u64 length]
//!   4 ACK    [u64 bytes received][u8 0 more, 1 installed, 2 failed]     from the receiver, of every record, and while it
//!                                                                       installs once a second, as a sign of life
//! ```

use rafterdb_codec::PeerRecordKind;

/// Kinds of records.
pub mod part {
    pub const BEGIN: u8 = 1;
    pub const DATA: u8 = 2;
    pub const END: u8 = 3;
    pub const ACK: u8 = 4;
}

/// What an ACK says of a stream.
pub mod state {
    pub const MORE: u8 = 0;
    pub const INSTALLED: u8 = 1;
    pub const FAILED: u8 = 2;
}

/// Bytes of a record before what its part adds.
pub const HEAD_BYTES: usize = 20;

/// What every record begins with: `number` is the first field of its part.
pub fn head(part: u8, group: u16, id: u64, number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + 8);
    out.extend_from_slice(&[PeerRecordKind::Snapshot as u8, part]);
    out.extend_from_slice(&group.to_le_bytes());
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out
}

/// The number at a place of a record, which must reach so far.
pub fn number(body: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| body[at + i]))
}
