//! How keys are stored in the tables: behind their family, and some in bundles. Knows no tables.
//!
//! ```text
//! key     [u8 family: 0 what a flush writes beside rows (flush.rs), 1 rows, 2 values (apart.rs)][name or key]
//! bundle  pairs (pair.rs) of the rest of a key and its packed row, in key order
//! ```
//! The table library stops at keys of 65,535 bytes, of which the family is one, and rafterdb allows 65,536. Keys that share their
//! first 65,534 bytes lie together in one entry, under those bytes: a bundle, which is at the same place in the order as its keys.

use super::pair::pairs;

/// The family of what a flush writes beside rows.
pub const META: u8 = 0;
/// The family of rows.
pub const LATEST: u8 = 1;

/// The family of values that lie apart. Without a key there is a gap before all of them.
pub const VALUES: u8 = 2;

/// Length of the key of a bundle, and of the shortest key that is in one.
pub const STEM_BYTES: usize = 65_534;

/// The bundle that `key` belongs to and its name there; `None` for a key that is stored by itself.
#[inline]
#[must_use]
pub fn split_stem(key: &[u8]) -> Option<(&[u8], &[u8])> {
    key.split_at_checked(STEM_BYTES)
}

/// The row of one key of a bundle.
#[must_use]
pub fn find_in_bundle<'a>(bundle: &'a [u8], rest: &[u8]) -> Option<&'a [u8]> {
    pairs(bundle).find(|(name, _)| *name == rest).map(|(_, row)| row)
}

/// A key behind its family.
#[must_use]
pub fn prefixed(family: u8, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.len());
    push_prefixed(family, key, &mut bytes);
    bytes
}

/// Appends a key behind its family.
#[inline]
pub fn push_prefixed(family: u8, key: &[u8], out: &mut Vec<u8>) {
    out.push(family);
    out.extend_from_slice(key);
}

/// Calls `look_up` with the key behind its family, on the stack if it is short.
#[inline]
pub fn with_prefix<T>(family: u8, key: &[u8], look_up: impl FnOnce(&[u8]) -> T) -> T {
    let mut short = [0; 256];
    if key.len() < short.len() {
        short[0] = family;
        short[1..=key.len()].copy_from_slice(key);
        look_up(&short[..=key.len()])
    } else {
        look_up(&prefixed(family, key))
    }
}

#[cfg(test)]
mod tests {
    use super::super::pair::push_pair;
    use super::*;

    #[test]
    fn a_key_lies_behind_its_family_whatever_its_length() {
        for length in [0, 1, 254, 255, 256, 70_000] {
            let key = vec![7; length];
            let stored = [&[LATEST], &key[..]].concat();
            assert_eq!(prefixed(LATEST, &key), stored);
            with_prefix(LATEST, &key, |prefixed| assert_eq!(prefixed, stored));
        }
        assert_eq!(prefixed(META, b"m"), b"\0m");
    }

    #[test]
    fn the_longest_keys_alone_are_in_bundles() {
        let key = vec![7; STEM_BYTES + 2];
        assert_eq!(split_stem(&key), Some((&key[..STEM_BYTES], &[7, 7][..])));
        assert_eq!(split_stem(&key[..STEM_BYTES]), Some((&key[..STEM_BYTES], &[][..])));
        assert_eq!(split_stem(&key[..STEM_BYTES - 1]), None);
        assert_eq!(STEM_BYTES + 1, usize::from(u16::MAX), "the library's longest key");
    }

    #[test]
    fn a_row_is_found_in_its_bundle() {
        let mut bundle = Vec::new();
        push_pair(&mut bundle, b"", b"first");
        push_pair(&mut bundle, b"ab", b"second");
        assert_eq!(find_in_bundle(&bundle, b"ab"), Some(&b"second"[..]));
        assert_eq!(find_in_bundle(&bundle, b"a"), None);
    }
}
