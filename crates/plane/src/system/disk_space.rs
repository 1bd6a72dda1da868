//! How much room is left on a disk, and when what a peer sends must not take more of it. Knows nothing of what is written.

use std::path::Path;

use rafterdb_codec::Code;

use crate::ground::error::PlaneError;

/// What is left to the log and the store: a twentieth of the disk, at most so many bytes.
const SPARE_BYTES_MAX: u64 = 1 << 30;
const SPARE_SHARE: u64 = 20;

/// `DISK_FULL` if what is left on the disk of a path, whose directory exists, is for the member's own writes.
pub fn check_space(path: &Path) -> Result<(), PlaneError> {
    let Some((free, total)) = path.parent().and_then(free_and_total) else {
        return Ok(());
    };
    let spare = (total / SPARE_SHARE).min(SPARE_BYTES_MAX);
    if free >= spare {
        return Ok(());
    }
    let text = format!("{free} bytes are free on the disk, and {spare} are kept for this member's own writes");
    Err(PlaneError::new(Code::DiskFull, text))
}

/// Bytes that are free on the file system of a directory, and its size; `None` where that cannot be told.
#[cfg(unix)]
pub fn free_and_total(directory: &Path) -> Option<(u64, u64)> {
    use std::ffi::CString;
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt;

    let path = CString::new(directory.as_os_str().as_bytes()).ok()?;
    let mut figures = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero, and there is room for the figures, of which every bit pattern is one.
    let figures = unsafe {
        if libc::statvfs(path.as_ptr(), figures.as_mut_ptr()) != 0 {
            return None;
        }
        figures.assume_init()
    };
    #[allow(clippy::useless_conversion, reason = "the fields are narrower on some systems")]
    let (free, total, block) = (
        u64::from(figures.f_bavail),
        u64::from(figures.f_blocks),
        u64::from(figures.f_frsize),
    );
    Some((free.saturating_mul(block), total.saturating_mul(block)))
}

#[cfg(not(unix))]
pub fn free_and_total(_directory: &Path) -> Option<(u64, u64)> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_no_more_room_than_its_disk() {
        let directory = tempfile::tempdir().unwrap();
        let (free, total) = free_and_total(directory.path()).unwrap();
        assert!(free <= total && total > 0);
        assert!(free_and_total(&directory.path().join("missing")).is_none());
    }
}
