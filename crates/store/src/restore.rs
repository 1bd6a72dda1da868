//! Makes a store out of a backup: its pairs, then the changes after them, at the revisions that they had. Nothing of it counts before it is
//! finished; whoever owns the directory sees to that.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use rafterdb_codec::{Code, Malformed, Pair, Parsed, Reader, WatchEvent};

use crate::engine::{install_snapshot, EngineOptions, LsmEngine, PairsStream};
use crate::machine::{restored_state, Machine};
use crate::unwatched::open_unwatched;
use crate::{Engine, Mark, StoreError};

const BUFFER_BYTES: usize = 256 << 10;

/// A store in the making.
pub struct Restore {
    directory: PathBuf,
    stream: PathBuf,
    options: EngineOptions,
    stage: Stage,
    /// Revision of the last change, and how many of it there are.
    last: (u64, u32),
}

enum Stage {
    Pairs(PairsStream<BufWriter<File>>),
    Changes(Box<Machine<LsmEngine>>),
    Over,
}

impl Restore {
    /// Begins a store in `directory`, which has none, with the pairs of a backup of `revision`. They go through the file `stream`, which
    /// is made, and removed when they are all there.
    ///
    /// # Errors
    /// `IO`, `DISK_FULL`.
    pub fn begin(directory: &Path, stream: &Path, revision: u64, options: EngineOptions) -> Result<Self, StoreError> {
        let file = File::create(stream).map_err(|error| failed("make", stream, &error))?;
        let pairs = PairsStream::begin(BufWriter::with_capacity(BUFFER_BYTES, file), &restored_state(revision))?;
        Ok(Self {
            directory: directory.to_owned(),
            stream: stream.to_owned(),
            options,
            stage: Stage::Pairs(pairs),
            last: (revision, 0),
        })
    }

    /// Adds pairs, which lie one after the other.
    ///
    /// # Errors
    /// `IO`, `DISK_FULL`; `STORE_CORRUPT` if they are none.
    pub fn pairs(&mut self, raw: &[u8]) -> Result<(), StoreError> {
        let Stage::Pairs(pairs) = &mut self.stage else {
            return Err(corrupt("pairs after changes"));
        };
        each(raw, Pair::parse, |pair| pairs.add(&pair))
    }

    /// Makes the changes up to revision `to` again; they lie one after the other, those of all calls in order.
    ///
    /// # Errors
    /// `IO`, `DISK_FULL`; `STORE_CORRUPT` if they are none, or do not follow on what there is.
    pub fn changes(&mut self, raw: &[u8], to: u64) -> Result<(), StoreError> {
        let mut last = self.last;
        let machine = self.machine()?;
        each(raw, WatchEvent::parse, |change| {
            let revision = change.pair.modified;
            if revision > to {
                return Ok(());
            }
            last = (revision, if revision == last.0 { last.1 + 1 } else { 0 });
            machine.restore_change(&change, last.1)
        })?;
        machine.publish()?;
        machine.rotate_if_full()?;
        self.last = last;
        Ok(())
    }

    /// Has all of it on disk, and the store's revision at least `raised`. `revision`: the one that was restored.
    ///
    /// # Errors
    /// `IO`, `DISK_FULL`, `STORE_CORRUPT`.
    pub fn finish(&mut self, revision: u64, raised: u64) -> Result<Mark, StoreError> {
        let machine = self.machine()?;
        let (mark, state) = machine.restored_to(revision, raised);
        machine.engine().close(Some((mark, state)))?;
        if machine.engine().persisted() != mark {
            return Err(StoreError::new(
                Code::DiskFull,
                "there is no room for the restored store",
            ));
        }
        self.stage = Stage::Over;
        Ok(mark)
    }

    /// The machine over what has been restored, once all pairs are there.
    fn machine(&mut self) -> Result<&Machine<LsmEngine>, StoreError> {
        if let Stage::Pairs(_) = &self.stage {
            let Stage::Pairs(pairs) = std::mem::replace(&mut self.stage, Stage::Over) else {
                return Err(corrupt("no pairs"));
            };
            let machine = self.built(pairs)?;
            self.stage = Stage::Changes(Box::new(machine));
        }
        match &self.stage {
            Stage::Changes(machine) => Ok(machine),
            _ => Err(StoreError::new(Code::Closed, "the restore is over")),
        }
    }

    fn built(&self, pairs: PairsStream<BufWriter<File>>) -> Result<Machine<LsmEngine>, StoreError> {
        let path = &self.stream;
        pairs.finish()?.flush().map_err(|error| failed("write", path, &error))?;
        let file = File::open(path).map_err(|error| failed("read", path, &error))?;
        install_snapshot(&self.directory, &mut BufReader::with_capacity(BUFFER_BYTES, file))?;
        std::fs::remove_file(path).map_err(|error| failed("remove", path, &error))?;
        open_unwatched(&self.directory, self.options.clone())
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        if let Stage::Changes(machine) = &self.stage {
            // It was given up: its files go, and nobody asks how it ended.
            let _ = machine.engine().close(None);
        }
    }
}

/// Calls `visit` with each of the items that lie one after the other.
fn each<'a, T>(
    raw: &'a [u8],
    parse: impl Fn(&mut Reader<'a>) -> Parsed<T>,
    mut visit: impl FnMut(T) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut reader = Reader::new(raw);
    while !reader.is_empty() {
        let item = parse(&mut reader).map_err(|Malformed(what)| corrupt(what))?;
        visit(item)?;
    }
    Ok(())
}

fn corrupt(what: &str) -> StoreError {
    StoreError::new(Code::StoreCorrupt, format!("what is restored makes no sense: {what}"))
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> StoreError {
    let code = rafterdb_codec::code_of(error);
    StoreError::new(code, format!("cannot {what} {}: {error}", path.display()))
}
