//! Which failures are only a want of something that may come back: room on a disk, file descriptors. What failed with one of them
//! before anything was acknowledged may be tried again. A failed sync never is, whatever it reports (decision 45).

use std::io::{Error, ErrorKind};

use crate::Code;

/// Numbers of Unix: no space left, quota exceeded; too many open files, in the process and in the system.
const FULL: [i32; 2] = [28, 122];
const NO_FILES: [i32; 2] = [24, 23];

/// The code of a failure of the operating system.
#[must_use]
pub fn code_of(error: &Error) -> Code {
    let number = error.raw_os_error().filter(|_| cfg!(unix)).unwrap_or(0);
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) || FULL.contains(&number) {
        Code::DiskFull
    } else if NO_FILES.contains(&number) {
        Code::OutOfFiles
    } else {
        Code::Io
    }
}

/// Whether a failure of this code is only a want of something that may come back.
#[must_use]
pub const fn is_shortage(code: Code) -> bool {
    matches!(code, Code::DiskFull | Code::OutOfFiles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_want_is_told_from_a_failure() {
        assert_eq!(code_of(&ErrorKind::StorageFull.into()), Code::DiskFull);
        assert_eq!(code_of(&ErrorKind::PermissionDenied.into()), Code::Io);
        #[cfg(unix)]
        assert_eq!(code_of(&Error::from_raw_os_error(24)), Code::OutOfFiles);
        assert!(is_shortage(Code::DiskFull) && is_shortage(Code::OutOfFiles) && !is_shortage(Code::Io));
    }
}
