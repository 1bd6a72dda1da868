//! A check that the table library leaves out: it checks blocks as it reads them, but not its list of tables against the
//! checksum that it keeps of it.

use std::path::Path;

use rafterdb_codec::store::table_list::CurrentList;

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
    let current = CurrentList::decode(&current).map_err(|malformed| corrupt(&current_path, None, malformed.0))?;
    let manifest_path = path.join(current.file_name());
    let manifest = std::fs::read(&manifest_path).map_err(|error| {
        corrupt(
            &manifest_path,
            None,
            &format!("the list of tables cannot be read ({error})"),
        )
    })?;
    if twox_hash::XxHash3_128::oneshot(&manifest) != current.checksum {
        return Err(corrupt(&manifest_path, None, "the list of tables fails its checksum"));
    }
    Ok(())
}
