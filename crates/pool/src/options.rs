//! How a pool is bounded.

use std::time::Duration;

/// Bytes that a pool holds at most, unless told otherwise.
pub const BYTES_MAX_DEFAULT: usize = 256 << 20;

/// How long a chunk is idle before [`crate::Pool::trim`] gives its memory back, unless told otherwise.
pub const IDLE_AFTER_DEFAULT: Duration = Duration::from_secs(30);

/// How a pool is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes that the pool holds at most, in use or not. Beyond, buffers are made to measure and freed when dropped.
    /// Default [`BYTES_MAX_DEFAULT`].
    pub bytes_max: usize,
    /// How long a chunk must have been idle for [`crate::Pool::trim`] to give it back. Default [`IDLE_AFTER_DEFAULT`].
    pub idle_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bytes_max: BYTES_MAX_DEFAULT,
            idle_after: IDLE_AFTER_DEFAULT,
        }
    }
}
