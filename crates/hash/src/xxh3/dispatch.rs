//! Which kernel runs: found once a process, then one load and one well-predicted jump a call. Owns the proof that the machine
//! has what a kernel needs; knows nothing of what kernels do.

use std::sync::OnceLock;

use super::kernels;
use super::long::{Lanes, BLOCK_BYTES, STRIPE_BYTES};
use super::secret::{Secret, Source};
use crate::Path;

/// A path that this machine has. Made here only, so holding one is the proof.
#[derive(Clone, Copy, Debug)]
pub(super) struct Engine(Path);

static BEST: OnceLock<Engine> = OnceLock::new();

impl Engine {
    /// The widest that this machine has.
    #[inline]
    pub(super) fn best() -> Self {
        *BEST.get_or_init(|| {
            let mut paths = Path::ALL.into_iter().rev();
            paths.find_map(Self::on).unwrap_or(Self(Path::Scalar))
        })
    }

    /// `path`, if this machine has it.
    pub(super) fn on(path: Path) -> Option<Self> {
        let there = match path {
            Path::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Path::Sse => true,
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Path::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            _ => false,
        };
        there.then_some(Self(path))
    }

    pub(super) const fn path(self) -> Path {
        self.0
    }

    /// Whether an input of `bytes` bytes with a seed is hashed faster if the seed is added to the secret in registers.
    #[inline(always)]
    pub(super) const fn derives_in_registers(self, bytes: usize) -> bool {
        match self.0 {
            // Once an input, as its keys stay in registers.
            Path::Avx512 => true,
            // Once a stripe, which in the long run costs more than to wait for a secret in memory.
            Path::Avx2 => bytes <= 4 * BLOCK_BYTES,
            Path::Sse | Path::Neon => bytes <= BLOCK_BYTES,
            Path::Scalar => false,
        }
    }

    /// The lanes after all of `input`, which is longer than 240 bytes.
    #[inline(always)]
    pub(super) fn whole<const SEEDED: bool>(self, input: &[u8], source: Source<SEEDED>) -> Lanes {
        assert!(input.len() >= STRIPE_BYTES, "a long input has a last stripe");
        let blocks = (input.len() - 1) / BLOCK_BYTES;
        // SAFETY: blocks and tail are `input`, the tail is 1 to 1,024 bytes, and at least 64 bytes end where it ends.
        unsafe {
            self.walk(
                &Lanes::START,
                input.as_ptr(),
                blocks,
                input.len() - BLOCK_BYTES * blocks,
                source,
            )
        }
    }

    /// `lanes` after the whole blocks that `input` consists of; more input must follow.
    pub(super) fn blocks(self, lanes: &Lanes, input: &[u8], secret: &Secret) -> Lanes {
        // SAFETY: so many blocks are `input`, and there is no tail.
        unsafe {
            self.walk(
                lanes,
                input.as_ptr(),
                input.len() / BLOCK_BYTES,
                0,
                Source::stored(secret),
            )
        }
    }

    /// `lanes` after the last 1 to 1,024 bytes of all input: `window` without its first 64 bytes, which are those before them.
    pub(super) fn tail(self, lanes: &Lanes, window: &[u8], secret: &Secret) -> Lanes {
        let tail = &window[STRIPE_BYTES..];
        assert!((1..=BLOCK_BYTES).contains(&tail.len()), "a tail is a block at most");
        // SAFETY: the tail lies in `window`, with 64 bytes before it, from where the pointer comes.
        unsafe {
            self.walk(
                lanes,
                window.as_ptr().add(STRIPE_BYTES),
                0,
                tail.len(),
                Source::stored(secret),
            )
        }
    }

    /// # Safety
    /// As [`walk`](super::long::walk) but for the instruction set, which is proven.
    #[inline(always)]
    unsafe fn walk<const SEEDED: bool>(
        self,
        lanes: &Lanes,
        input: *const u8,
        blocks: usize,
        tail: usize,
        source: Source<SEEDED>,
    ) -> Lanes {
        // SAFETY: an engine's path is there, and the caller keeps the rest of the contract.
        unsafe {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Path::Avx512 => kernels::avx512::run(lanes, input, blocks, tail, source),
                #[cfg(target_arch = "x86_64")]
                Path::Avx2 => kernels::avx2::run(lanes, input, blocks, tail, source),
                #[cfg(target_arch = "x86_64")]
                Path::Sse => kernels::sse2::run(lanes, input, blocks, tail, source),
                #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
                Path::Neon => kernels::neon::run(lanes, input, blocks, tail, source),
                _ => kernels::scalar::run(lanes, input, blocks, tail, source),
            }
        }
    }
}
