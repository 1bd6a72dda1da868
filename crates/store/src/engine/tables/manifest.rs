//! A check that the table library leaves out: it checks blocks as it reads them, but not its list of tables against the
//! checksum that it keeps of it.
//!
//! ```text
//! current   [u64 number of the manifest][u128 xxh3 of the file "v<number>"][u8 0: xxh3]
//! ```

use std::path::Path;

use super::super::failure::{corrupt, io_failure};
use crate::StoreError;

/// Fails unless the list of tables in `path` is there and whole.
pub(super) fn verify_manifest(path: &Path) -> Result<(), StoreError> {
    let current_path = path.join("current");
    let current = match std::fs::read(&current_path) {
        Ok(current) => current,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(corrupt(&current_path, None, "the file is missing"));
        }
        Err(error) => return Err(io_failure(&error, "reading", &current_path)),
    };
    let Ok(fields) = <[u8; 25]>::try_from(current.as_slice()) else {
        return Err(corrupt(&current_path, None, "it is not 25 bytes long"));
    };
    let mut number = [0; 8];
    number.copy_from_slice(&fields[..8]);
    let mut checksum = [0; 16];
    checksum.copy_from_slice(&fields[8..24]);
    let manifest_path = path.join(format!("v{}", u64::from_le_bytes(number)));
    let manifest = std::fs::read(&manifest_path).map_err(|error| {
        corrupt(
            &manifest_path,
            None,
            &format!("the list of tables cannot be read ({error})"),
        )
    })?;
    if twox_hash::XxHash3_128::oneshot(&manifest) != u128::from_le_bytes(checksum) {
        return Err(corrupt(&manifest_path, None, "the list of tables fails its checksum"));
    }
    Ok(())
}
