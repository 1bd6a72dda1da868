//! Decompresses what a compressor wrote, and whatever else it is sent, without harm: the declared length is checked
//! before memory is taken, bounds the output, and must be met.

use std::sync::Arc;

use lz4_flex::block::{decompress_into, decompress_into_with_dict};
use zstd_safe::DCtx;

use crate::algorithm::Algorithm;
use crate::dictionary::Dictionary;
use crate::error::CompressError;
use crate::format::{parse, Header, Parsed};
use crate::gzip::Inflater;

/// Bytes that `input` decompresses to, from its header alone. Untrusted: compare it with a limit before allocating.
///
/// # Errors
/// `Truncated`, `UnknownFlag`, `Corrupt` (more than a payload of this size can hold).
pub fn original_length(input: &[u8]) -> Result<usize, CompressError> {
    Ok(match parse(input)? {
        Parsed::Stored(bytes) => bytes.len(),
        Parsed::Compressed(header, _) => header.length,
    })
}

/// Decompresses inputs of any algorithm. Contexts are made when first needed and kept; once warm, nothing is allocated
/// but what `out` needs. After an error it works on as if nothing had been.
#[derive(Default)]
pub struct Decompressor {
    zstd: Option<DCtx<'static>>,
    gzip: Option<Inflater>,
    dictionaries: Vec<Arc<Dictionary>>,
}

impl Decompressor {
    /// A decompressor that knows no dictionary.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a dictionary known; inputs name the one they need. They are searched one by one: keep them few.
    ///
    /// # Errors
    /// `DictionaryInvalid` if another dictionary with the same id is known.
    pub fn add_dictionary(&mut self, dictionary: Arc<Dictionary>) -> Result<(), CompressError> {
        match self.dictionaries.iter().find(|known| known.id() == dictionary.id()) {
            None => self.dictionaries.push(dictionary),
            Some(known) if known.bytes() == dictionary.bytes() => {}
            Some(_) => {
                return Err(CompressError::DictionaryInvalid {
                    reason: "another one with the same id is known: change a byte of it",
                })
            }
        }
        Ok(())
    }

    /// Appends the original of `input`, of at most `max_bytes`, to `out`; returns its bytes. After an error `out` is
    /// as it was.
    ///
    /// # Errors
    /// `Truncated`, `UnknownFlag`, `TooLarge` (before anything is allocated), `Corrupt`, `DictionaryMissing`.
    pub fn decompress_to(&mut self, input: &[u8], out: &mut Vec<u8>, max_bytes: usize) -> Result<usize, CompressError> {
        let parsed = parse(input)?;
        let length = match &parsed {
            Parsed::Stored(bytes) => bytes.len(),
            Parsed::Compressed(header, _) => header.length,
        };
        if length > max_bytes {
            let max = max_bytes;
            return Err(CompressError::TooLarge { length, max });
        }
        match parsed {
            Parsed::Stored(bytes) => out.extend_from_slice(bytes),
            Parsed::Compressed(header, payload) => {
                let begin = out.len();
                out.resize(begin + length, 0);
                let decoded = self.decode(&header, payload, &mut out[begin..]);
                decoded.inspect_err(|_| out.truncate(begin))?;
            }
        }
        Ok(length)
    }

    /// Writes the original of `input` to the begin of `out`; returns its bytes. Saves the zeroing of
    /// [`Decompressor::decompress_to`]. After an error the first [`original_length`] bytes of `out` may hold anything.
    ///
    /// # Errors
    /// `Truncated`, `UnknownFlag`, `OutputTooSmall`, `Corrupt`, `DictionaryMissing`.
    pub fn decompress_into(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, CompressError> {
        let (needed, room) = (original_length(input)?, out.len());
        let Some(out) = out.get_mut(..needed) else {
            return Err(CompressError::OutputTooSmall { needed, room });
        };
        match parse(input)? {
            Parsed::Stored(bytes) => out.copy_from_slice(bytes),
            Parsed::Compressed(header, payload) => self.decode(&header, payload, out)?,
        }
        Ok(needed)
    }

    /// Decodes a payload that must fill `out`.
    fn decode(&mut self, header: &Header, payload: &[u8], out: &mut [u8]) -> Result<(), CompressError> {
        let dictionary = match header.dictionary {
            None => None,
            Some(id) => {
                let known = self.dictionaries.iter().find(|known| known.id() == id);
                Some(known.ok_or(CompressError::DictionaryMissing { id })?)
            }
        };
        let decoded = match header.algorithm {
            Algorithm::Lz4 => {
                let written = match dictionary {
                    None => decompress_into(payload, out),
                    Some(dictionary) => decompress_into_with_dict(payload, out, dictionary.lz4_reach()),
                };
                exactly(written, out.len())
            }
            Algorithm::Zstd => {
                let context = self.zstd.get_or_insert_with(DCtx::create);
                // The library would read frame after frame, and skip what calls itself skippable.
                if zstd_safe::find_frame_compressed_size(payload) == Ok(payload.len()) {
                    let written = match dictionary {
                        None => context.decompress(out, payload),
                        Some(dictionary) => context.decompress_using_ddict(out, payload, &dictionary.zstd),
                    };
                    exactly(written, out.len())
                } else {
                    Err("it is not one whole zstd frame")
                }
            }
            Algorithm::Gzip => self.gzip.get_or_insert_with(Inflater::new).decompress(payload, out),
        };
        let algorithm = header.algorithm;
        decoded.map_err(|reason| CompressError::Corrupt { algorithm, reason })
    }
}

/// Whether a library wrote as many bytes as were declared.
fn exactly<E>(written: Result<usize, E>, declared: usize) -> Result<(), &'static str> {
    match written {
        Ok(bytes) if bytes == declared => Ok(()),
        Ok(_) => Err("it is shorter than declared"),
        Err(_) => Err("it cannot be read, or is longer than declared"),
    }
}
