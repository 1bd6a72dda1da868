//! XXH3 and CRC-32C for JavaScript: one-shot, many keys of one buffer, and in pieces.

use rafterdb_hash::{
    crc32c_append, crc32c_combine, crc32c_many, xxh3_128, xxh3_64, xxh3_64_many, xxh3_path, Keys, KeysError, Xxh3,
};

use crate::direct::{Answer, Call, Misuse, NativeObject, Text, View};

impl From<KeysError> for Misuse {
    fn from(error: KeysError) -> Self {
        Self::Range(error.to_string())
    }
}

/// The top 53 bits of a hash, which a number holds exactly.
#[allow(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn as_number(hash: u64) -> f64 {
    (hash >> 11) as f64
}

/// The low 32 bits, the high 32 bits.
#[allow(clippy::cast_possible_truncation, reason = "that is what is asked for")]
const fn words(hash: u64) -> [u32; 2] {
    [hash as u32, (hash >> 32) as u32]
}

#[allow(clippy::cast_possible_truncation, reason = "that is what is asked for")]
const fn halves(hash: u128) -> [u64; 2] {
    [hash as u64, (hash >> 64) as u64]
}

/// `hashPath()`
pub fn path(call: &Call) -> Answer {
    Ok(call.text_value(xxh3_path().name()))
}

#[inline]
fn hash_64(call: &Call, seed_at: usize) -> Result<u64, Misuse> {
    let mut text = Text::new();
    let seed = call.u64_or(seed_at, "seed", 0)?;
    Ok(xxh3_64(call.bytes(0, "data", &mut text)?, seed))
}

fn hash_128(call: &Call, seed_at: usize) -> Result<u128, Misuse> {
    let mut text = Text::new();
    let seed = call.u64_or(seed_at, "seed", 0)?;
    Ok(xxh3_128(call.bytes(0, "data", &mut text)?, seed))
}

/// `xxh3(data, seed?)`
pub fn xxh3(call: &Call) -> Answer {
    hash_64(call, 1).map(|hash| call.float_value(as_number(hash)))
}

/// `xxh3BigInt(data, seed?)`
pub fn xxh3_bigint(call: &Call) -> Answer {
    hash_64(call, 1).map(|hash| call.u64_value(hash))
}

/// `xxh3Words(data, out, seed?)`
pub fn xxh3_words(call: &Call) -> Answer {
    let hash = hash_64(call, 2)?;
    write_words(call, &words(hash))
}

/// `xxh128Words(data, out, seed?)`
pub fn xxh128_words(call: &Call) -> Answer {
    let [low, high] = halves(hash_128(call, 2)?);
    write_words(call, &[words(low), words(high)].concat())
}

/// `xxh128BigInt(data, seed?)`
pub fn xxh128_bigint(call: &Call) -> Answer {
    hash_128(call, 1).map(|hash| call.u128_value(halves(hash)))
}

/// `xxh128Hex(data, seed?)`
pub fn xxh128_hex(call: &Call) -> Answer {
    hash_128(call, 1).map(|hash| call.text_value(&format!("{hash:032x}")))
}

/// After the data was hashed, so that `out` may lie anywhere.
fn write_words(call: &Call, words: &[u32]) -> Answer {
    let out = call.u32_view(1, "out")?;
    // SAFETY: nothing else refers to this memory now.
    let places = unsafe { out.slice_mut::<u32>() };
    let Some(places) = places.get_mut(..words.len()) else {
        let text = format!("out has {} elements and {} are written", places.len(), words.len());
        return Err(Misuse::Range(text));
    };
    places.copy_from_slice(words);
    Ok(call.nothing())
}

/// The keys that a buffer and offsets make, and `out`, which lies elsewhere.
pub fn keys_and_out<'call>(call: &'call Call, at: usize, out: View<'_>) -> Result<(&'call [u8], &'call [u32]), Misuse> {
    let buffer = call.byte_view(at, "buffer")?;
    let offsets = call.u32_view(at + 1, "offsets")?;
    call.distinct(out, &[buffer, offsets])?;
    // SAFETY: views of this call; what is written lies elsewhere.
    Ok(unsafe { (buffer.slice(), offsets.slice()) })
}

/// `hashMany(buffer, offsets, out, seed?)`
pub fn hash_many(call: &Call) -> Answer {
    let wanted = || call.must_be(2, "out", "a Float64Array, BigUint64Array or Uint32Array");
    let out = call.view(2, "out")?.ok_or_else(wanted)?;
    let seed = call.u64_or(3, "seed", 0)?;
    let (buffer, offsets) = keys_and_out(call, 0, out)?;
    if out.is_big_uint64() || out.is_float64() {
        // SAFETY: `out` lies apart from what is read.
        let places = unsafe { out.slice_mut::<u64>() };
        xxh3_64_many(buffer, offsets, seed, places)?;
        if out.is_float64() {
            places.iter_mut().for_each(|place| *place = as_number(*place).to_bits());
        }
    } else if out.is_uint32() {
        let keys = Keys::new(buffer, offsets)?;
        // SAFETY: as above.
        let places = unsafe { out.slice_mut::<u32>() };
        if places.len() != 2 * keys.len() {
            let text = format!(
                "{} keys, two words each, but {} places for words",
                keys.len(),
                places.len()
            );
            return Err(Misuse::Range(text));
        }
        for (key, place) in keys.iter().zip(places.chunks_exact_mut(2)) {
            place.copy_from_slice(&words(xxh3_64(key, seed)));
        }
    } else {
        return Err(wanted());
    }
    Ok(call.nothing())
}

impl NativeObject for Xxh3 {
    const NAME: &'static str = "Xxh3";

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// `xxh3New(seed?)`
pub fn hasher_new(call: &Call) -> Answer {
    Ok(call.hold(Xxh3::new(call.u64_or(0, "seed", 0)?)))
}

/// `xxh3Update(hasher, data)`
pub fn hasher_update(call: &Call) -> Answer {
    let mut text = Text::new();
    let mut hasher = call.held_mut::<Xxh3>(0)?;
    hasher.update(call.bytes(1, "data", &mut text)?);
    Ok(call.nothing())
}

/// `xxh3Digest(hasher)`
pub fn hasher_digest(call: &Call) -> Answer {
    Ok(call.float_value(as_number(call.held::<Xxh3>(0)?.digest_64())))
}

/// `xxh3DigestBigInt(hasher)`
pub fn hasher_digest_bigint(call: &Call) -> Answer {
    Ok(call.u64_value(call.held::<Xxh3>(0)?.digest_64()))
}

/// `xxh3Digest128Hex(hasher)`
pub fn hasher_digest_128_hex(call: &Call) -> Answer {
    Ok(call.text_value(&format!("{:032x}", call.held::<Xxh3>(0)?.digest_128())))
}

/// `xxh3Digest128BigInt(hasher)`
pub fn hasher_digest_128_bigint(call: &Call) -> Answer {
    Ok(call.u128_value(halves(call.held::<Xxh3>(0)?.digest_128())))
}

/// `xxh3Reset(hasher)`
pub fn hasher_reset(call: &Call) -> Answer {
    call.held_mut::<Xxh3>(0)?.reset();
    Ok(call.nothing())
}

fn crc_argument(call: &Call, at: usize, name: &str) -> Result<u32, Misuse> {
    let value = call.integer(at, name, 0, u64::from(u32::MAX))?;
    Ok(u32::try_from(value).unwrap_or(u32::MAX))
}

/// `crc32c(data, previous?)`
pub fn crc32c(call: &Call) -> Answer {
    let mut text = Text::new();
    let previous = if call.is_absent(1) {
        0
    } else {
        crc_argument(call, 1, "previous")?
    };
    let crc = crc32c_append(previous, call.bytes(0, "data", &mut text)?);
    Ok(call.u32_value(crc))
}

/// `crc32cCombine(first, second, secondBytes)`
pub fn crc32c_of_both(call: &Call) -> Answer {
    let (first, second) = (crc_argument(call, 0, "first")?, crc_argument(call, 1, "second")?);
    let bytes = call.integer(2, "secondBytes", 0, u64::MAX)?;
    Ok(call.u32_value(crc32c_combine(first, second, bytes)))
}

/// `crc32cMany(buffer, offsets, out)`
pub fn crc32c_of_many(call: &Call) -> Answer {
    let out = call.u32_view(2, "out")?;
    let (buffer, offsets) = keys_and_out(call, 0, out)?;
    // SAFETY: `out` lies apart from what is read.
    crc32c_many(buffer, offsets, unsafe { out.slice_mut() })?;
    Ok(call.nothing())
}
