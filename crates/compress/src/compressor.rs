//! Compresses the inputs of one stream. Owns the contexts of the libraries and the scratch buffer they write to, and
//! decides which form of an input is kept.

use std::sync::Arc;

use lz4_flex::block::{compress_into_with_dict, compress_into_with_table, get_maximum_output_size, CompressTable};
use zstd_safe::{compress_bound, CCtx, CDict};

use crate::algorithm::Algorithm;
use crate::backoff::Backoff;
use crate::dictionary::Dictionary;
use crate::error::CompressError;
use crate::format::{Header, COMPRESS_INPUT_BYTES_MAX, STORED};
use crate::gzip::{self, Deflater};
use crate::options::Options;

/// A scratch buffer of more than this is let go after the call: one huge input must not hold memory for good.
const SCRATCH_KEPT_BYTES_MAX: usize = 4 << 20;
/// LZ4 inputs of fewer bytes take a table of half the size, which is quicker to clear.
const LZ4_SMALL_TABLE_BYTES_MAX: usize = u16::MAX as usize;

/// The most bytes that an input of `length` bytes becomes: one more than it has.
#[must_use]
pub const fn max_compressed_size(length: usize) -> usize {
    length.saturating_add(1)
}

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes that were written, with the flag and the header.
    pub bytes: usize,
    /// Which form was written.
    pub kind: OutcomeKind,
}

/// The form in which an input was written, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    /// Compressed.
    Compressed,
    /// Stored: fewer than [`Options::min_bytes`], or more than [`COMPRESS_INPUT_BYTES_MAX`].
    OutOfBounds,
    /// Stored without a try, because the inputs before did not compress.
    Skipped,
    /// Stored after a try that saved too little.
    Incompressible,
}

/// A library with what it keeps between calls.
enum Codec {
    Lz4 {
        small: CompressTable,
        large: CompressTable,
    },
    Lz4WithDictionary(Arc<Dictionary>),
    Zstd {
        context: CCtx<'static>,
        level: i32,
    },
    ZstdWithDictionary {
        context: CCtx<'static>,
        dictionary: CDict<'static>,
    },
    Gzip(Deflater),
}

/// Compresses one input after the other, each on its own: any of them can be decompressed without the others.
///
/// Keep one for each stream of similar inputs; it learns whether they compress. The same inputs to a new compressor
/// with the same options give the same bytes. Once warm, it allocates only for inputs beyond some megabytes, and with
/// LZ4 and a dictionary a table of 8 or 16 KiB a call.
///
/// It holds up to 4 MiB of scratch and its library's context: LZ4 24 KiB, gzip about 350 KiB, zstd what the largest
/// input took at its level (level 1: 0.3 MiB for 64 KiB and 0.6 MiB for more; level 19: 1.7 and up to 83 MiB).
pub struct Compressor {
    codec: Codec,
    algorithm: Algorithm,
    /// [`Dictionary::id`] for the header.
    dictionary: Option<u32>,
    min_bytes: usize,
    ratio_max: f64,
    backoff: Option<Backoff>,
    /// Where headers and payloads are written before they are known to pay; all of it is initialised.
    scratch: Vec<u8>,
}

impl Compressor {
    /// A compressor with its contexts.
    ///
    /// # Errors
    /// `InvalidOption`, `DictionaryUnsupported`, and `DictionaryInvalid` if zstd cannot use the dictionary.
    pub fn new(options: &Options) -> Result<Self, CompressError> {
        let level = options.checked_level()?;
        let codec = match (options.algorithm, &options.dictionary) {
            (Algorithm::Lz4, None) => Codec::Lz4 {
                small: CompressTable::small(),
                large: CompressTable::large(),
            },
            (Algorithm::Lz4, Some(dictionary)) => Codec::Lz4WithDictionary(Arc::clone(dictionary)),
            (Algorithm::Zstd, None) => Codec::Zstd {
                context: CCtx::create(),
                level: i32::from(level),
            },
            (Algorithm::Zstd, Some(dictionary)) => Codec::ZstdWithDictionary {
                context: CCtx::create(),
                dictionary: CDict::try_create(dictionary.bytes(), i32::from(level)).ok_or(
                    CompressError::DictionaryInvalid {
                        reason: "zstd cannot compress with it",
                    },
                )?,
            },
            (Algorithm::Gzip, _) => Codec::Gzip(Deflater::new(level)),
        };
        Ok(Self {
            codec,
            algorithm: options.algorithm,
            dictionary: options.dictionary.as_ref().map(|dictionary| dictionary.id()),
            min_bytes: options.min_bytes,
            ratio_max: options.ratio_max,
            backoff: options.adaptive.then(Backoff::default),
            scratch: Vec::new(),
        })
    }

    /// Appends `input` to `out`, compressed if that pays. Never fails: what cannot be compressed is stored.
    pub fn compress_to(&mut self, input: &[u8], out: &mut Vec<u8>) -> Outcome {
        let outcome = self.encode(input);
        if outcome.kind == OutcomeKind::Compressed {
            out.extend_from_slice(&self.scratch[..outcome.bytes]);
        } else {
            out.reserve(outcome.bytes);
            out.push(STORED);
            out.extend_from_slice(input);
        }
        self.trim();
        outcome
    }

    /// Like [`Compressor::compress_to`], to the begin of a buffer. Bytes after [`Outcome::bytes`] stay as they were.
    ///
    /// # Errors
    /// `OutputTooSmall` if `out` has fewer than [`max_compressed_size`] bytes; the input then counts as never seen.
    pub fn compress_into(&mut self, input: &[u8], out: &mut [u8]) -> Result<Outcome, CompressError> {
        let (needed, room) = (max_compressed_size(input.len()), out.len());
        if room < needed {
            return Err(CompressError::OutputTooSmall { needed, room });
        }
        let outcome = self.encode(input);
        if outcome.kind == OutcomeKind::Compressed {
            out[..outcome.bytes].copy_from_slice(&self.scratch[..outcome.bytes]);
        } else {
            out[0] = STORED;
            out[1..needed].copy_from_slice(input);
        }
        self.trim();
        Ok(outcome)
    }

    /// Decides the input's form; a compressed one then lies at the begin of the scratch buffer.
    fn encode(&mut self, input: &[u8]) -> Outcome {
        let stored = |kind| Outcome {
            bytes: max_compressed_size(input.len()),
            kind,
        };
        if !self.is_in_bounds(input.len()) {
            return stored(OutcomeKind::OutOfBounds);
        }
        if self.backoff.as_mut().is_some_and(Backoff::skip) {
            return stored(OutcomeKind::Skipped);
        }
        let bytes = self.try_compress(input);
        if let Some(backoff) = &mut self.backoff {
            backoff.tried(bytes.is_some());
        }
        match bytes {
            Some(bytes) => Outcome {
                bytes,
                kind: OutcomeKind::Compressed,
            },
            None => stored(OutcomeKind::Incompressible),
        }
    }

    fn is_in_bounds(&self, length: usize) -> bool {
        length >= self.min_bytes && length <= COMPRESS_INPUT_BYTES_MAX
    }

    /// Writes header and payload to the scratch buffer; `None` if they have more bytes than pay. A library that fails
    /// for another reason, like memory, counts the same: the stored form is always right.
    fn try_compress(&mut self, input: &[u8]) -> Option<usize> {
        let header = Header {
            algorithm: self.algorithm,
            length: input.len(),
            dictionary: self.dictionary,
        };
        let header_bytes = Header::bytes(self.dictionary.is_some());
        let bytes_max = (input.len() as f64 * self.ratio_max) as usize;
        if bytes_max <= header_bytes {
            return None;
        }
        // Room for the worst case: with less, LZ4 does not begin, zstd gives up some bytes early, zlib-rs may panic.
        let room = header_bytes
            + match self.algorithm {
                Algorithm::Lz4 => get_maximum_output_size(input.len()),
                Algorithm::Zstd => compress_bound(input.len()),
                Algorithm::Gzip => gzip::bytes_max(input.len()),
            };
        if self.scratch.len() < room {
            self.scratch = vec![0; room.next_power_of_two()];
        }
        let out = &mut self.scratch[header_bytes..room];
        let payload_bytes = match &mut self.codec {
            Codec::Lz4 { small, large } => {
                let table = if input.len() < LZ4_SMALL_TABLE_BYTES_MAX {
                    small
                } else {
                    large
                };
                compress_into_with_table(input, out, table).ok()
            }
            Codec::Lz4WithDictionary(dictionary) => compress_into_with_dict(input, out, dictionary.lz4_used()).ok(),
            Codec::Zstd { context, level } => context.compress(out, input, *level).ok(),
            Codec::ZstdWithDictionary { context, dictionary } => {
                context.compress_using_cdict(out, input, dictionary).ok()
            }
            Codec::Gzip(deflater) => deflater.compress(input, out),
        };
        let bytes = header_bytes + payload_bytes?;
        if bytes > bytes_max {
            return None;
        }
        header.write(&mut self.scratch);
        Some(bytes)
    }

    fn trim(&mut self) {
        if self.scratch.len() > SCRATCH_KEPT_BYTES_MAX {
            self.scratch = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_an_lz4_block_cannot_have_are_stored() {
        let mut options = Options::new(Algorithm::Lz4);
        options.min_bytes = 10;
        let compressor = Compressor::new(&options).expect("the options are in range");
        let in_bounds = [9, 10, COMPRESS_INPUT_BYTES_MAX, COMPRESS_INPUT_BYTES_MAX + 1];
        assert_eq!(
            in_bounds.map(|length| compressor.is_in_bounds(length)),
            [false, true, true, false]
        );
    }
}
