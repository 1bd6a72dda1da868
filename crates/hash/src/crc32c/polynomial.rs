//! Arithmetic modulo the Castagnoli polynomial, and every constant of the kernels computed from it at compile time.
//! It knows nothing of instruction sets. Numbers are bit-reflected as in RFC 3720: the top bit of a `u32` is `x^0`.

/// The polynomial 0x1edc6f41 without its `x^32`, bit-reflected.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// `x^ORDER = 1`: the polynomial is `x + 1` times a primitive one of degree 31. So `x^-n` is `x^(ORDER - n)`.
const ORDER: u64 = (1 << 31) - 1;

/// How far from its end a message is reached by [`POWERS`], bytes.
pub(super) const POWERS_BYTES: usize = 512;

/// Bytes that vectors are loaded from, within a cache line each.
#[repr(align(64))]
pub(super) struct Aligned<const N: usize>(pub(super) [u8; N]);

/// What each 64-bit word of a message is multiplied by, so that the sum of the products is congruent to the message:
/// the last is for the last word. A message and this table are walked side by side, at the same distance from their ends.
pub(super) static POWERS: Aligned<POWERS_BYTES> = {
    let mut powers = [0; POWERS_BYTES];
    let mut at = 0;
    while at < POWERS_BYTES {
        let power = multiplier(8 * (POWERS_BYTES - 8 - at) as i64).to_le_bytes();
        let mut i = 0;
        while i < 8 {
            powers[at + i] = power[i];
            i += 1;
        }
        at += 8;
    }
    Aligned(powers)
};

/// For slicing by sixteen: `SLICES[k][b]` is the register after the byte `b` and `k` zeros, from zero.
pub(super) static SLICES: [[u32; 256]; 16] = {
    let mut slices = [[0; 256]; 16];
    let mut byte = 0;
    while byte < 256 {
        let mut register = byte as u32;
        let mut k = 0;
        while k < 16 {
            let mut bit = 0;
            while bit < 8 {
                register = times_x(register);
                bit += 1;
            }
            slices[k][byte] = register;
            k += 1;
        }
        byte += 1;
    }
    slices
};

/// `x^(value * 16^digit)` at `[digit][value]`: the factors of [`shift`].
static DIGITS: [[u32; 16]; 8] = {
    let mut digits = [[0; 16]; 8];
    let mut digit = 0;
    while digit < 8 {
        let step = power(1 << (4 * digit));
        digits[digit][0] = power(0);
        let mut value = 1;
        while value < 16 {
            digits[digit][value] = multiply(digits[digit][value - 1], step);
            value += 1;
        }
        digit += 1;
    }
    digits
};

/// The factor by which a carry-less multiplication turns the 64-bit `a` into `a * x^bits`, congruent, in 128 bits. A `u32` in
/// the low half of a 64-bit register counts for `x^32` times itself, and a product of two registers for `x` times: hence 33.
const fn multiplier(bits: i64) -> u64 {
    power(bits - 33) as u64
}

/// The factors that move a vector `bytes` on: for the low and the high half of each of its lanes.
pub(super) const fn move_on(bytes: usize) -> Aligned<64> {
    let halves = [multiplier(8 * bytes as i64 + 64), multiplier(8 * bytes as i64)];
    let mut factors = [0; 64];
    let mut i = 0;
    while i < factors.len() {
        factors[i] = halves[i / 8 % 2].to_le_bytes()[i % 8];
        i += 1;
    }
    Aligned(factors)
}

/// The factor that brings a register from `bytes` before the end of a message to the first word of its last sixteen bytes.
pub(super) const fn carry(bytes: usize) -> u32 {
    power(8 * bytes as i64 - 64 - 33)
}

/// `crc * x^(8 * bytes)`: the register `crc` after `bytes` zeros. At most eight multiplications.
pub(super) fn shift(crc: u32, bytes: u64) -> u32 {
    let exponent = bytes % ORDER * 8 % ORDER;
    let digits = DIGITS.iter().enumerate();
    digits
        .map(|(i, digit)| digit[(exponent >> (4 * i) & 15) as usize])
        .filter(|factor| *factor != power(0))
        .fold(crc, multiply)
}

/// `x^exponent`.
const fn power(exponent: i64) -> u32 {
    let mut left = exponent.rem_euclid(ORDER as i64);
    let (mut square, mut result) = (1 << 30, 1 << 31);
    while left != 0 {
        if left & 1 == 1 {
            result = multiply(result, square);
        }
        square = multiply(square, square);
        left >>= 1;
    }
    result
}

/// `a * b`.
const fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = 32;
    while bit != 0 {
        bit -= 1;
        product ^= b & (a >> bit & 1).wrapping_neg();
        b = times_x(b);
    }
    product
}

/// `a * x`: the register after one zero bit.
const fn times_x(a: u32) -> u32 {
    (a >> 1) ^ (POLYNOMIAL & (a & 1).wrapping_neg())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `x^exponent`, one step at a time.
    fn by_steps(exponent: usize) -> u32 {
        (0..exponent).fold(1 << 31, |register, _| times_x(register))
    }

    /// The product of two registers that stand in the low half of 64 bits, as carry-less multiplication gives it, reduced
    /// by the definition: bit `k` of the 128 counts for `x^(127 - k)`.
    fn carry_less(a: u64, b: u64) -> u32 {
        let product = (0..64)
            .filter(|i| a >> i & 1 == 1)
            .fold(0, |sum, i| sum ^ u128::from(b) << i);
        (0..128)
            .filter(|k| product >> k & 1 == 1)
            .fold(0, |sum, k| sum ^ by_steps(127 - k))
    }

    #[test]
    fn powers_are_as_many_single_steps() {
        for exponent in (0..300).chain([4095, 65_537]) {
            assert_eq!(power(exponent as i64), by_steps(exponent), "x^{exponent}");
            let inverse = power(-(exponent as i64));
            assert_eq!(multiply(inverse, by_steps(exponent)), by_steps(0), "x^-{exponent}");
        }
        assert_eq!((by_steps(0), by_steps(31), by_steps(32)), (1 << 31, 1, POLYNOMIAL));
    }

    #[test]
    fn powers_of_x_come_round_after_the_order() {
        // x^(2^31), by squaring alone, is x again.
        let square = (0..31).fold(1 << 30, |square, _| multiply(square, square));
        assert_eq!(square, 1 << 30);
    }

    #[test]
    fn the_factors_move_words_as_far_as_they_say() {
        // A 64-bit word, as the polynomial that its bits spell: the low half counts for x^32 times.
        let word = |word: u64| multiply(word as u32, by_steps(32)) ^ (word >> 32) as u32;
        let sample = 0x0123_4567_89ab_cdef;
        for at in (0..POWERS_BYTES).step_by(8) {
            let factor = u64::from_le_bytes(POWERS.0[at..at + 8].try_into().unwrap());
            let bits = 8 * (POWERS_BYTES - 8 - at);
            assert_eq!(
                carry_less(sample, factor),
                multiply(word(sample), by_steps(bits)),
                "{at}"
            );
        }
        for bytes in [16, 64, 128, 256] {
            let moved = move_on(bytes);
            for (i, factor) in moved.0.as_chunks::<8>().0.iter().enumerate() {
                let bits = 8 * bytes + if i % 2 == 0 { 64 } else { 0 };
                let product = carry_less(sample, u64::from_le_bytes(*factor));
                assert_eq!(product, multiply(word(sample), by_steps(bits)), "{bytes} {i}");
            }
        }
        for bytes in [16, 64, 1000] {
            // The last sixteen bytes are reduced with x^32 more; the first word of them stands for x^64 times itself.
            let product = carry_less(0xdead_beef, u64::from(carry(bytes)));
            let arrived = multiply(product, by_steps(32));
            assert_eq!(arrived, multiply(0xdead_beef, by_steps(8 * bytes)), "{bytes}");
        }
    }

    #[test]
    fn a_shift_is_as_many_zeros() {
        for bytes in (0..70).chain([255, 4096, 100_000]) {
            assert_eq!(
                shift(0xdead_beef, bytes),
                multiply(0xdead_beef, by_steps(8 * bytes as usize)),
                "{bytes}"
            );
        }
        assert_eq!(shift(0xdead_beef, u64::MAX), shift(0xdead_beef, u64::MAX % ORDER));
    }
}
