//! The mark of a new data directory: one empty file a group, made before anything else and removed when the core says that the
//! group is whole. What it means is in src/raft/recovery.ts.

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};

use crate::config::sync_dir;

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("recovering")
}

fn file(data_dir: &Path, group: u16) -> PathBuf {
    folder(data_dir).join(format!("{group:04}"))
}

/// Marks all groups, durably.
pub fn make(data_dir: &Path, groups: u16) -> Result<()> {
    let folder = folder(data_dir);
    std::fs::create_dir_all(&folder)?;
    for group in 0..groups {
        File::create(file(data_dir, group))?;
    }
    sync_dir(&folder)?;
    sync_dir(data_dir)
}

/// Whether a group is marked.
pub fn is_there(data_dir: &Path, group: u16) -> Result<bool> {
    file(data_dir, group).try_exists()
}

/// Removes the mark of a group, durably, and the folder with the last one.
pub fn remove(data_dir: &Path, group: u16) -> Result<()> {
    let folder = folder(data_dir);
    match std::fs::remove_file(file(data_dir, group)) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    if std::fs::remove_dir(&folder).is_ok() {
        return sync_dir(data_dir);
    }
    match sync_dir(&folder) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_there, make, remove};

    #[test]
    fn a_mark_stays_until_its_group_is_whole() {
        let dir = std::env::temp_dir().join(format!("rafterdb-mark-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        make(&dir, 2).expect("marked");
        make(&dir, 2).expect("marked again, after a crash");
        remove(&dir, 0).expect("removed");
        assert!(!is_there(&dir, 0).expect("looked"));
        assert!(is_there(&dir, 1).expect("looked"));
        remove(&dir, 1).expect("removed");
        remove(&dir, 1).expect("removed twice");
        assert_eq!(std::fs::read_dir(&dir).expect("listed").count(), 0);
        std::fs::remove_dir_all(&dir).expect("cleared");
    }
}
