//! Buffers for the whole store, from any thread, without allocating and without waiting: four sizes kept for reuse, unique
//! while they are written ([`Buffer`]), counted and immutable afterwards ([`Slice`]). Knows nothing of what is put in them.
//!
//! ```text
//! take ──▶ what this thread dropped last    lane.rs    no locked instruction
//!      └─▶ a word of 64 free bits           free_bits.rs  one compare-and-swap; tier.rs finds the word
//!      └─▶ a new chunk                      chunks.rs  the only lock, and only tried
//!      └─▶ made to measure                  slot.rs    at the bound, or while the lock is taken; freed when dropped
//! ```
//!
//! Why that is safe:
//! - A set bit is a free slot, and whoever clears it owns the slot: its memory, its count of handles. Nothing is linked, so
//!   there is no ABA: a compare-and-swap that finds a word as it was finds the same slots free, whatever happened between.
//! - A chunk's memory is given back by whoever cleared all of its bits in one step: nobody else can have a slot of it.
//! - Tables (`inner.rs`: words, slots, lanes) are never freed, only left to the next pool. So whoever looks while memory is
//!   given back, or comes back after the pool is gone, finds a table; it may say that nothing is free, and no more.
//! - A lane is touched by the thread that has it and nobody else. When memory is wanted back, the pool counts an epoch up,
//!   and each thread empties its own lane when it next drops a buffer, or ends.
//!
//! Checked by `node scripts/check-pool.mjs`: loom tries the orders of events (tests/loom.rs, with every ordering weakened as
//! a canary), AddressSanitizer and ThreadSanitizer run the other tests.

mod buffer;
mod chunks;
mod free_bits;
mod handle;
mod inner;
mod lane;
mod memory;
mod options;
mod pool;
mod slice;
mod slot;
mod stats;
mod sync;
mod threads;
mod tier;

pub use buffer::Buffer;
pub use chunks::{GROWTH_PERCENT, SLOTS_FIRST};
pub use options::{Options, BYTES_MAX_DEFAULT, IDLE_AFTER_DEFAULT};
pub use pool::Pool;
pub use slice::Slice;
pub use stats::{Stats, TierStats, ASKED_BYTES, ASKED_SIZES};
#[cfg(loom)]
pub use sync::{weaken, Step};

/// The sizes that are kept, bytes; a larger buffer is made to measure and freed.
pub const TIERS: [usize; 4] = [1 << 10, 8 << 10, 64 << 10, 1 << 20];

/// Alignment of every buffer of so many bytes or more: what a disk without a page cache asks for.
pub const ALIGNMENT: usize = 4096;

/// Alignment of every buffer, bytes: a cache line, and the widest vector register.
pub const ALIGNMENT_MIN: usize = 64;
