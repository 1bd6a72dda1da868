//! How a run of whole vectors begins, for any instruction set that has nothing better. Knows no particular one.

use super::instruction_set::InstructionSet;
use super::short::head;

/// What [`InstructionSet::first`] is for a set that has nothing better: what is more than whole vectors, word by word.
#[inline(always)]
pub(super) fn first<M: InstructionSet>(m: M, crc: u32, bytes: &[u8]) -> (M::Vector, &[u8]) {
    let n = bytes.len() % M::WIDTH;
    let crc = head(m, crc, bytes, n);
    let (vector, rest) = bytes[n..].split_at(M::WIDTH);
    (m.begin(m.load(vector), crc), rest)
}
