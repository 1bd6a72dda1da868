//! The file CURRENT of a store's directory: which generation of its files is the one in use. Knows no directory.
//!
//! ```text
//! "rafterdb-store 2 <generation>\n<crc32c of that line in hex>\n"
//! ```

const NAME: &str = "rafterdb-store";
/// The format that is written. 1: before values lay apart from their rows. A store of it is read, and is one of this format from then on.
pub const CURRENT_FORMAT: u32 = 2;

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    /// The store's format.
    pub format: u32,
    /// The generation in use.
    pub generation: u64,
}

/// Why the file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentFault {
    /// It is not what was written.
    Damaged,
    /// It is of a newer format.
    Newer,
}

/// The file that names `generation`.
#[must_use]
pub fn encode_current(generation: u64) -> String {
    let line = format!("{NAME} {CURRENT_FORMAT} {generation}");
    format!("{line}\n{:08x}\n", rafterdb_hash::crc32c(line.as_bytes()))
}

/// What the file says.
pub fn decode_current(bytes: &[u8]) -> Result<Current, CurrentFault> {
    const DAMAGED: CurrentFault = CurrentFault::Damaged;
    let text = std::str::from_utf8(bytes).map_err(|_| DAMAGED)?;
    let (line, crc) = text.split_once('\n').ok_or(DAMAGED)?;
    if u32::from_str_radix(crc.trim_end(), 16).ok() != Some(rafterdb_hash::crc32c(line.as_bytes())) {
        return Err(DAMAGED);
    }
    let mut words = line.split(' ');
    let (name, format, generation) = (words.next(), words.next(), words.next());
    if name != Some(NAME) {
        return Err(DAMAGED);
    }
    let format = format.and_then(|format| format.parse::<u32>().ok());
    let format = format.ok_or(DAMAGED)?;
    if format > CURRENT_FORMAT {
        return Err(CurrentFault::Newer);
    }
    let generation = generation.and_then(|number| number.parse().ok());
    let generation = generation.ok_or(DAMAGED)?;
    Ok(Current { format, generation })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_checksum(line: &str) -> String {
        format!("{line}\n{:08x}\n", rafterdb_hash::crc32c(line.as_bytes()))
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        assert_eq!(encode_current(17), with_checksum("rafterdb-store 2 17"));
        let decoded = |line: &str| {
            decode_current(with_checksum(line).as_bytes()).map(|current| (current.format, current.generation))
        };
        assert_eq!(decoded("rafterdb-store 2 17"), Ok((2, 17)));
        assert_eq!(decoded("rafterdb-store 1 17"), Ok((1, 17)));
    }

    #[test]
    fn what_is_damaged_or_newer_is_refused() {
        let file = encode_current(17).into_bytes();
        for at in 0..file.len() - 1 {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert_eq!(decode_current(&damaged), Err(CurrentFault::Damaged), "byte {at}");
            assert_eq!(decode_current(&file[..at]), Err(CurrentFault::Damaged), "{at} bytes");
        }
        let decoded = |line: &str| decode_current(with_checksum(line).as_bytes());
        assert_eq!(decoded("rafterdb-store 3 17"), Err(CurrentFault::Newer));
        for lie in [
            "another-store 1 17",
            "rafterdb-store 1",
            "rafterdb-store one 17",
            "rafterdb-store 1 x",
        ] {
            assert_eq!(decoded(lie), Err(CurrentFault::Damaged), "{lie}");
        }
    }
}
