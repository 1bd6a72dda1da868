//! Which list of tables is the current one: a file of the table library, of which the store reads this much to check what the
//! library does not. Knows no tables.
//!
//! ```text
//! current   [u64 number of the manifest][u128 xxh3 of the file "v<number>"][u8 0: xxh3]
//! ```

use crate::reader::{u64_at, Malformed, Parsed};

/// Bytes of the file.
const CURRENT_BYTES: usize = 25;

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentList {
    /// Number of the list.
    pub number: u64,
    /// Its checksum, a 128-bit XXH3.
    pub checksum: u128,
}

impl CurrentList {
    /// What the whole of the file says.
    pub fn decode(bytes: &[u8]) -> Parsed<Self> {
        let fields = <&[u8; CURRENT_BYTES]>::try_from(bytes).map_err(|_| Malformed("it is not 25 bytes long"))?;
        Ok(Self {
            number: u64_at(fields, 0),
            checksum: u128::from(u64_at(fields, 8)) | u128::from(u64_at(fields, 16)) << 64,
        })
    }

    /// Name of the list's file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("v{}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let bytes: [u8; CURRENT_BYTES] = std::array::from_fn(|at| at as u8 + 1);
        let current = CurrentList::decode(&bytes).unwrap();
        assert_eq!(current.number, 0x0807_0605_0403_0201);
        assert_eq!(current.checksum, 0x1817_1615_1413_1211_100f_0e0d_0c0b_0a09);
        assert_eq!(current.file_name(), "v578437695752307201");
        assert!(CurrentList::decode(&bytes[1..]).is_err());
        assert!(CurrentList::decode(&[&bytes[..], &[0]].concat()).is_err());
    }
}
