//! What is known of a group apart from its entries. Knows no places and no I/O.

/// What a Raft member must not forget, of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The current term.
    pub term: u64,
    /// Whom it voted for in that term; 0 for nobody.
    pub vote: u64,
    /// The commit index it last wrote down.
    pub commit: u64,
}

/// A group as the beginning of a segment states it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub hard: HardState,
    pub start: (u64, u64),
    pub last: u64,
}
