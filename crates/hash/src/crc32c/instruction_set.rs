//! What the CRC-32C kernels need of an instruction set, and how they become functions of one. Knows no particular machine:
//! sse.rs, avx2.rs, avx512.rs and neon.rs bring them.

use super::short::head;

/// Instructions for one checksum. A value is the proof that this machine has them.
pub(super) trait Machine: Copy {
    /// One, two or four lanes of 128 bits.
    type Vector: Copy;
    /// Bytes of a vector.
    const WIDTH: usize;
    /// Inputs below this many bytes take the CRC instruction alone. Measured, as the next three.
    const SHORT: usize;
    /// Inputs from this many bytes on are worth preparations: blocks, or aligned loads.
    const LONG: usize;
    /// The most rounds of a block; 0 where the CRC instruction is no help to the vectors.
    const ROUNDS: usize;
    /// Words that each of the three streams of a block takes in a round.
    const WORDS: usize;

    /// The register `crc` after the eight bytes of `word`.
    fn word(self, crc: u32, word: u64) -> u32;
    /// The first `WIDTH` bytes.
    fn load(self, bytes: &[u8]) -> Self::Vector;
    fn zero(self) -> Self::Vector;
    /// `vector` with `crc` added to its first four bytes.
    fn begin(self, vector: Self::Vector, crc: u32) -> Self::Vector;
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// In each lane, without carries: low half times low half, plus high half times high half.
    fn multiply(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The sum of all lanes, as low and high half.
    fn sum(self, vector: Self::Vector) -> (u64, u64);
    /// The product without carries.
    fn product(self, a: u32, b: u32) -> u64;

    /// The first vector with `crc` added, and the rest, a whole number of vectors; what is more comes before them.
    #[inline(always)]
    fn first(self, crc: u32, bytes: &[u8]) -> (Self::Vector, &[u8]) {
        let n = bytes.len() % Self::WIDTH;
        let crc = head(self, crc, bytes, n);
        let (vector, rest) = bytes[n..].split_at(Self::WIDTH);
        (self.begin(self.load(vector), crc), rest)
    }
}

/// The functions of a [`Machine`], compiled for its features, and whether a machine has all of those: one list for both. Three
/// functions, so that short inputs do not pay for what long ones need. `and` lists what must be there without being compiled for.
macro_rules! functions {
    ($machine:ident, $detected:ident, [$($feature:tt),+] $(and [$($more:tt),+])?) => {
        /// Whether this machine has them.
        pub(super) fn available() -> bool {
            $($detected!($feature))&&+ $($(&& $detected!($more))+)?
        }

        /// The CRC-32C of what `crc` was computed over, followed by `bytes`.
        $(#[target_feature(enable = $feature)])+
        pub(super) fn append(crc: u32, bytes: &[u8]) -> u32 {
            if bytes.len() < <$machine as Machine>::SHORT {
                // SAFETY: this function has the features, and runs only where the machine does.
                !crate::crc32c::short::short(unsafe { $machine::assume() }, !crc, bytes)
            } else if bytes.len() < <$machine as Machine>::LONG {
                medium(crc, bytes)
            } else {
                long(crc, bytes)
            }
        }

        $(#[target_feature(enable = $feature)])+
        #[inline(never)]
        fn medium(crc: u32, bytes: &[u8]) -> u32 {
            // SAFETY: as above.
            !crate::crc32c::long::medium(unsafe { $machine::assume() }, !crc, bytes)
        }

        $(#[target_feature(enable = $feature)])+
        #[inline(never)]
        fn long(crc: u32, bytes: &[u8]) -> u32 {
            // SAFETY: as above.
            !crate::crc32c::long::long(unsafe { $machine::assume() }, !crc, bytes)
        }

        /// The CRC-32C of each key, written to the place of the same number.
        $(#[target_feature(enable = $feature)])+
        pub(super) fn many(keys: crate::Keys<'_>, out: &mut [u32]) {
            // SAFETY: as above.
            let m = unsafe { $machine::assume() };
            for (key, out) in keys.iter().zip(out) {
                // Short keys without a call for each.
                *out = match key.len() < <$machine as Machine>::SHORT {
                    true => !crate::crc32c::short::short(m, !0, key),
                    false => append(0, key),
                };
            }
        }
    };
}
pub(super) use functions;
