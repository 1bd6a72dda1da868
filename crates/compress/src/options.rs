//! What a compressor is asked to do, and the ranges of it. Compresses nothing itself.

use std::sync::Arc;

use crate::algorithm::Algorithm;
use crate::dictionary::Dictionary;
use crate::error::CompressError;

/// How a [`crate::Compressor`] works. Make one with [`Options::new`] and change what should differ.
#[derive(Debug, Clone)]
pub struct Options {
    /// What compresses.
    pub algorithm: Algorithm,
    /// One of [`Algorithm::levels`]; `None` (the default) takes [`Algorithm::default_level`].
    pub level: Option<u8>,
    /// Inputs of fewer bytes are stored without a try. Default 256, with a dictionary 64.
    pub min_bytes: usize,
    /// The compressed form, with its header, is kept if it has at most this share of the original's bytes; over 0 and
    /// at most 1, default 0.9.
    pub ratio_max: f64,
    /// Whether to stop trying for a while after inputs that did not compress. Default true.
    pub adaptive: bool,
    /// What the inputs have in common; zstd and LZ4 take one. Default none.
    pub dictionary: Option<Arc<Dictionary>>,
}

impl Options {
    /// The defaults for an algorithm.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            level: None,
            min_bytes: 256,
            ratio_max: 0.9,
            adaptive: true,
            dictionary: None,
        }
    }

    /// The defaults for an algorithm with a dictionary.
    #[must_use]
    pub fn with_dictionary(algorithm: Algorithm, dictionary: Arc<Dictionary>) -> Self {
        Self {
            min_bytes: 64,
            dictionary: Some(dictionary),
            ..Self::new(algorithm)
        }
    }

    /// The level to take.
    ///
    /// # Errors
    /// `InvalidOption` (level or ratio) and `DictionaryUnsupported`.
    pub(crate) fn checked_level(&self) -> Result<u8, CompressError> {
        let level = self.level.unwrap_or(self.algorithm.default_level());
        if !self.algorithm.levels().contains(&level) {
            return Err(CompressError::InvalidOption {
                option: "level",
                range: "1 for lz4, 1 to 19 for zstd, 1 to 9 for gzip",
            });
        }
        if !(self.ratio_max > 0.0 && self.ratio_max <= 1.0) {
            return Err(CompressError::InvalidOption {
                option: "ratio_max",
                range: "over 0 and at most 1",
            });
        }
        if self.dictionary.is_some() && self.algorithm == Algorithm::Gzip {
            let algorithm = self.algorithm;
            return Err(CompressError::DictionaryUnsupported { algorithm });
        }
        Ok(level)
    }
}
