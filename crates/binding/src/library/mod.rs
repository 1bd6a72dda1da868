//! The crates behind the store, for JavaScript to call: what src/library makes its functions and classes of.

pub mod codec;
pub mod compress;
pub mod hash;
pub mod ring;
pub mod topology;
