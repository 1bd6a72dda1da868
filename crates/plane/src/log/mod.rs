//! The log: what is queued becomes one durable write, and what waited for it goes out; old entries are read from its files.
//! Knows nothing of what entries mean, nor of who asked for them.

pub mod reader;
pub mod writer;

#[cfg(test)]
mod tests;
