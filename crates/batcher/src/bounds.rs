//! What a batch may hold, how long it may gather, and how much may wait. Knows nothing of how batches are made.

/// The bounds of a batcher; all of them at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Items of a batch. Default 1,000.
    pub items_max: usize,
    /// Bytes of a batch, unless it is one item. Default 1 MiB.
    pub bytes_max: usize,
    /// How long an item gathers while a batch is under way and another may be, in the unit of the caller's clock
    /// (nanoseconds in a `BatchQueue`). Needs `in_flight_max` of 2 or more. Default `None`: until a batch is full or none
    /// is under way.
    pub wait_max: Option<u64>,
    /// Batches under way at the same time. Default 1.
    pub in_flight_max: usize,
    /// Items that may wait, those of batches under way not counted. Default 65,536.
    pub queued_items_max: usize,
    /// Bytes that may wait, unless it is one item. Default 64 MiB.
    pub queued_bytes_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            items_max: 1000,
            bytes_max: 1 << 20,
            wait_max: None,
            in_flight_max: 1,
            queued_items_max: 1 << 16,
            queued_bytes_max: 64 << 20,
        }
    }
}

/// Bounds that no batcher can keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBounds {
    /// Nothing would ever be taken, or ever leave.
    #[error("{0} is 0; it must be at least 1")]
    Zero(&'static str),
    /// The time would have no effect.
    #[error("wait_max needs in_flight_max of 2 or more: with one batch under way at a time, items wait until it ends")]
    WaitWithoutEffect,
}

impl Bounds {
    /// Checks them.
    pub(crate) fn check(&self) -> Result<(), BadBounds> {
        let zero = [
            ("items_max", self.items_max),
            ("bytes_max", self.bytes_max),
            ("in_flight_max", self.in_flight_max),
            ("queued_items_max", self.queued_items_max),
            ("queued_bytes_max", self.queued_bytes_max),
        ]
        .into_iter()
        .find(|(_, bound)| *bound == 0);
        match zero {
            Some((name, _)) => Err(BadBounds::Zero(name)),
            None if self.wait_max.is_some() && self.in_flight_max == 1 => Err(BadBounds::WaitWithoutEffect),
            None => Ok(()),
        }
    }
}
