//! Which files are the store's: a directory holds one generation of them, named by the file CURRENT. A new store and a
//! received snapshot are each built as a generation of their own first, so they are there as a whole or not at all. While
//! one is being built, and until readers of the one before it are done, there are two.
//!
//! ```text
//! <directory>/CURRENT                      the generation; its bytes are the codec's
//! <directory>/generation-<n>/tables/       see tables/mod.rs
//! <directory>/generation-<n>/history/      see history/segment.rs
//! <directory>/generation-<n>.building/     one that is not complete
//! ```

use std::path::{Path, PathBuf};

use rafterdb_codec::store::current::{decode_current, encode_current, Current, CurrentFault, CURRENT_FORMAT};
use rafterdb_codec::Code;

use super::failure::{corrupt, io_failure};
use super::files::{replace, sync_directory};
use crate::StoreError;

const CURRENT: &str = "CURRENT";
const GENERATION: &str = "generation-";
const BUILDING: &str = ".building";

/// The first generation of a directory.
const FIRST: u64 = 1;

/// The directory of the current generation; whatever is left of others is removed. In a new directory the first one is
/// built by `build`.
pub(super) fn open_current(
    directory: &Path,
    build: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<PathBuf, StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "opening", directory);
    let current = ensure_current(directory, build)?;
    // Before anything is written that an older version would misread.
    if read_current(directory)?.is_some_and(|named| named.format < CURRENT_FORMAT) {
        write_current(directory, current)?;
    }
    let name = generation_name(current);
    for other in list(directory)?.iter().filter(|other| **other != name) {
        std::fs::remove_dir_all(directory.join(other)).map_err(failed)?;
    }
    Ok(directory.join(name))
}

/// A generation that was built beside the current one, whole and on disk. It becomes the current one by `switch`; its files
/// go if it is dropped before.
pub(super) struct Next {
    directory: PathBuf,
    number: u64,
    /// CURRENT may name it.
    switched: bool,
}

impl Next {
    /// Where it is, from when it is whole.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(generation_name(self.number))
    }

    /// Makes it the current one, all or nothing. After an error either may be.
    pub(super) fn switch(mut self) -> Result<(), StoreError> {
        let failed = |error: std::io::Error| io_failure(&error, "installing a snapshot in", &self.directory);
        rafterdb_fault::point("store.install.switch").map_err(failed)?;
        self.switched = true;
        write_current(&self.directory, self.number)?;
        rafterdb_fault::point("store.install.switched").map_err(failed)
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        if !self.switched {
            // What cannot be removed now is removed by the next open.
            let _ = std::fs::remove_dir_all(self.directory.join(building_name(self.number)));
            let _ = std::fs::remove_dir_all(self.path());
        }
    }
}

/// Builds the generation after the current one, which stays as it is and may be in use. `build_first` makes an empty one if
/// there is none at all. Nothing is left of one that could not be built.
pub(super) fn build_next<T>(
    directory: &Path,
    build_first: impl FnOnce(&Path) -> Result<(), StoreError>,
    build: impl FnOnce(&Path) -> Result<T, StoreError>,
) -> Result<(Next, T), StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "installing a snapshot in", directory);
    let next = Next {
        directory: directory.to_path_buf(),
        number: ensure_current(directory, build_first)? + 1,
        switched: false,
    };
    if next.path().exists() {
        std::fs::remove_dir_all(next.path()).map_err(failed)?;
    }
    let building = begin_building(directory, next.number)?;
    let built = build(&building)?;
    rafterdb_fault::point("store.install.built").map_err(failed)?;
    complete(directory, next.number)?;
    Ok((next, built))
}

/// The current generation. CURRENT names the first one while that is still being built, so later a missing directory is
/// a loss, and so is a missing CURRENT.
fn ensure_current(directory: &Path, build: impl FnOnce(&Path) -> Result<(), StoreError>) -> Result<u64, StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "opening", directory);
    if !directory.exists() {
        std::fs::create_dir_all(directory).map_err(failed)?;
        if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_directory(parent).map_err(failed)?;
        }
    }
    let building = directory.join(building_name(FIRST));
    match read_current(directory)? {
        Some(Current {
            generation: current, ..
        }) => {
            let path = directory.join(generation_name(current));
            if path.exists() {
                return Ok(current);
            }
            if current != FIRST || !building.exists() {
                return Err(corrupt(&path, None, "the directory that CURRENT names is missing"));
            }
        }
        None if list(directory)?.iter().any(|name| !name.ends_with(BUILDING)) => {
            let path = directory.join(CURRENT);
            return Err(corrupt(&path, None, "the file is missing, but there is data beside it"));
        }
        None => {}
    }
    begin_building(directory, FIRST)?;
    write_current(directory, FIRST)?;
    build(&building)?;
    complete(directory, FIRST)?;
    Ok(FIRST)
}

/// An empty directory for a generation, which is on record before anything is in it.
fn begin_building(directory: &Path, generation: u64) -> Result<PathBuf, StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "preparing", directory);
    let building = directory.join(building_name(generation));
    if building.exists() {
        std::fs::remove_dir_all(&building).map_err(failed)?;
    }
    std::fs::create_dir(&building).map_err(failed)?;
    sync_directory(directory).map_err(failed)?;
    Ok(building)
}

/// Gives a generation that was built its name.
fn complete(directory: &Path, generation: u64) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "completing a generation in", directory);
    let building = directory.join(building_name(generation));
    for synced in [&building.join("tables"), &building.join("history"), &building] {
        sync_directory(synced).map_err(failed)?;
    }
    std::fs::rename(&building, directory.join(generation_name(generation))).map_err(failed)?;
    sync_directory(directory).map_err(failed)
}

fn generation_name(generation: u64) -> String {
    format!("{GENERATION}{generation}")
}

fn building_name(generation: u64) -> String {
    format!("{GENERATION}{generation}{BUILDING}")
}

/// Names of all generations, complete or not.
fn list(directory: &Path) -> Result<Vec<String>, StoreError> {
    let failed = |error: std::io::Error| io_failure(&error, "reading", directory);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().into_string();
        names.extend(name.ok().filter(|name| name.starts_with(GENERATION)));
    }
    Ok(names)
}

fn write_current(directory: &Path, generation: u64) -> Result<(), StoreError> {
    replace(directory, CURRENT, encode_current(generation).as_bytes())
        .map_err(|error| io_failure(&error, "writing", &directory.join(CURRENT)))
}

fn read_current(directory: &Path) -> Result<Option<Current>, StoreError> {
    let path = directory.join(CURRENT);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_failure(&error, "reading", &path)),
    };
    decode_current(&text).map(Some).map_err(|fault| match fault {
        CurrentFault::Damaged => corrupt(&path, None, "the file cannot be read"),
        CurrentFault::Newer => StoreError::new(
            Code::FormatNewer,
            format!(
                "{}: written by a newer version of rafterdb; start that version",
                path.display()
            ),
        ),
    })
}
