//! The mark of a restore: a file that is there from before anything else of it until after `member.json`. Without that file it says that
//! the rest is what a restore left that did not end; beside it it means nothing. Knows nothing of what is restored.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use crate::member::identity;
use crate::system::held_directory::sync_dir;

/// The file's name.
pub const MARK: &str = "restore.unfinished";

/// Durably: from here on what is in the directory is a restore's.
pub fn mark(dir: &Path) -> std::io::Result<()> {
    File::create(dir.join(MARK))?.sync_all()?;
    sync_dir(dir)
}

/// Whether a restore into the directory was begun and has not ended.
pub fn is_unfinished(dir: &Path) -> std::io::Result<bool> {
    Ok(dir.join(MARK).try_exists()? && !identity::path(dir).try_exists()?)
}

/// The directory is a member's: whatever of it is missing one day, nobody may take it for what a restore left.
pub fn forget(dir: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(dir.join(MARK)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_dir(dir),
    }
}
