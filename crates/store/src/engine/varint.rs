//! Numbers in as few bytes as they take: seven bits a byte, the lowest first. Knows nothing of what they mean.

/// The bit of a varint's byte that says that another follows.
pub(super) const MORE: u8 = 0x80;

/// Bytes of the longest number.
const VARINT_BYTES_MAX: usize = 10;

/// Writes a number in as few bytes as it takes; returns how many.
pub(super) fn put_varint(mut number: u64, out: &mut [u8]) -> usize {
    let mut length = 0;
    while number >= u64::from(MORE) {
        out[length] = (number as u8) | MORE;
        length += 1;
        number >>= 7;
    }
    out[length] = number as u8;
    length + 1
}

/// Takes a number off the front; `None` if there is none.
#[inline]
pub(super) fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let (&first, after) = rest.split_first()?;
    if first & MORE == 0 {
        *rest = after;
        return Some(u64::from(first));
    }
    let (number, length) = long_number(rest)?;
    *rest = &rest[length..];
    Some(number)
}

/// The number that `bytes` begin with, and its length.
fn long_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    for (at, byte) in bytes.iter().enumerate().take(VARINT_BYTES_MAX) {
        number |= u64::from(byte & !MORE) << (7 * at);
        if byte & MORE == 0 {
            return Some((number, at + 1));
        }
    }
    None
}
