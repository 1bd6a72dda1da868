//! Files of the log as the platform offers them: past the page cache or through it, and what makes bytes durable.
//! Knows nothing of segments.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use rafterdb_codec::log::BLOCK;
use rafterdb_pool::Buffer;

use crate::error::WalError;
use crate::options::{Backend, Durability};

/// How files of the log are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Past the page cache; a write is durable when it returns. Offsets, lengths and memory in multiples of 4,096.
    Direct,
    /// Through the page cache; a write is durable after `sync`.
    Buffered,
}

/// Chooses the access: what is asked for, or what a probe in `dir` shows to work.
pub(crate) fn choose(dir: &Path, backend: Backend, durability: Durability) -> Result<Access, WalError> {
    match (backend, durability) {
        (Backend::Direct, _) => match probe_direct(dir) {
            Ok(()) => Ok(Access::Direct),
            Err(error) => Err(WalError::io(&error, "write past the page cache in", dir)),
        },
        // Every direct write waits for the disk, which is just what the other durabilities are chosen to avoid.
        (Backend::Auto, Durability::Always) if probe_direct(dir).is_ok() => Ok(Access::Direct),
        _ => Ok(Access::Buffered),
    }
}

/// What the member reports about how it writes.
pub(crate) fn describe(access: Access, durability: Durability) -> String {
    let sync = if cfg!(windows) {
        "FlushFileBuffers"
    } else if cfg!(target_vendor = "apple") {
        "F_FULLFSYNC"
    } else {
        "fdatasync"
    };
    match (access, durability) {
        (Access::Direct, _) => "O_DIRECT+O_DSYNC".to_owned(),
        (Access::Buffered, Durability::Always) => sync.to_owned(),
        (Access::Buffered, Durability::Interval(every)) => format!("{sync} every {} ms", every.as_millis()),
        (Access::Buffered, Durability::Os) => "no sync".to_owned(),
    }
}

/// Writes and reads back a block: file systems differ in whether and when they refuse `O_DIRECT`.
fn probe_direct(dir: &Path) -> io::Result<()> {
    let path = dir.join("probe");
    let result = open(&path, Access::Direct, true).and_then(|file| {
        let mut block = Buffer::new(BLOCK);
        block.fill(0x5a);
        write_at(&file, &block[..BLOCK], BLOCK as u64)?;
        block.fill(0);
        let read = read_at(&file, &mut block[..BLOCK], BLOCK as u64)?;
        let same = read == BLOCK && block[..BLOCK].iter().all(|byte| *byte == 0x5a);
        same.then_some(())
            .ok_or_else(|| io::Error::other("what was written is not what is read"))
    });
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => result,
    }
}

/// Opens a file for reading and writing.
pub(crate) fn open(path: &Path, access: Access, create: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(create);
    match access {
        Access::Buffered => {}
        #[cfg(target_os = "linux")]
        Access::Direct => {
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags(libc::O_DIRECT | libc::O_DSYNC);
        }
        #[cfg(not(target_os = "linux"))]
        Access::Direct => return Err(io::ErrorKind::Unsupported.into()),
    }
    options.open(path)
}

/// Writes all of `bytes` at `offset`.
#[cfg(unix)]
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// Writes all of `bytes` at `offset`.
#[cfg(windows)]
pub(crate) fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills `bytes` from `offset`; returns less only at the end of the file.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        // Only the end of the file leaves a read unaligned, and past the page cache none may follow from there.
        if filled % BLOCK != 0 && offset + filled as u64 >= file.metadata()?.len() {
            break;
        }
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(file, &mut bytes[filled..], offset + filled as u64);
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(file, &mut bytes[filled..], offset + filled as u64);
        match read {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Makes what was written through the page cache durable (on Apple `F_FULLFSYNC`, so past the disk's own cache).
pub(crate) fn sync(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// A directory held open, so that its names can be made durable when no descriptor is left. Windows has no such call: its file
/// systems journal names.
#[derive(Debug)]
pub(crate) struct Names {
    #[cfg(unix)]
    directory: File,
}

impl Names {
    pub(crate) fn open(dir: &Path) -> Result<Self, WalError> {
        Ok(Self {
            #[cfg(unix)]
            directory: File::open(dir).map_err(|error| WalError::io(&error, "open the directory", dir))?,
        })
    }

    /// Makes the names durable; `dir` is the directory's, for the error.
    pub(crate) fn sync(&self, dir: &Path) -> Result<(), WalError> {
        #[cfg(unix)]
        self.directory
            .sync_all()
            .map_err(|error| WalError::io(&error, "sync the directory", dir))?;
        let _ = dir;
        Ok(())
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), WalError> {
    Names::open(dir)?.sync(dir)
}
