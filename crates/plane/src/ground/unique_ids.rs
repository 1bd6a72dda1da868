//! Numbers that nobody else gives out: of what is asked of other members, of clusters, and of members that join. Whoever answers echoes the number, and an answer may come late: in another life
//! of the asker's process. So no two lives give out the same numbers.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use rafterdb_codec::Code;

use crate::ground::error::PlaneError;

/// Numbers that count up from a random one of 64 bits, drawn once a life: that two lives of a member overlap, which give
/// out a billion numbers each, has a chance of one in 2^33.
#[derive(Debug)]
pub struct UniqueIds(AtomicU64);

impl UniqueIds {
    /// Numbers that no other life gives out.
    #[must_use]
    pub fn new() -> Self {
        // The keys that the standard library draws for its hash maps come from the operating system's randomness.
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        Self(AtomicU64::new(hasher.finish()))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Default for UniqueIds {
    fn default() -> Self {
        Self::new()
    }
}

/// A number for a cluster, or for a member that joins one: random, below 2^53, never 0. Errors: `IO`.
pub fn random_name() -> Result<u64, PlaneError> {
    let random = getrandom::u64()
        .map_err(|error| PlaneError::new(Code::Io, format!("the system gives no random numbers: {error}")))?;
    Ok((random >> 11).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_life_has_numbers_of_its_own() {
        let lives: Vec<UniqueIds> = (0..100).map(|_| UniqueIds::new()).collect();
        let mut numbers: Vec<u64> = (0..100).flat_map(|_| lives.iter().map(UniqueIds::next)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 10_000);
    }

    #[test]
    fn numbers_go_on_after_the_largest() {
        let ids = UniqueIds(AtomicU64::new(u64::MAX));
        assert_eq!((ids.next(), ids.next()), (u64::MAX, 0));
    }
}
