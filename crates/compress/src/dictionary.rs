//! A dictionary: bytes that many small inputs have in common, with an id made from them. Owns what can be prepared
//! once for all that use it. Knows nothing of headers.

use std::fmt;

use flate2::Crc;
use zstd_safe::DDict;

use crate::error::CompressError;

/// The most bytes of a dictionary, 1 MiB; 16 to 112 KiB are usual.
pub const DICTIONARY_BYTES_MAX: usize = 1 << 20;
/// The most bytes of samples to train with, 256 MiB; a hundred times the dictionary's bytes suffice.
pub const SAMPLE_BYTES_MAX: usize = 256 << 20;

/// zstd takes no notice of fewer.
const DICTIONARY_BYTES_MIN: usize = 8;
/// How far an LZ4 block may refer back into a dictionary; part of the layout.
const LZ4_REACH_BYTES: usize = 64 * 1024;
/// How far ours do. lz4_flex enters the bytes into its table of 4,096 places anew for each input: with all of the reach
/// an input takes twice the time and becomes a thirtieth smaller.
const LZ4_USED_BYTES: usize = 16 * 1024;

/// Bytes that small inputs have in common; share it in an `Arc` between compressors and decompressors.
pub struct Dictionary {
    bytes: Vec<u8>,
    id: u32,
    pub(crate) zstd: DDict<'static>,
}

impl Dictionary {
    /// A dictionary from its bytes: trained ones in zstd's format, or any bytes that inputs have parts of, with the
    /// likeliest at the end. zstd uses all of them, LZ4 the last 16 KiB.
    ///
    /// # Errors
    /// `DictionaryInvalid`: fewer than 8 bytes, more than [`DICTIONARY_BYTES_MAX`], or zstd's format, damaged.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, CompressError> {
        let bytes = bytes.into();
        let invalid = |reason| CompressError::DictionaryInvalid { reason };
        if bytes.len() < DICTIONARY_BYTES_MIN {
            return Err(invalid("it has fewer than 8 bytes"));
        }
        if bytes.len() > DICTIONARY_BYTES_MAX {
            return Err(invalid("it has more than 1 MiB"));
        }
        let zstd = DDict::try_create(&bytes).ok_or(invalid("it begins like one of zstd's and is damaged"))?;
        let mut crc = Crc::new();
        crc.update(&bytes);
        let id = crc.sum();
        Ok(Self { bytes, id, zstd })
    }

    /// Trains a dictionary of at most `max_bytes` (256 and more) with samples of what will be compressed: some
    /// hundreds or thousands of them, of which each is an input as a compressor will see it. The same samples make the
    /// same dictionary.
    ///
    /// # Errors
    /// `DictionaryInvalid`: too few samples, too many, or nothing in common.
    pub fn train<S: AsRef<[u8]>>(samples: &[S], max_bytes: usize) -> Result<Self, CompressError> {
        let invalid = |reason| CompressError::DictionaryInvalid { reason };
        let sizes: Vec<usize> = samples.iter().map(|sample| sample.as_ref().len()).collect();
        let total = sizes.iter().fold(0usize, |total, size| total.saturating_add(*size));
        if total > SAMPLE_BYTES_MAX {
            return Err(invalid("the samples have more than 256 MiB"));
        }
        let mut joined = Vec::with_capacity(total);
        samples
            .iter()
            .for_each(|sample| joined.extend_from_slice(sample.as_ref()));
        let mut bytes = vec![0; max_bytes.min(DICTIONARY_BYTES_MAX)];
        let written = zstd_safe::train_from_buffer(bytes.as_mut_slice(), &joined, &sizes)
            .map_err(|code| invalid(zstd_safe::get_error_name(code)))?;
        bytes.truncate(written);
        Self::new(bytes)
    }

    /// The CRC-32 (gzip's) of the bytes. It stands in the header of what was compressed with it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The bytes; [`Dictionary::new`] makes the same dictionary from them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What LZ4 compresses with.
    pub(crate) fn lz4_used(&self) -> &[u8] {
        self.tail(LZ4_USED_BYTES)
    }

    /// What an LZ4 block may refer to.
    pub(crate) fn lz4_reach(&self) -> &[u8] {
        self.tail(LZ4_REACH_BYTES)
    }

    fn tail(&self, bytes: usize) -> &[u8] {
        &self.bytes[self.bytes.len().saturating_sub(bytes)..]
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Dictionary {:#010x} of {} bytes", self.id, self.bytes.len())
    }
}
