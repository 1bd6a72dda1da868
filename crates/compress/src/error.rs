//! What may go wrong, as one type with a code for programs and a text for people. Knows no library behind it.

use crate::algorithm::Algorithm;

/// Why an input was not compressed or decompressed. Programs match [`CompressError::code`] or the variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompressError {
    /// The input ends inside its header.
    #[error("the compressed input has {bytes} bytes and ends inside its header")]
    Truncated {
        /// Bytes of the input.
        bytes: usize,
    },

    /// The first byte names nothing that this version knows.
    #[error("flag {flag:#04x} is unknown: the input is not compressed data, or a newer version wrote it")]
    UnknownFlag {
        /// The input's first byte.
        flag: u8,
    },

    /// The original is larger than the caller allows; nothing was allocated.
    #[error("the original has {length} bytes and {max} are allowed: raise the limit if the input is trusted")]
    TooLarge {
        /// Bytes that the input declares.
        length: usize,
        /// Bytes that the caller allows.
        max: usize,
    },

    /// The payload does not decode to exactly what its header declares.
    #[error("the {} payload is damaged: {reason}", algorithm.name())]
    Corrupt {
        /// The algorithm that the flag names.
        algorithm: Algorithm,
        /// What does not fit.
        reason: &'static str,
    },

    /// The input needs a dictionary that the decompressor was not given.
    #[error("the input needs the dictionary {id:#010x}, which is not known here")]
    DictionaryMissing {
        /// [`crate::Dictionary::id`] of the one that is needed.
        id: u32,
    },

    /// The bytes make no dictionary, or the samples do not suffice to train one.
    #[error("no dictionary: {reason}")]
    DictionaryInvalid {
        /// What is wrong with it.
        reason: &'static str,
    },

    /// The algorithm has no dictionaries.
    #[error("{} takes no dictionary: use lz4 or zstd", algorithm.name())]
    DictionaryUnsupported {
        /// The algorithm that was asked for.
        algorithm: Algorithm,
    },

    /// The caller's buffer does not hold the result; nothing was written.
    #[error("the output has room for {room} bytes and {needed} are needed")]
    OutputTooSmall {
        /// Bytes that are needed.
        needed: usize,
        /// Bytes that there are.
        room: usize,
    },

    /// An option is out of its range.
    #[error("{option} is out of range: {range}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// What it may be.
        range: &'static str,
    },
}

impl CompressError {
    /// The code that programs match; it never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "TRUNCATED",
            Self::UnknownFlag { .. } => "UNKNOWN_FLAG",
            Self::TooLarge { .. } => "TOO_LARGE",
            Self::Corrupt { .. } => "CORRUPT",
            Self::DictionaryMissing { .. } => "DICTIONARY_MISSING",
            Self::DictionaryInvalid { .. } => "DICTIONARY_INVALID",
            Self::DictionaryUnsupported { .. } => "DICTIONARY_UNSUPPORTED",
            Self::OutputTooSmall { .. } => "OUTPUT_TOO_SMALL",
            Self::InvalidOption { .. } => "INVALID_OPTION",
        }
    }
}
