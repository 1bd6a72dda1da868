//! One segment file: its name, its header, and how it comes into being. Knows nothing of what its records mean.
//!
//! A file gets a segment's name only after its header and its checkpoint are durable. So a file with such a name and
//! without a sound header is damage, never an unfinished creation; an unfinished one still has a spare's name.

use std::fs::File;
use std::path::{Path, PathBuf};

use rafterdb_codec::log::{SegmentHeader, SegmentHeaderFault, BLOCK};
use rafterdb_codec::Code;
use rafterdb_fault as fault;
use rafterdb_pool::Buffer;

use crate::error::{WalError, WAY_OUT};
use crate::io::{self, Access};

const SUFFIX: &str = ".wal";

/// A segment, open.
#[derive(Debug)]
pub(crate) struct Segment {
    pub header: SegmentHeader,
    pub path: PathBuf,
    pub file: File,
}

impl Segment {
    pub fn sequence(&self) -> u64 {
        self.header.sequence
    }

    /// Turns the spare at `spare`, which `file` is open on, into a segment; its name is not durable yet. `start` holds room for the
    /// header and then the checkpoint, sealed.
    pub fn create(spare: &Path, file: File, header: SegmentHeader, start: &mut [u8]) -> Result<Self, WalError> {
        let dir = spare.parent().expect("a spare lies in the log's directory");
        let path = dir.join(segment_name(header.sequence));
        start[..BLOCK].fill(0);
        header.encode(start);
        let write = || {
            fault::point("wal.segment.header")?;
            io::write_at(&file, start, 0)?;
            io::sync(&file)?;
            fault::point("wal.segment.rename")?;
            std::fs::rename(spare, &path)?;
            fault::point("wal.segment.created")
        };
        write().map_err(|error: std::io::Error| WalError::io(&error, "create the segment", &path))?;
        Ok(Self { header, path, file })
    }

    /// Opens an existing segment and reads its header.
    pub fn open(path: &Path, sequence: u64, access: Access) -> Result<Self, WalError> {
        let file = io::open(path, access, false).map_err(|error| WalError::io(&error, "open", path))?;
        let mut block = Buffer::new(BLOCK);
        let read = io::read_at(&file, &mut block[..BLOCK], 0).map_err(|error| WalError::io(&error, "read", path))?;
        match SegmentHeader::decode(&block[..read]) {
            Ok(header) if header.sequence == sequence => Ok(Self {
                header,
                path: path.to_owned(),
                file,
            }),
            Ok(header) => {
                let what = format!("it is segment {:016x} under another's name", header.sequence);
                Err(WalError::corrupt(path, 0, &what))
            }
            Err(SegmentHeaderFault::Damaged) => Err(WalError::corrupt(path, 0, "its header is not sound")),
            Err(SegmentHeaderFault::Newer(version)) => Err(WalError {
                file: Some(path.to_owned()),
                offset: Some(0),
                ..WalError::new(
                    Code::FormatNewer,
                    format!(
                        "log: {} is in format {version}, written by a newer rafterdb. Start that version again; \
                         this one has changed nothing",
                        path.display()
                    ),
                )
            }),
        }
    }

    pub fn length(&self) -> Result<u64, WalError> {
        let length = self.file.metadata().map(|metadata| metadata.len());
        length.map_err(|error| WalError::io(&error, "ask for the size of", &self.path))
    }
}

/// The name of a segment's file.
pub(crate) fn segment_name(sequence: u64) -> String {
    format!("{sequence:016x}{SUFFIX}")
}

/// The segments in `dir` by sequence; `LOG_SEGMENT_MISSING` if there is a gap between them.
pub(crate) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, WalError> {
    let mut found = Vec::new();
    let failed = |error: std::io::Error| WalError::io(&error, "list", dir);
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_suffix(SUFFIX));
        if let Some(sequence) = name.and_then(|hex| u64::from_str_radix(hex, 16).ok()) {
            found.push((sequence, path));
        }
    }
    found.sort_unstable();
    for pair in found.windows(2) {
        if pair[1].0 != pair[0].0 + 1 {
            let missing = dir.join(segment_name(pair[0].0 + 1));
            return Err(missing_segment(
                &missing,
                &format!("the segment {} is missing", missing.display()),
            ));
        }
    }
    Ok(found)
}

pub(crate) fn missing_segment(file: &Path, what: &str) -> WalError {
    let text = format!("log: {what}. Put the file back if you have it. {WAY_OUT}");
    WalError {
        file: Some(file.to_owned()),
        ..WalError::new(Code::LogSegmentMissing, text)
    }
}
