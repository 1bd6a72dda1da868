//! XXH3 above 240 bytes ("XXH3 Algorithm Description (for large inputs)"): the walk over blocks and stripes that all kernels
//! share, and what is made of the eight lanes in the end. Knows no instruction set.

use super::mix::{
    avalanche, folded, join, PRIME32_1, PRIME32_2, PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME64_5,
};
use super::secret::{Source, SECRET_BYTES};

/// Bytes that are taken at once: eight lanes of eight.
pub(super) const STRIPE_BYTES: usize = 64;
/// Stripes up to a scramble; each takes the secret eight bytes further on.
const BLOCK_STRIPES: usize = (SECRET_BYTES - STRIPE_BYTES) / 8;
/// Bytes up to a scramble.
pub(super) const BLOCK_BYTES: usize = STRIPE_BYTES * BLOCK_STRIPES;
/// Where the secret of the last stripe begins.
const LAST_KEY: usize = SECRET_BYTES - STRIPE_BYTES - 7;

/// The accumulators, between two calls of a kernel: eight words, little-endian in memory, as vectors load and store them.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub(super) [u64; 8]);

impl Lanes {
    /// What every input starts from.
    pub(super) const START: Self = Self([
        PRIME32_3.to_le(),
        PRIME64_1.to_le(),
        PRIME64_2.to_le(),
        PRIME64_3.to_le(),
        PRIME64_4.to_le(),
        PRIME32_2.to_le(),
        PRIME64_5.to_le(),
        PRIME32_1.to_le(),
    ]);

    /// The 64-bit hash of an input of `length` bytes.
    #[inline(always)]
    pub(super) fn digest_64<const SEEDED: bool>(&self, length: u64, source: Source<SEEDED>) -> u64 {
        self.merge(length.wrapping_mul(PRIME64_1), 11, source)
    }

    /// The 128-bit hash of an input of `length` bytes.
    #[inline(always)]
    pub(super) fn digest_128<const SEEDED: bool>(&self, length: u64, source: Source<SEEDED>) -> u128 {
        let high = !length.wrapping_mul(PRIME64_2);
        join(
            self.digest_64(length, source),
            self.merge(high, SECRET_BYTES - STRIPE_BYTES - 11, source),
        )
    }

    /// `finalMerge` of the specification, with the secret from `at` on.
    #[inline(always)]
    fn merge<const SEEDED: bool>(&self, start: u64, at: usize, source: Source<SEEDED>) -> u64 {
        let lane = |i: usize| u64::from_le(self.0[i]) ^ source.straddling(at + 8 * i);
        let left = folded(lane(0), lane(1)).wrapping_add(folded(lane(2), lane(3)));
        let right = folded(lane(4), lane(5)).wrapping_add(folded(lane(6), lane(7)));
        avalanche(start.wrapping_add(left).wrapping_add(right))
    }
}

/// One register of an instruction set, or a few: lanes of 64 bits. Every implementation gives the bits of the scalar one. The
/// methods must be `#[inline(always)]`, so that they become part of the one function that is compiled for the set.
///
/// # Safety
/// All of it needs a processor that has the instruction set.
pub(super) trait Vector: Copy {
    /// Whether the 17 keys of a block fit into registers: then they are loaded once an input, not once a block.
    const KEYS_STAY: bool = false;

    /// Every even lane `even`, every odd one `odd`.
    unsafe fn alternating(even: u64, odd: u64) -> Self;
    /// The bytes at `from`, at any alignment; they must be readable.
    unsafe fn load(from: *const u8) -> Self;
    /// To `to`, at any alignment; the bytes must be writable.
    unsafe fn store(self, to: *mut u8);
    unsafe fn xor(self, other: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// Each lane plus the product of the halves of `value`'s.
    unsafe fn add_product(self, value: Self) -> Self;
    /// Each lane and its neighbour change places.
    unsafe fn swapped(self) -> Self;
    /// `round_scramble` of the specification.
    unsafe fn scrambled(self, key: Self) -> Self;
    /// `self >> 8 | next << 56`.
    unsafe fn byte_on(self, next: Self) -> Self;
}

macro_rules! stripes {
    ($state:ident, $input:ident, $keys:ident, $($number:literal)*) => {
        $( $state.accumulate($input.add(STRIPE_BYTES * $number), $number, &$keys); )*
    };
}

/// Takes `blocks` whole blocks from `input`, each with its scramble, and then the last `tail` bytes of all input (0: more will
/// come). It is compiled twice for each instruction set, whose eight lanes are `N` vectors.
///
/// # Safety
/// `V`'s instruction set must be there. From `input` on `blocks * 1024 + tail` bytes must be readable; `tail` is at most 1,024,
/// and if it is neither 0 nor at least 64, 64 bytes before the end of the tail must be readable.
#[inline(always)]
pub(super) unsafe fn walk<V: Vector, const N: usize, const SEEDED: bool>(
    lanes: &Lanes,
    mut input: *const u8,
    blocks: usize,
    tail: usize,
    source: Source<SEEDED>,
) -> Lanes {
    // SAFETY: The caller has the instruction set. Stripe i of a block lies within its 1,024 bytes; the whole stripes of the tail
    // end before its last byte, and the last 64 bytes are readable by contract.
    unsafe {
        let keys = Keys::<V, SEEDED>::of(source);
        let mut state = State::<V, N>::load(lanes);
        for _ in 0..blocks {
            if V::KEYS_STAY {
                // Written out: LLVM keeps the keys only if it sees that they are the same for each block.
                stripes!(state, input, keys, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
            } else {
                state.accumulate_all(input, BLOCK_STRIPES, &keys);
            }
            state.scramble(&keys);
            input = input.add(BLOCK_BYTES);
        }
        if tail > 0 {
            let stripes = (tail - 1) / STRIPE_BYTES;
            state.accumulate_all(input, stripes, &keys);
            state.accumulate_last(input.add(tail).sub(STRIPE_BYTES), &keys);
        }
        state.store()
    }
}

/// The eight lanes in registers, and the sum of the input since the last scramble: the swap of neighbours that the specification
/// has for every stripe is done once, on that sum.
struct State<V, const N: usize> {
    lanes: [V; N],
    plain: [V; N],
}

/// # Safety
/// All of it needs `V`'s instruction set.
impl<V: Vector, const N: usize> State<V, N> {
    const BYTES: usize = {
        assert!(N * size_of::<V>() == STRIPE_BYTES);
        size_of::<V>()
    };

    #[inline(always)]
    unsafe fn load(lanes: &Lanes) -> Self {
        let from = lanes.0.as_ptr().cast::<u8>();
        // SAFETY: the instruction set is there; N vectors are 64 bytes, as lanes are.
        unsafe {
            let mut state = Self {
                lanes: [V::alternating(0, 0); N],
                plain: [V::alternating(0, 0); N],
            };
            for i in 0..N {
                state.lanes[i] = V::load(from.add(Self::BYTES * i));
            }
            state
        }
    }

    #[inline(always)]
    unsafe fn store(self) -> Lanes {
        let mut lanes = Lanes([0; 8]);
        let to = lanes.0.as_mut_ptr().cast::<u8>();
        // SAFETY: the instruction set is there; N vectors are 64 bytes, as lanes are.
        unsafe {
            for i in 0..N {
                self.lanes[i]
                    .add(self.plain[i].swapped())
                    .store(to.add(Self::BYTES * i));
            }
        }
        lanes
    }

    /// The first `count` stripes of a block, two in each round, so that it is known which of the two seed steps a key takes.
    #[inline(always)]
    unsafe fn accumulate_all<const SEEDED: bool>(&mut self, input: *const u8, count: usize, keys: &Keys<V, SEEDED>) {
        // SAFETY: the instruction set is there, and the stripes readable.
        unsafe {
            for i in 0..count / 2 {
                self.accumulate(input.add(2 * STRIPE_BYTES * i), 2 * i, keys);
                self.accumulate(input.add(2 * STRIPE_BYTES * i + STRIPE_BYTES), 2 * i + 1, keys);
            }
            if count % 2 == 1 {
                self.accumulate(input.add(STRIPE_BYTES * (count - 1)), count - 1, keys);
            }
        }
    }

    /// `accumulate` of the specification: 64 bytes must be readable at `stripe`, which is number `number` of its block.
    #[inline(always)]
    unsafe fn accumulate<const SEEDED: bool>(&mut self, stripe: *const u8, number: usize, keys: &Keys<V, SEEDED>) {
        for i in 0..N {
            // SAFETY: the instruction set is there, and the stripe readable.
            unsafe {
                let key = keys.at(number, Self::BYTES * i);
                self.take(i, stripe, key);
            }
        }
    }

    /// The same with the key of the last stripe.
    #[inline(always)]
    unsafe fn accumulate_last<const SEEDED: bool>(&mut self, stripe: *const u8, keys: &Keys<V, SEEDED>) {
        for i in 0..N {
            // SAFETY: the instruction set is there, and the stripe readable.
            unsafe {
                let key = keys.last(Self::BYTES * i);
                self.take(i, stripe, key);
            }
        }
    }

    #[inline(always)]
    unsafe fn take(&mut self, i: usize, stripe: *const u8, key: V) {
        // SAFETY: the instruction set is there, and the stripe readable.
        unsafe {
            let data = V::load(stripe.add(Self::BYTES * i));
            self.lanes[i] = self.lanes[i].add_product(data.xor(key));
            self.plain[i] = self.plain[i].add(data);
        }
    }

    #[inline(always)]
    unsafe fn scramble<const SEEDED: bool>(&mut self, keys: &Keys<V, SEEDED>) {
        for i in 0..N {
            // SAFETY: the instruction set is there.
            unsafe {
                let key = keys.at(BLOCK_STRIPES, Self::BYTES * i);
                self.lanes[i] = self.lanes[i].add(self.plain[i].swapped()).scrambled(key);
                self.plain[i] = V::alternating(0, 0);
            }
        }
    }
}

/// What stripes are mixed with: the secret, from 8 bytes further on for each.
struct Keys<V, const SEEDED: bool> {
    secret: *const u8,
    /// `SEEDED`: to be added to it for stripes of even and of odd number.
    steps: [V; 2],
}

/// # Safety
/// All of it needs `V`'s instruction set.
impl<V: Vector, const SEEDED: bool> Keys<V, SEEDED> {
    #[inline(always)]
    unsafe fn of(source: Source<SEEDED>) -> Self {
        let (plus, minus) = (source.seed, source.seed.wrapping_neg());
        Self {
            secret: source.secret.0.as_ptr(),
            // SAFETY: the instruction set is there.
            steps: unsafe { [V::alternating(plus, minus), V::alternating(minus, plus)] },
        }
    }

    /// For stripe `number`, at most 16 (which stands for the scramble), the vector that begins `offset` bytes on; the vector
    /// ends within the stripe.
    #[inline(always)]
    unsafe fn at(&self, number: usize, offset: usize) -> V {
        // SAFETY: the instruction set is there; 8 * 16 + 64 are 192 bytes, those of a secret.
        unsafe {
            let key = V::load(self.secret.add(8 * number + offset));
            if SEEDED {
                key.add(self.steps[number % 2])
            } else {
                key
            }
        }
    }

    /// The same for the last stripe.
    #[inline(always)]
    unsafe fn last(&self, offset: usize) -> V {
        const { assert!(LAST_KEY == 8 * (BLOCK_STRIPES - 1) + 1) };
        // SAFETY: the instruction set is there; 121 + 64 bytes are less than 192.
        unsafe {
            if SEEDED {
                self.at(BLOCK_STRIPES - 1, offset)
                    .byte_on(self.at(BLOCK_STRIPES, offset))
            } else {
                V::load(self.secret.add(LAST_KEY + offset))
            }
        }
    }
}
