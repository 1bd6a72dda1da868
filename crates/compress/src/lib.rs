//! Compression behind a flag byte: LZ4, zstd, gzip, kept only where it pays. Knows nothing of what it compresses.
