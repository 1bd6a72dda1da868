//! Functions that are called once a turn, a wake-up or a value, without what napi-derive puts around a function: that takes
//! 100 ns a call, and allocates two to four times. One table names them all.
//!
//! src/library makes its functions and classes of those in this folder.

mod arguments;
mod call;
mod codec;
mod compress;
mod handle;
mod hash;
mod results;
mod ring;
mod topology;
mod view;

use napi::bindgen_prelude::Object;
use napi::{sys, Env, JsValue};
use napi_derive::napi;

use call::export;
pub use call::{Answer, Call, Misuse};
pub use handle::{hold, NativeObject};

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
        "exchange" => crate::member::exchange,
        "openPort" => crate::port::open_port,
        "submit" => crate::port::submit,
        "drain" => crate::port::drain,
        "closePort" => crate::port::close_port,
        "readKey" => crate::reader::read_key,
        "hashPath" => hash::path,
        "xxh3" => hash::xxh3,
        "xxh3BigInt" => hash::xxh3_bigint,
        "xxh3Words" => hash::xxh3_words,
        "xxh128Words" => hash::xxh128_words,
        "xxh128BigInt" => hash::xxh128_bigint,
        "xxh128Hex" => hash::xxh128_hex,
        "hashMany" => hash::hash_many,
        "xxh3New" => hash::hasher_new,
        "xxh3Update" => hash::hasher_update,
        "xxh3Digest" => hash::hasher_digest,
        "xxh3DigestBigInt" => hash::hasher_digest_bigint,
        "xxh3Digest128Hex" => hash::hasher_digest_128_hex,
        "xxh3Digest128BigInt" => hash::hasher_digest_128_bigint,
        "xxh3Reset" => hash::hasher_reset,
        "crc32c" => hash::crc32c,
        "crc32cCombine" => hash::crc32c_of_both,
        "crc32cMany" => hash::crc32c_of_many,
        "ringNew" => ring::new,
        "ringLookup" => ring::lookup,
        "ringLookupMany" => ring::lookup_many,
        "ringReplicas" => ring::replicas,
        "ringReplicasMany" => ring::replicas_many,
        "ringAssignMany" => ring::assign_many,
        "ringDiff" => ring::diff,
        "frameHeader" => codec::frame_header,
        "frameEncode" => codec::frame_encode,
        "frameMissing" => codec::frame_missing,
        "framesDecode" => codec::frames_decode,
        "entryEncode" => codec::entry_encode,
        "entriesDecode" => codec::entries_decode,
        "dictionaryNew" => compress::dictionary_new,
        "dictionaryTrain" => compress::dictionary_train,
        "dictionaryId" => compress::dictionary_id,
        "compressorNew" => compress::compressor_new,
        "compress" => compress::compress,
        "compressTo" => compress::compress_to,
        "compressedSizeMax" => compress::compressed_size_max,
        "decompressorNew" => compress::decompressor_new,
        "decompressorAdd" => compress::decompressor_add,
        "decompress" => compress::decompress,
        "decompressTo" => compress::decompress_to,
        "topology" => topology::topology,
        "originalLength" => compress::original_length_of,
    };
    for (name, function) in functions {
        // SAFETY: the addon is being loaded, with these.
        unsafe { export(env.raw(), exports.value().value, name, function) };
    }
    Ok(())
}
