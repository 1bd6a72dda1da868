//! Numbers in as few bytes as they take: seven bits a byte, the lowest first. Knows nothing of what they mean.

/// The bit of a varint's byte that says that another follows.
pub const MORE: u8 = 0x80;

/// Bytes of the longest number.
pub const VARINT_BYTES_MAX: usize = 10;

/// Writes a number in as few bytes as it takes; returns how many. There must be room for it.
#[inline]
pub fn put_varint(mut number: u64, out: &mut [u8]) -> usize {
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
pub fn take_varint(rest: &mut &[u8]) -> Option<u64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_seven_bits_each_the_lowest_first() {
        let mut written = [0; VARINT_BYTES_MAX];
        for (number, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (300, &[0xac, 2]),
            (u64::MAX, &[[0xff; 9].as_slice(), &[1]].concat()),
        ] {
            let length = put_varint(number, &mut written);
            assert_eq!(&written[..length], bytes);
        }
    }

    #[test]
    fn a_number_is_read_as_it_was_written_whatever_follows() {
        let edges = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        for number in edges.chain([u64::MAX]) {
            let mut written = [0; 10];
            let length = put_varint(number, &mut written);
            for tail in [&[][..], &[0xff; 1], &[0; 8], &[0x80; 12]] {
                let bytes = [&written[..length], tail].concat();
                let mut rest = &bytes[..];
                assert_eq!(take_varint(&mut rest), Some(number));
                assert_eq!(rest, tail);
            }
        }
        for endless in [&[][..], &[0x80; 3], &[0xff; 12]] {
            assert_eq!(take_varint(&mut &*endless), None);
        }
    }
}
