//! What the CRC-32C kernels need of an instruction set. Knows no kernels and no particular set: sse.rs, avx2.rs, avx512.rs and
//! neon.rs bring them.

/// Instructions for one checksum. A value is the proof that this machine has them.
pub(super) trait InstructionSet: Copy {
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
    fn first(self, crc: u32, bytes: &[u8]) -> (Self::Vector, &[u8]);
}
