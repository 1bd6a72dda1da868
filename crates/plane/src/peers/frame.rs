//! A Raft message as a frame. Knows nothing of who it goes to.

use rafterdb_codec::{RaftHeader, Run};
use rafterdb_net::Parts;
use smallvec::SmallVec;

use crate::state::core_inbox::RUNS_INLINE;
use crate::state::tail::Block;

/// A Raft message as a frame: header, one run for each term, then the blocks' bytes as they are. Takes the
/// blocks; `head` is room for what stands before them.
#[must_use]
pub fn raft_frame(header: &RaftHeader, blocks: &mut Vec<Block>, head: &mut Vec<u8>) -> Parts {
    let runs: SmallVec<[Run; RUNS_INLINE]> = blocks
        .chunk_by(|one, next| one.term == next.term)
        .map(|of_term| Run {
            term: of_term[0].term,
            count: u32::try_from(of_term.iter().map(|b| b.count).sum::<u64>()).unwrap_or(u32::MAX),
        })
        .collect();
    head.clear();
    header.encode(head, &runs, blocks.iter().map(|b| b.bytes.len()).sum());
    let mut parts = Parts::with_header(head);
    for block in blocks.drain(..) {
        parts.push(block.bytes);
    }
    parts
}
