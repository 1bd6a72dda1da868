//! The few things that files are asked for: positioned reads and writes, syncs of directories, atomic replacement.

use std::fs::File;
use std::io;
use std::path::Path;

/// Reads at `offset` until `buffer` is full or the file ends. Returns how much was read.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match read_some(file, &mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all of `bytes` at `offset`.
pub(super) fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match write_some(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Bytes that are on their way to the disk at a time when a large file is written back.
const WRITE_BACK_BYTES: u64 = 512 << 10;

/// Has the operating system write `from..to` of a file to the disk in small pieces, one at a time, where it can be asked to:
/// a sync that finds everything still to be written holds up the log, which is on the same disk. Promises nothing: that is
/// the sync's business.
pub(super) fn write_back(file: &File, from: u64, to: u64) {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        let flags = libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        let mut at = from;
        while at < to {
            let bytes = WRITE_BACK_BYTES.min(to - at);
            let (Ok(offset), Ok(length)) = (at.try_into(), bytes.try_into()) else {
                return;
            };
            // SAFETY: the descriptor is open for as long as the file is borrowed, and no memory is passed.
            if unsafe { libc::sync_file_range(file.as_raw_fd(), offset, length, flags) } != 0 {
                return;
            }
            at += bytes;
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, from, to, WRITE_BACK_BYTES);
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(windows) {
        // Windows cannot sync a directory; its file system journals names by itself.
        return Ok(());
    }
    File::open(path)?.sync_all()
}

/// Replaces the file `name` of `directory` by one with these bytes, durably, all or nothing.
pub(super) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = directory.join(format!("{name}.new"));
    let file = File::create(&new)?;
    write_at(&file, bytes, 0)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&new, directory.join(name))?;
    sync_directory(directory)
}

#[cfg(unix)]
fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_some(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(windows)]
fn write_some(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}
