//! Which files are the store's: a directory holds one generation of them, named by the file CURRENT. A snapshot is
//! installed by building the next generation beside it and replacing CURRENT, so it is there as a whole or not at all.
//!
//! ```text
//! <directory>/CURRENT                      "rafterdb-store 1 <generation>\n<crc32c of that line in hex>\n"
//! <directory>/generation-<n>/tables/       see tables.rs
//! <directory>/generation-<n>/history/      see history/segment.rs
//! ```

use std::path::{Path, PathBuf};

use rafterdb_codec::Code;

use super::failure::{corrupt, io_failure};
use super::files::{replace, sync_directory};
use crate::StoreError;

const CURRENT: &str = "CURRENT";
const NAME: &str = "rafterdb-store";
const FORMAT: u32 = 1;
const GENERATION: &str = "generation-";

/// The directory of the current generation; leftovers of others are removed. Begins the first one in a new directory.
pub(super) fn open_current(directory: &Path) -> Result<PathBuf, StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "opening", directory);
    std::fs::create_dir_all(directory).map_err(failed)?;
    let current = current_or_first(directory)?;
    for generation in list(directory)? {
        if generation != current {
            std::fs::remove_dir_all(path(directory, generation)).map_err(failed)?;
        }
    }
    let path = path(directory, current);
    if current > 1 && !path.exists() {
        return Err(corrupt(&path, None, "the directory that CURRENT names is missing"));
    }
    std::fs::create_dir_all(&path).map_err(failed)?;
    sync_directory(directory).map_err(failed)?;
    Ok(path)
}

/// Makes an empty directory for the next generation. Returns it and its number.
pub(super) fn begin_next(directory: &Path) -> Result<(PathBuf, u64), StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "preparing", directory);
    std::fs::create_dir_all(directory).map_err(failed)?;
    let current = current_or_first(directory)?;
    let next = current + 1;
    let path = path(directory, next);
    if path.exists() {
        std::fs::remove_dir_all(&path).map_err(failed)?;
    }
    std::fs::create_dir_all(&path).map_err(failed)?;
    Ok((path, next))
}

/// Makes a complete generation the current one.
pub(super) fn switch_to(directory: &Path, generation: u64) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "installing a snapshot in", directory);
    let path = path(directory, generation);
    for synced in [&path.join("tables"), &path.join("history"), &path, directory] {
        sync_directory(synced).map_err(failed)?;
    }
    rafterdb_fault::point("store.install.switch").map_err(failed)?;
    write_current(directory, generation)?;
    rafterdb_fault::point("store.install.switched").map_err(failed)
}

/// The current generation; in a new directory the first, which is then on record before its directory exists.
fn current_or_first(directory: &Path) -> Result<u64, StoreError> {
    if let Some(current) = read_current(directory)? {
        return Ok(current);
    }
    if !list(directory)?.is_empty() {
        return Err(corrupt(
            &directory.join(CURRENT),
            None,
            "the file is missing, but there is data beside it",
        ));
    }
    write_current(directory, 1)?;
    Ok(1)
}

fn path(directory: &Path, generation: u64) -> PathBuf {
    directory.join(format!("{GENERATION}{generation}"))
}

fn list(directory: &Path) -> Result<Vec<u64>, StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "reading", directory);
    let mut generations = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(GENERATION));
        generations.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    Ok(generations)
}

fn write_current(directory: &Path, generation: u64) -> Result<(), StoreError> {
    let line = format!("{NAME} {FORMAT} {generation}");
    let text = format!("{line}\n{:08x}\n", rafterdb_hash::crc32c(line.as_bytes()));
    replace(directory, CURRENT, text.as_bytes())
        .map_err(|error| io_failure(&error, "writing", &directory.join(CURRENT)))
}

fn read_current(directory: &Path) -> Result<Option<u64>, StoreError> {
    let path = directory.join(CURRENT);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_failure(&error, "reading", &path)),
    };
    let damaged = || corrupt(&path, None, "the file cannot be read");
    let text = std::str::from_utf8(&text).map_err(|_| damaged())?;
    let (line, crc) = text.split_once('\n').ok_or_else(damaged)?;
    if u32::from_str_radix(crc.trim_end(), 16).ok() != Some(rafterdb_hash::crc32c(line.as_bytes())) {
        return Err(damaged());
    }
    let mut words = line.split(' ');
    let (name, format, generation) = (words.next(), words.next(), words.next());
    if name != Some(NAME) {
        return Err(damaged());
    }
    if format
        .and_then(|format| format.parse::<u32>().ok())
        .is_none_or(|format| format > FORMAT)
    {
        return Err(StoreError::new(
            Code::FormatNewer,
            format!(
                "{}: written by a newer version of rafterdb; start that version",
                path.display()
            ),
        ));
    }
    let generation = generation.and_then(|number| number.parse().ok());
    generation.map(Some).ok_or_else(damaged)
}
