//! Bounds of the work that the Raft worker does itself, instead of handing it to a thread. Knows nothing of what the work is.

use std::time::Duration;

/// Work up to this long may be done by the Raft worker itself: handing it over and waking up take as long.
pub const INLINE_TIME_MAX: Duration = Duration::from_micros(300);

/// Bytes of entries up to which the Raft worker may write or apply them itself.
pub const INLINE_BYTES_MAX: usize = 4 << 10;
