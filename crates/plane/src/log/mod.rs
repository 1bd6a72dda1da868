//! The log's thread: what is queued becomes one durable write, and what waited for it goes out.
//! Knows nothing of what entries mean, nor of who asked for them.

pub mod thread;
