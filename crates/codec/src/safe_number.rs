//! What a number may be that JavaScript is to see.

/// The largest number that JavaScript holds exactly: 2^53 - 1. What the Raft core is to see must not be above it.
pub const SAFE_NUMBER_MAX: u64 = (1 << 53) - 1;
