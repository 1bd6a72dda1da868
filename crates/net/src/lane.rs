//! The two connections by which a member sends to a peer. Knows nothing of what goes over them.

use rafterdb_codec::HelloKind;

/// Which of the two connections to a peer a frame takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Heartbeats, appends and replies, and what clients ask through a member.
    Fast = 0,
    /// Snapshots: what is large and may wait. And heartbeats that are not to wait for appends: who is sent a snapshot is sent none.
    Bulk = 1,
}

impl Lane {
    pub(crate) const BOTH: [Self; 2] = [Self::Fast, Self::Bulk];

    pub(crate) const fn hello_kind(self) -> HelloKind {
        match self {
            Self::Fast => HelloKind::PeerFast,
            Self::Bulk => HelloKind::PeerBulk,
        }
    }
}
