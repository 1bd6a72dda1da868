//! FORMATS.md in Rust: what crosses a boundary in rafterdb, parsed without copying and encoded into byte vectors.
//! Owns layouts, codes and limits. Knows no I/O, no threads and no state.

mod tables;

pub use tables::*;
