//! CRC-32C by carry-less multiplication of vectors, for any [`InstructionSet`]. Knows no particular one.
//!
//! A message is a polynomial: the sum of its 64-bit words, each times a power of x. So a medium one is the inner product of its
//! words with a table of powers, reduced once at the end. More than the table reaches over is first folded onto four vectors,
//! each moved on by four vectors and added to the next ("Fast CRC Computation for Generic Polynomials Using PCLMULQDQ",
//! Gopal et al., Intel 2009). In a block the CRC instruction takes a part in three streams meanwhile.
//!
//! No closure may hold a vector: it would not be compiled for the features of the function around it, and not be inlined.

use super::instruction_set::InstructionSet;
use super::polynomial::{carry, move_on, Aligned, POWERS, POWERS_BYTES};
use super::short::{head, tail};

/// The register `crc` after `bytes`, `SHORT` or more.
#[inline(always)]
pub(super) fn medium<M: InstructionSet>(m: M, crc: u32, bytes: &[u8]) -> u32 {
    let (first, mut bytes) = m.first(crc, bytes);
    let first = if bytes.len() < POWERS_BYTES {
        let powers = &POWERS.0[POWERS_BYTES - M::WIDTH - bytes.len()..];
        m.multiply(first, m.load(&powers[..M::WIDTH]))
    } else {
        let (next, rest) = bytes.split_at(3 * M::WIDTH);
        let strides = rest.chunks_exact(4 * M::WIDTH);
        bytes = strides.remainder();
        let mut vectors = [first, vector(m, next, 0), vector(m, next, 1), vector(m, next, 2)];
        let stride = m.load(&Constants::<M>::STRIDE.0[..M::WIDTH]);
        for next in strides {
            fold(m, &mut vectors, stride, next);
        }
        inner_product(m, vectors, &POWERS.0[POWERS_BYTES - 4 * M::WIDTH - bytes.len()..])
    };
    let powers = &POWERS.0[POWERS_BYTES - bytes.len()..];
    let mut others = m.zero();
    for (vector, power) in bytes.chunks_exact(M::WIDTH).zip(powers.chunks_exact(M::WIDTH)) {
        others = m.add(others, m.multiply(m.load(vector), m.load(power)));
    }
    // The first last: it waits for `crc`.
    let (low, high) = m.sum(m.add(others, first));
    m.word(m.word(0, low), high)
}

/// The register `crc` after `bytes`, `LONG` or more.
#[inline(always)]
pub(super) fn long<M: InstructionSet>(m: M, crc: u32, bytes: &[u8]) -> u32 {
    if M::ROUNDS == 0 {
        aligned(m, crc, bytes)
    } else {
        blocks(m, crc, bytes)
    }
}

/// Where vectors are as wide as cache lines, loads that cross them take a quarter more time.
#[inline(always)]
fn aligned<M: InstructionSet>(m: M, crc: u32, bytes: &[u8]) -> u32 {
    let n = bytes.as_ptr().align_offset(M::WIDTH);
    let crc = head(m, crc, bytes, n);
    let bytes = &bytes[n..];
    let n = bytes.len() % M::WIDTH;
    let crc = medium(m, crc, &bytes[..bytes.len() - n]);
    tail(m, crc, bytes, n)
}

#[inline(always)]
fn blocks<M: InstructionSet>(m: M, mut crc: u32, bytes: &[u8]) -> u32 {
    let mut left = bytes;
    while left.len() >= M::LONG {
        // As many as fit: n rounds take n strides of vectors, and n - 1 of the streams.
        let streams = 3 * 8 * M::WORDS;
        let rounds = ((left.len() + streams) / (streams + 4 * M::WIDTH)).min(M::ROUNDS);
        let (first, rest) = left.split_at(streams * (rounds - 1) + 4 * M::WIDTH * rounds);
        crc = block(m, crc, first, rounds);
        left = rest;
    }
    if left.len() < M::SHORT {
        tail(m, crc, bytes, left.len())
    } else {
        medium(m, crc, left)
    }
}

/// A block: `[stream 0][stream 1][stream 2][vectors]`. All parts start from zero, so that they, and the next block, do not wait for
/// what came before; at the end each is carried to the end and added.
#[inline(always)]
fn block<M: InstructionSet>(m: M, crc: u32, bytes: &[u8], rounds: usize) -> u32 {
    let round = 8 * M::WORDS;
    let (streams, rest) = bytes.split_at(3 * round * (rounds - 1));
    let (a, others) = streams.split_at(round * (rounds - 1));
    let (b, c) = others.split_at(round * (rounds - 1));
    let streams = a
        .chunks_exact(round)
        .zip(b.chunks_exact(round))
        .zip(c.chunks_exact(round));
    let (first, rest) = rest.split_at(4 * M::WIDTH);
    let mut vectors = [
        vector(m, first, 0),
        vector(m, first, 1),
        vector(m, first, 2),
        vector(m, first, 3),
    ];
    let mut crcs = [0; 3];
    let stride = m.load(&Constants::<M>::STRIDE.0[..M::WIDTH]);
    for (next, ((a, b), c)) in rest.chunks_exact(4 * M::WIDTH).zip(streams) {
        fold(m, &mut vectors, stride, next);
        for (crc, words) in crcs.iter_mut().zip([a, b, c]) {
            for word in words.as_chunks::<8>().0 {
                *crc = m.word(*crc, u64::from_le_bytes(*word));
            }
        }
    }
    let (low, high) = m.sum(inner_product(m, vectors, &POWERS.0[POWERS_BYTES - 4 * M::WIDTH..]));
    let parts = [crcs[0], crcs[1], crcs[2], crc]
        .into_iter()
        .zip(Constants::<M>::CARRIES[rounds]);
    let low = parts.fold(low, |low, (crc, carry)| low ^ m.product(crc, carry));
    m.word(m.word(0, low), high)
}

/// Each of `vectors` moved on by a `stride` and added to the `next`.
#[inline(always)]
fn fold<M: InstructionSet>(m: M, vectors: &mut [M::Vector; 4], stride: M::Vector, next: &[u8]) {
    for (i, moved) in vectors.iter_mut().enumerate() {
        *moved = m.add(m.multiply(*moved, stride), vector(m, next, i));
    }
}

#[inline(always)]
fn inner_product<M: InstructionSet>(m: M, vectors: [M::Vector; 4], powers: &[u8]) -> M::Vector {
    let mut sum = m.zero();
    for (i, moved) in vectors.into_iter().enumerate() {
        sum = m.add(sum, m.multiply(moved, vector(m, powers, i)));
    }
    sum
}

/// The vector number `i` of `bytes`.
#[inline(always)]
fn vector<M: InstructionSet>(m: M, bytes: &[u8], i: usize) -> M::Vector {
    m.load(&bytes[i * M::WIDTH..(i + 1) * M::WIDTH])
}

/// Bound of `ROUNDS`, so that the table below has a size.
const ROUNDS_MAX: usize = 31;

struct Constants<M>(M);

impl<M: InstructionSet> Constants<M> {
    /// Moves on by four vectors.
    const STRIDE: &'static Aligned<64> = &move_on(4 * M::WIDTH);
    /// By the rounds of a block: for the three streams, and for what came before it.
    const CARRIES: &'static [[u32; 4]; ROUNDS_MAX + 1] = &{
        let mut carries = [[0; 4]; ROUNDS_MAX + 1];
        let mut rounds = 1;
        while rounds <= M::ROUNDS {
            let (stream, vectors) = (8 * M::WORDS * (rounds - 1), 4 * M::WIDTH * rounds);
            let mut part = 0;
            while part < 3 {
                carries[rounds][part] = carry(vectors + (2 - part) * stream);
                part += 1;
            }
            carries[rounds][3] = carry(vectors + 3 * stream);
            rounds += 1;
        }
        carries
    };
}
