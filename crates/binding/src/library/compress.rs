//! Compression for JavaScript: compressors and decompressors with their contexts, dictionaries.

use std::sync::Arc;

use rafterdb_compress::{
    max_compressed_size, original_length, Algorithm, CompressError, Compressor, Decompressor, Dictionary, Options,
};
use rafterdb_hash::Keys;

use super::codec::from_offset;
use crate::direct::{Answer, Call, Misuse, NativeObject, Text};

/// Room for results that a compressor keeps between calls, bytes.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// What a compressor with its contexts takes, bytes, about: zstd's at level 3; the others take less.
const CONTEXT_BYTES: usize = 1 << 20;

impl From<CompressError> for Misuse {
    fn from(error: CompressError) -> Self {
        let text = error.to_string();
        match error {
            CompressError::InvalidOption { .. } => Self::Range(text),
            _ => Self::Failed(error.code(), text),
        }
    }
}

struct Held {
    compressor: Compressor,
    /// Where results are written before their length is known.
    room: Vec<u8>,
}

impl NativeObject for Held {
    const NAME: &'static str = "Compressor";

    fn bytes(&self) -> usize {
        CONTEXT_BYTES
    }
}

impl NativeObject for Decompressor {
    const NAME: &'static str = "Decompressor";

    fn bytes(&self) -> usize {
        CONTEXT_BYTES / 4
    }
}

impl NativeObject for Arc<Dictionary> {
    const NAME: &'static str = "Dictionary";

    fn bytes(&self) -> usize {
        Dictionary::bytes(self).len()
    }
}

/// `dictionaryNew(content)`
pub fn dictionary_new(call: &Call) -> Answer {
    // SAFETY: a view of this call that is read only.
    let content = unsafe { call.byte_view(0, "content")?.slice::<u8>() };
    Ok(call.hold(Arc::new(Dictionary::new(content)?)))
}

/// `dictionaryTrain(samples, offsets, bytesMax)`
pub fn dictionary_train(call: &Call) -> Answer {
    let (samples, offsets) = (call.byte_view(0, "samples")?, call.u32_view(1, "offsets")?);
    let bytes_max = call.size(2, "bytesMax", rafterdb_compress::DICTIONARY_BYTES_MAX)?;
    // SAFETY: views of this call that are read only.
    let keys = Keys::new(unsafe { samples.slice() }, unsafe { offsets.slice() })?;
    let samples: Vec<&[u8]> = keys.iter().collect();
    call.buffer_value(Dictionary::train(&samples, bytes_max)?.bytes())
}

/// `dictionaryId(dictionary)`
pub fn dictionary_id(call: &Call) -> Answer {
    Ok(call.u32_value(call.held::<Arc<Dictionary>>(0)?.id()))
}

/// `compressorNew(algorithm, level, minBytes, ratioMax, adaptive, dictionary?)`; level 0: the algorithm's own
pub fn compressor_new(call: &Call) -> Answer {
    let name = call.string(0, "algorithm")?;
    let algorithm = [Algorithm::Lz4, Algorithm::Zstd, Algorithm::Gzip]
        .into_iter()
        .find(|algorithm| algorithm.name() == name)
        .ok_or_else(|| Misuse::Range(format!("algorithm must be lz4, zstd or gzip, not {name}")))?;
    let level = u8::try_from(call.integer(1, "level", 0, 19)?).unwrap_or(u8::MAX);
    let dictionary = if call.is_absent(5) {
        None
    } else {
        Some(Arc::clone(&*call.held::<Arc<Dictionary>>(5)?))
    };
    let options = Options {
        level: (level > 0).then_some(level),
        min_bytes: call.size(2, "minBytes", u32::MAX as usize)?,
        ratio_max: call.float(3, "ratioMax", 0.0, 1.0)?,
        adaptive: call.boolean(4, "adaptive")?,
        dictionary,
        ..Options::new(algorithm)
    };
    let compressor = Compressor::new(&options)?;
    let room = Vec::new();
    Ok(call.hold(Held { compressor, room }))
}

/// `compress(compressor, data)`
pub fn compress(call: &Call) -> Answer {
    let mut text = Text::new();
    let mut held = call.held_mut::<Held>(0)?;
    let Held { compressor, room } = &mut *held;
    compressor.compress_to(call.bytes(1, "data", &mut text)?, room);
    let result = call.buffer_value(room);
    room.clear();
    room.shrink_to(KEPT_BYTES_MAX);
    result
}

/// `compressTo(compressor, data, out, at)`
pub fn compress_to(call: &Call) -> Answer {
    let mut text = Text::new();
    let mut held = call.held_mut::<Held>(0)?;
    let out = call.byte_view(2, "out")?;
    if let Some(data) = call.view(1, "data")? {
        call.distinct(out, &[data])?;
    }
    let data = call.bytes(1, "data", &mut text)?;
    let outcome = held
        .compressor
        // SAFETY: found apart from the data above; a string is no view.
        .compress_into(data, unsafe { from_offset(call, out, 3)? })
        .map_err(|error| Misuse::Range(error.to_string()))?;
    Ok(call.size_value(outcome.bytes))
}

/// `compressedSizeMax(bytes)`
pub fn compressed_size_max(call: &Call) -> Answer {
    Ok(call.size_value(max_compressed_size(call.size(0, "bytes", u32::MAX as usize)?)))
}

/// `decompressorNew()`
pub fn decompressor_new(call: &Call) -> Answer {
    Ok(call.hold(Decompressor::new()))
}

/// `decompressorAdd(decompressor, dictionary)`
pub fn decompressor_add(call: &Call) -> Answer {
    let dictionary = Arc::clone(&*call.held::<Arc<Dictionary>>(1)?);
    call.held_mut::<Decompressor>(0)?.add_dictionary(dictionary)?;
    Ok(call.nothing())
}

/// `decompress(decompressor, data, bytesMax)`
pub fn decompress(call: &Call) -> Answer {
    let mut decompressor = call.held_mut::<Decompressor>(0)?;
    // SAFETY: a view of this call that is read only.
    let data = unsafe { call.byte_view(1, "data")?.slice::<u8>() };
    let max = call.size(2, "bytesMax", usize::MAX)?;
    let length = original_length(data)?;
    if length > max {
        return Err(CompressError::TooLarge { length, max }.into());
    }
    call.filled_buffer(length, |room| Ok(decompressor.decompress_into(data, room)?))
}

/// `decompressTo(decompressor, data, out, at)`
pub fn decompress_to(call: &Call) -> Answer {
    let mut decompressor = call.held_mut::<Decompressor>(0)?;
    let (data, out) = (call.byte_view(1, "data")?, call.byte_view(2, "out")?);
    call.distinct(out, &[data])?;
    // SAFETY: two views of this call, apart from each other.
    let (data, out) = unsafe { (data.slice(), from_offset(call, out, 3)?) };
    let written = decompressor.decompress_into(data, out)?;
    Ok(call.size_value(written))
}

/// `originalLength(data)`
pub fn original_length_of(call: &Call) -> Answer {
    // SAFETY: a view of this call that is read only.
    let data = unsafe { call.byte_view(0, "data")?.slice::<u8>() };
    Ok(call.size_value(original_length(data)?))
}
