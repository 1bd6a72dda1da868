//! What the machine's tests share: an engine in memory, etcd's semantics written down naively, random operations.
//! The semantics know nothing of the machine, its formats or the engine.
#![allow(dead_code, clippy::unwrap_used)] // Each test file uses a part of it; a test fails by panicking.

pub mod engine;
pub mod generate;
pub mod harness;
pub mod lsm;
pub mod semantics;
pub mod wire;
