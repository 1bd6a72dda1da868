//! The ways a kernel can run, one an instruction set, and which of them this machine has. Every way gives the same bits.

/// An instruction set that kernels are written for, from the plainest on. What each hash needs of it stands with the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// Plain Rust: the definition that the others are held to.
    Scalar,
    /// x86-64: SSE2 for XXH3; SSE4.2 and PCLMULQDQ for CRC-32C.
    Sse,
    /// x86-64: AVX2; for CRC-32C with VPCLMULQDQ.
    Avx2,
    /// x86-64: AVX-512 F, BW and VL; for CRC-32C with VBMI2 and VPCLMULQDQ.
    Avx512,
    /// aarch64: NEON; for CRC-32C with the CRC and PMULL extensions.
    Neon,
}

impl Path {
    /// All of them, from the plainest on.
    pub const ALL: [Self; 5] = [Self::Scalar, Self::Sse, Self::Avx2, Self::Avx512, Self::Neon];

    /// The name in tables and options: `scalar`, `sse`, `avx2`, `avx512`, `neon`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Sse => "sse",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }
}
