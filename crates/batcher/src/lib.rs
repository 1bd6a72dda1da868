//! Gathers items into batches by count, bytes or time, and waits only while other work is under way. Knows nothing of the items.
//!
//! [`Batcher`] is a pure state machine: time comes in as a number. [`BatchQueue`] puts a lock and a clock around it.

#![forbid(unsafe_code)]

mod batcher;
mod bounds;
mod queue;

pub use batcher::{Batcher, Refused};
pub use bounds::{BadBounds, Bounds};
pub use queue::{BatchQueue, Turn};
