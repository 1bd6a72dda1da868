//! Where a data directory is, whatever it is called. On Linux its files are reached through a descriptor of the directory, so that
//! neither a renamed parent nor another directory under its old name makes any difference. Knows nothing of what is in it.

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use crate::ground::directory_names::DESCRIPTORS;

/// A directory, held as long as the value lives.
pub struct HeldDirectory {
    /// The way to its files, absolute.
    path: PathBuf,
    _held: Option<File>,
}

impl HeldDirectory {
    /// Makes the directory if it is not there, durably, and holds it. A relative name counts from where the process is now.
    pub fn hold(dir: &Path) -> Result<Self> {
        let dir = std::path::absolute(dir)?;
        make(&dir)?;
        Ok(by_descriptor(&dir)?.unwrap_or(Self { path: dir, _held: None }))
    }

    /// The way to its files.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a directory and those above it that are missing; the names of all are durable.
fn make(dir: &Path) -> Result<()> {
    let parent = dir.parent().unwrap_or(dir);
    if dir.is_dir() {
        // The process that made it may have ended before its name was durable.
        return match sync_name(parent) {
            // Who may not list the parent has not made the directory.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        };
    }
    if parent != dir {
        make(parent)?;
    }
    match std::fs::create_dir(dir) {
        Err(_) if dir.is_dir() => {}
        made => made?,
    }
    sync_name(parent)
}

fn sync_name(parent: &Path) -> Result<()> {
    rafterdb_fault::point("member.place")?;
    sync_dir(parent)
}

/// `None` where a process is not shown its own descriptors.
#[cfg(target_os = "linux")]
fn by_descriptor(dir: &Path) -> Result<Option<HeldDirectory>> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;
    let held = File::open(dir)?;
    let path = PathBuf::from(format!("{DESCRIPTORS}{}", held.as_raw_fd()));
    let (shown, own) = (std::fs::metadata(&path), held.metadata()?);
    let is_same = shown.is_ok_and(|shown| (shown.dev(), shown.ino()) == (own.dev(), own.ino()));
    let held = Some(held);
    Ok(is_same.then_some(HeldDirectory { path, _held: held }))
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "on Linux it can fail")]
fn by_descriptor(_: &Path) -> Result<Option<HeldDirectory>> {
    Ok(None)
}

/// Makes a directory's entries durable, where the system can.
pub fn sync_dir(dir: &Path) -> Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::HeldDirectory;
    use crate::ground::directory_names::named;

    #[test]
    fn the_name_of_a_directory_is_durable_whoever_made_it() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("data")).expect("made, and not synced");
        for missing in ["", "a", "a/b"] {
            rafterdb_fault::arm("member.place=error").expect("armed");
            let held = HeldDirectory::hold(&dir.path().join("data").join(missing));
            rafterdb_fault::disarm();
            assert!(held.is_err(), "the parent of data/{missing} was not synced");
        }
    }

    #[test]
    fn a_held_directory_may_be_renamed() {
        let dir = tempfile::tempdir().expect("a directory");
        let (old, new) = (dir.path().join("old/data"), dir.path().join("new"));
        let place = HeldDirectory::hold(&old).expect("held");
        assert!(place.path().is_absolute());
        std::fs::rename(dir.path().join("old"), &new).expect("renamed");
        std::fs::create_dir_all(&old).expect("another in its place");
        let written = std::fs::write(place.path().join("file"), "bytes");
        // Elsewhere its name is all there is: see the known limits in ARCHITECTURE.md.
        if cfg!(target_os = "linux") {
            written.expect("written");
            assert!(new.join("data/file").exists() && !old.join("file").exists());
            let text = format!("{}: broken", place.path().join("file").display());
            assert_eq!(named(&text), format!("{}: broken", new.join("data/file").display()));
        }
    }
}
