//! Buffers for the whole store, from any thread, without allocating and without waiting: four sizes kept for reuse, unique
//! while they are written ([`Buffer`]), counted and immutable afterwards ([`Slice`]). Knows nothing of what is put in them.
//!
//! ```text
//! take ──▶ the buffer this thread dropped last      lane.rs   one of each tier, one swap
//!      └─▶ a word of 63 free bits                   word.rs   one compare-and-swap; tier.rs finds the word
//!      └─▶ what other threads keep in their lanes
//!      └─▶ a new chunk, if nobody else makes one    chunks.rs the only lock, and only tried
//!      └─▶ made to measure, freed when dropped
//! ```
//!
//! **A set bit is a free slot, and whoever clears it owns the slot**: its memory, its handle count, its place. That is the
//! whole argument for safety. Nothing is linked, so there is no ABA: a compare-and-swap that finds a word as it was finds
//! the same slots free, whatever happened between. Giving a chunk's memory back means clearing all of its bits at once,
//! after which nobody can hold a slot of it. The tables of words and slots stay until the pool goes, so that a thread that
//! looks at a chunk while it is given back reads a word without bits and nothing else.
//!
//! Checked by `node scripts/check-pool.mjs`: loom (tests/loom.rs), AddressSanitizer, ThreadSanitizer.

mod buffer;
mod chunks;
mod lane;
mod memory;
mod pool;
mod slice;
mod slot;
mod stats;
mod sync;
mod tier;
mod word;

pub use buffer::Buffer;
pub use chunks::{GROWTH_PERCENT, SLOTS_FIRST};
pub use pool::{Options, Pool, BYTES_MAX_DEFAULT, IDLE_AFTER_DEFAULT};
pub use slice::Slice;
pub use stats::{Stats, TierStats, ASKED_BYTES, ASKED_SIZES};
#[cfg(loom)]
pub use sync::{weaken, Step};

/// The sizes that are kept, bytes; a larger buffer is made to measure and freed.
pub const TIERS: [usize; 4] = [1 << 10, 8 << 10, 64 << 10, 1 << 20];

/// Alignment of every buffer of 8 KiB or more, bytes: what a disk without a page cache asks for.
pub const ALIGNMENT: usize = 4096;

/// Alignment of every buffer, bytes: a cache line, and the widest vector register.
pub const ALIGNMENT_MIN: usize = 64;
