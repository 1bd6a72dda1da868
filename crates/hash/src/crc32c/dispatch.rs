//! Which kernel runs: looked for once, then a pointer. Must not know how they work.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
use super::neon;
use super::scalar;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512, sse};
use crate::{Keys, Path};
use std::sync::LazyLock;

/// The functions of a path. One exists only for a path whose instructions this machine has.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    pub(super) path: Path,
    append: unsafe fn(u32, &[u8]) -> u32,
    many: unsafe fn(Keys<'_>, &mut [u32]),
}

/// In the order of [`Path::ALL`], which is that of the declaration.
static KERNELS: LazyLock<[Option<Kernel>; Path::ALL.len()]> = LazyLock::new(|| Path::ALL.map(Kernel::look_for));

static BEST: LazyLock<Kernel> = LazyLock::new(|| {
    let found = KERNELS.iter().rev().flatten().next();
    *found.unwrap_or(&Kernel::SCALAR)
});

impl Kernel {
    const SCALAR: Self = Self {
        path: Path::Scalar,
        append: scalar::append,
        many: scalar::many,
    };

    /// The last of [`Path::ALL`] that this machine has.
    #[inline]
    pub(super) fn best() -> &'static Self {
        &BEST
    }

    #[inline]
    pub(super) fn on(path: Path) -> Option<&'static Self> {
        KERNELS[path as usize].as_ref()
    }

    // A table: one line a path.
    #[rustfmt::skip]
    fn look_for(path: Path) -> Option<Self> {
        match path {
            Path::Scalar => Some(Self::SCALAR),
            #[cfg(target_arch = "x86_64")]
            Path::Sse => sse::available().then_some(Self { path, append: sse::append, many: sse::many }),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => avx2::available().then_some(Self { path, append: avx2::append, many: avx2::many }),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => avx512::available().then_some(Self { path, append: avx512::append, many: avx512::many }),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Path::Neon => neon::available().then_some(Self { path, append: neon::append, many: neon::many }),
            #[allow(unreachable_patterns, reason = "no architecture has all of them")]
            _ => None,
        }
    }

    #[inline]
    pub(super) fn append(&self, crc: u32, bytes: &[u8]) -> u32 {
        // SAFETY: the machine has the instructions, see the type.
        unsafe { (self.append)(crc, bytes) }
    }

    /// The CRC-32C of each key, written to the place of the same number.
    pub(super) fn many(&self, keys: Keys<'_>, out: &mut [u32]) {
        // SAFETY: as above.
        unsafe { (self.many)(keys, out) }
    }
}
