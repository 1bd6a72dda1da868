//! The table of the functions that go the direct way. Owns nothing else.

use napi::bindgen_prelude::Object;
use napi::{sys, Env, JsValue};
use napi_derive::napi;

use crate::direct::{export, Call};
use crate::{library, member, port, reader};

macro_rules! functions {
    ($($name:literal => $function:path),* $(,)?) => {
        [$(($name, {
            unsafe extern "C" fn entry(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
                // SAFETY: Node calls this with a callback's arguments.
                unsafe { Call::run(env, info, $function) }
            }
            entry as unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value
        })),*]
    };
}

/// Adds the functions to the addon.
#[napi(module_exports)]
#[allow(clippy::needless_pass_by_value, reason = "napi-derive passes them so")]
pub fn register(exports: Object<'_>, env: Env) -> napi::Result<()> {
    let functions = functions! {
        "exchange" => member::exchange,
        "openPort" => port::open_port,
        "submit" => port::submit,
        "drain" => port::drain,
        "closePort" => port::close_port,
        "openReader" => reader::open_reader,
        "readKey" => reader::read_key,
        "closeReader" => reader::close_reader,
        "hashPath" => library::hash::path,
        "xxh3" => library::hash::xxh3,
        "xxh3BigInt" => library::hash::xxh3_bigint,
        "xxh3Words" => library::hash::xxh3_words,
        "xxh128Words" => library::hash::xxh128_words,
        "xxh128BigInt" => library::hash::xxh128_bigint,
        "xxh128Hex" => library::hash::xxh128_hex,
        "hashMany" => library::hash::hash_many,
        "xxh3New" => library::hash::hasher_new,
        "xxh3Update" => library::hash::hasher_update,
        "xxh3Digest" => library::hash::hasher_digest,
        "xxh3DigestBigInt" => library::hash::hasher_digest_bigint,
        "xxh3Digest128Hex" => library::hash::hasher_digest_128_hex,
        "xxh3Digest128BigInt" => library::hash::hasher_digest_128_bigint,
        "xxh3Reset" => library::hash::hasher_reset,
        "crc32c" => library::hash::crc32c,
        "crc32cCombine" => library::hash::crc32c_of_both,
        "crc32cMany" => library::hash::crc32c_of_many,
        "ringNew" => library::ring::new,
        "ringLookup" => library::ring::lookup,
        "ringLookupMany" => library::ring::lookup_many,
        "ringReplicas" => library::ring::replicas,
        "ringReplicasMany" => library::ring::replicas_many,
        "ringAssignMany" => library::ring::assign_many,
        "ringDiff" => library::ring::diff,
        "frameHeader" => library::codec::frame_header,
        "frameEncode" => library::codec::frame_encode,
        "frameMissing" => library::codec::frame_missing,
        "framesDecode" => library::codec::frames_decode,
        "entryEncode" => library::codec::entry_encode,
        "entriesDecode" => library::codec::entries_decode,
        "dictionaryNew" => library::compress::dictionary_new,
        "dictionaryTrain" => library::compress::dictionary_train,
        "dictionaryId" => library::compress::dictionary_id,
        "compressorNew" => library::compress::compressor_new,
        "compress" => library::compress::compress,
        "compressTo" => library::compress::compress_to,
        "compressedSizeMax" => library::compress::compressed_size_max,
        "decompressorNew" => library::compress::decompressor_new,
        "decompressorAdd" => library::compress::decompressor_add,
        "decompress" => library::compress::decompress,
        "decompressTo" => library::compress::decompress_to,
        "topology" => library::topology::topology,
        "originalLength" => library::compress::original_length_of,
    };
    for (name, function) in functions {
        // SAFETY: the addon is being loaded, with these.
        unsafe { export(env.raw(), exports.value().value, name, function) };
    }
    Ok(())
}
