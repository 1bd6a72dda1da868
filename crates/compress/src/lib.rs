//! Compression behind one flag byte: LZ4, zstd and gzip, kept only where they pay. Owns the layout below.
//! Knows nothing of what it compresses, of threads and of I/O.
//!
//! ```text
//!  byte 0    the rest
//!  ──────    ─────────────────────────────────────────────────────────────────────
//!  0x00      the original bytes, stored as they are
//!  0x01      [original length u32]                   [LZ4 block]
//!  0x02      [original length u32]                   [zstd frame, RFC 8878]
//!  0x03      [original length u32]                   [gzip member, RFC 1952]
//!  0x81      [original length u32] [dictionary u32]  [LZ4 block]
//!  0x82      [original length u32] [dictionary u32]  [zstd frame]
//! ```
//!
//! Numbers are little-endian. Any other flag is an error. `dictionary` is [`Dictionary::id`]; an LZ4 block
//! may refer to its last 64 KiB. The payload is what the
//! plain libraries write and read.
//!
//! A [`Compressor`] belongs to one stream of inputs, a [`Decompressor`] to one thread; both keep their contexts and
//! allocate nothing once warm. Nothing here checks integrity: a damaged LZ4 block or zstd frame may decode to other
//! bytes of the declared length (gzip carries a CRC-32). Whoever stores or sends the bytes guards them with a checksum.

#![forbid(unsafe_code)]

mod algorithm;
mod backoff;
mod compressor;
mod decompressor;
mod dictionary;
mod error;
mod format;
mod gzip;
mod options;

pub use algorithm::Algorithm;
pub use compressor::{max_compressed_size, Compressor, Outcome, OutcomeKind};
pub use decompressor::{original_length, Decompressor};
pub use dictionary::{Dictionary, DICTIONARY_BYTES_MAX, SAMPLE_BYTES_MAX};
pub use error::CompressError;
pub use format::COMPRESS_INPUT_BYTES_MAX;
pub use options::Options;
