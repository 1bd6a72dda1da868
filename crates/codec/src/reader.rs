//! The cursor that every parser reads through: a length is checked before it is believed.
//! Knows no layout; borrows, never allocates.

use crate::Code;

/// Input that does not follow FORMATS.md. Its code is always `PROTOCOL_ERROR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(
    /// For people: what is wrong.
    pub &'static str,
);

impl Malformed {
    /// The code that programs match.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::ProtocolError
    }
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// What a parser returns.
pub type Parsed<T> = Result<T, Malformed>;

/// The unread rest of an input.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `input`.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `N` bytes, a fixed header.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Parsed<&'a [u8; N]> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Malformed("a header is cut short"))?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `length` bytes, borrowed.
    #[inline]
    pub fn bytes(&mut self, length: usize) -> Parsed<&'a [u8]> {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Malformed("a length points beyond its input"))?;
        self.rest = rest;
        Ok(head)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Parsed<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// The next two bytes as a number.
    pub fn u16(&mut self) -> Parsed<u16> {
        self.array().map(|bytes| u16::from_le_bytes(*bytes))
    }

    /// The next four bytes as a number.
    pub fn u32(&mut self) -> Parsed<u32> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// The next eight bytes as a number.
    pub fn u64(&mut self) -> Parsed<u64> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Nothing may follow.
    pub fn finish(self) -> Parsed<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed("bytes follow where the message should end"))
        }
    }
}

/// `u16` at a fixed place of a header.
#[inline]
pub(crate) const fn u16_at<const N: usize>(header: &[u8; N], at: usize) -> u16 {
    u16::from_le_bytes([header[at], header[at + 1]])
}

/// `u32` at a fixed place of a header.
#[inline]
pub(crate) const fn u32_at<const N: usize>(header: &[u8; N], at: usize) -> u32 {
    u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

/// `u64` at a fixed place of a header.
#[inline]
pub(crate) const fn u64_at<const N: usize>(header: &[u8; N], at: usize) -> u64 {
    u32_at(header, at) as u64 | (u32_at(header, at + 4) as u64) << 32
}

/// `u16` at a place of bytes whose length has been checked.
#[inline]
pub(crate) fn u16_within(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// `u32` at a place of bytes whose length has been checked.
#[inline]
pub(crate) fn u32_within(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

/// `u64` at a place of bytes whose length has been checked.
#[inline]
pub(crate) fn u64_within(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}

/// A length as it is encoded.
///
/// # Panics
/// Invariant `encoded lengths fit u32`: every length is bounded far below by `limits`.
#[must_use]
pub(crate) fn length_u32(length: usize) -> u32 {
    u32::try_from(length).expect("invariant: encoded lengths fit u32")
}

/// Writes a number into the two bytes that were left for it at `at`.
#[inline]
pub(crate) fn patch_u16(out: &mut [u8], at: usize, value: u16) {
    out[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

/// Writes a number into the four bytes that were left for it at `at`.
#[inline]
pub(crate) fn patch_u32(out: &mut [u8], at: usize, value: u32) {
    out[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Writes a number into the eight bytes that were left for it at `at`.
#[inline]
pub(crate) fn patch_u64(out: &mut [u8], at: usize, value: u64) {
    out[at..at + 8].copy_from_slice(&value.to_le_bytes());
}
