//! What the log must hold, kept in memory: random commits, the same for the same seed, and a checker.
#![allow(dead_code, reason = "each test file uses its part of the model")]
#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rafterdb_wal::{Backend, Durability, HardState, Options, Reader, Recovered, Writer};

/// SplitMix64: small, and the same on every machine.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// An entry of `body` bytes as FORMATS.md frames it.
pub fn entry(body: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + body);
    bytes.extend_from_slice(&(body as u32).to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes.extend((0..body).map(|_| random.next() as u8));
    bytes
}

#[derive(Clone, Debug)]
pub enum Op {
    Entries {
        group: u16,
        first: u64,
        term: u64,
        entries: Vec<Vec<u8>>,
    },
    HardState {
        group: u16,
        hard: HardState,
    },
    Start {
        group: u16,
        index: u64,
        term: u64,
    },
    Cut {
        group: u16,
        index: u64,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelGroup {
    pub hard: HardState,
    pub start: (u64, u64),
    pub entries: Vec<(u64, Vec<u8>)>,
}

impl ModelGroup {
    pub fn last(&self) -> u64 {
        self.start.0 + self.entries.len() as u64
    }

    fn last_term(&self) -> u64 {
        self.entries.last().map_or(self.start.1, |(term, _)| *term)
    }

    fn term(&self, index: u64) -> u64 {
        if index == self.start.0 {
            self.start.1
        } else {
            self.entries[(index - self.start.0 - 1) as usize].0
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    pub groups: BTreeMap<u16, ModelGroup>,
}

impl Model {
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Entries {
                group,
                first,
                term,
                entries,
            } => {
                let log = self.groups.entry(*group).or_default();
                log.entries.truncate((first - log.start.0 - 1) as usize);
                log.entries.extend(entries.iter().map(|entry| (*term, entry.clone())));
            }
            Op::HardState { group, hard } => self.groups.entry(*group).or_default().hard = *hard,
            Op::Start { group, index, term } => {
                let log = self.groups.entry(*group).or_default();
                log.start = (*index, *term);
                log.entries.clear();
            }
            Op::Cut { group, index } => {
                let log = self.groups.entry(*group).or_default();
                if *index > log.start.0 {
                    let term = log.term(*index);
                    log.entries.drain(..(index - log.start.0) as usize);
                    log.start = (*index, term);
                }
            }
        }
    }

    /// A commit that continues this model: appends, overwrites, hard states, and now and then a cut or a new start.
    /// Cuts come first: they concern what is committed already.
    pub fn random_commit(&self, random: &mut Random, groups: u16, body_max: usize) -> Vec<Op> {
        let mut after = self.clone();
        let mut ops = Vec::new();
        for _ in 0..=random.below(4) {
            let group = random.below(u64::from(groups)) as u16;
            let log = after.groups.entry(group).or_default().clone();
            let is_touched = ops.iter().any(|op| match op {
                Op::Entries { group: touched, .. } | Op::Start { group: touched, .. } => *touched == group,
                _ => false,
            });
            let op = match random.below(20) {
                0..=2 => {
                    let term = log.last_term() + random.below(2);
                    Op::HardState {
                        group,
                        hard: HardState {
                            term,
                            vote: random.below(8),
                            commit: log.last(),
                        },
                    }
                }
                3 if !is_touched && !log.entries.is_empty() => Op::Cut {
                    group,
                    index: log.start.0 + random.below(log.entries.len() as u64 + 1),
                },
                4 if random.below(4) == 0 => Op::Start {
                    group,
                    index: log.last() + random.below(5),
                    term: log.last_term() + 1,
                },
                _ => {
                    let back = if random.below(6) == 0 {
                        random.below(log.entries.len().min(9) as u64 + 1)
                    } else {
                        0
                    };
                    let first = log.last() + 1 - back;
                    let term = if back > 0 {
                        log.last_term() + 1
                    } else {
                        log.last_term().max(1) + random.below(12) / 11
                    };
                    let body = if random.below(8) == 0 {
                        body_max
                    } else {
                        body_max / 16 + 1
                    };
                    let entries = (0..=random.below(5))
                        .map(|_| entry(random.below(body as u64) as usize, random))
                        .collect();
                    Op::Entries {
                        group,
                        first,
                        term,
                        entries,
                    }
                }
            };
            after.apply(&op);
            ops.push(op);
        }
        ops
    }
}

pub fn gather(writer: &mut Writer, ops: &[Op]) {
    for op in ops {
        match op {
            Op::Entries {
                group,
                first,
                term,
                entries,
            } => {
                writer.entries(*group, *first, *term, entries.len() as u32, entries);
            }
            Op::HardState { group, hard } => writer.hard_state(*group, hard.term, hard.vote, hard.commit),
            Op::Start { group, index, term } => writer.start(*group, *index, *term),
            Op::Cut { group, index } => writer.cut(*group, *index),
        }
    }
}

/// Compares what readers see with the model: bounds, terms, every entry's bytes.
pub fn compare(reader: &Reader, model: &Model) -> Result<(), String> {
    for (group, log) in &model.groups {
        let bounds = reader.bounds(*group);
        if bounds != (log.start.0, log.last()) {
            return Err(format!(
                "group {group}: holds {bounds:?} instead of {} to {}",
                log.start.0,
                log.last()
            ));
        }
        let mut next = log.start.0 + 1;
        let mut bytes = Vec::new();
        let mut terms = Vec::new();
        while next <= log.last() {
            let block = reader
                .read(*group, next, u64::MAX, 20_000, &mut bytes)
                .map_err(|error| error.text)?;
            for (term, count) in &block.runs {
                terms.extend(std::iter::repeat_n(*term, *count as usize));
            }
            next += u64::from(block.count);
        }
        let expected: Vec<u8> = log
            .entries
            .iter()
            .flat_map(|(_, entry)| entry.iter().copied())
            .collect();
        let expected_terms: Vec<u64> = log.entries.iter().map(|(term, _)| *term).collect();
        if terms != expected_terms || bytes != expected {
            return Err(format!("group {group}: other terms or bytes than written"));
        }
    }
    Ok(())
}

/// Compares what was recovered with the model, then what readers see.
pub fn compare_recovered(recovered: &Recovered, reader: &Reader, model: &Model) -> Result<(), String> {
    for group in recovered.groups.keys() {
        if !model.groups.contains_key(group) {
            return Err(format!("group {group} was invented"));
        }
    }
    for (group, log) in &model.groups {
        let found = recovered.groups.get(group).cloned().unwrap_or_default();
        let hard = HardState {
            term: found.term,
            vote: found.vote,
            commit: found.commit,
        };
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for (at, (term, _)) in log.entries.iter().enumerate() {
            if runs.last().is_none_or(|(_, run)| run != term) {
                runs.push((log.start.0 + 1 + at as u64, *term));
            }
        }
        if hard != log.hard || found.start != log.start || found.last_index != log.last() || found.runs != runs {
            return Err(format!(
                "group {group}: recovered {found:?} instead of {:?} {:?}",
                log.hard, log.start
            ));
        }
    }
    compare(reader, model)
}

pub fn options(dir: &Path, segment_bytes: u64, durability: Durability, backend: Backend) -> Options {
    Options {
        segment_bytes,
        durability,
        backend,
        ..Options::new(dir)
    }
}

/// The segment files of a log, oldest first.
pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wal"));
    paths.sort();
    paths
}

/// The bytes of every file of a folder. One that is being filled may get another name meanwhile: then it is left out.
pub fn image(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter_map(|path| Some((path.file_name()?.into(), std::fs::read(&path).ok()?)))
        .collect()
}

/// Makes a folder hold these files and no others.
pub fn restore(dir: &Path, image: &BTreeMap<PathBuf, Vec<u8>>) {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir).unwrap();
    for (name, bytes) in image {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}

/// A folder in memory where there is one: these tests open thousands of logs.
pub fn fast_dir() -> tempfile::TempDir {
    if Path::new("/dev/shm").is_dir() {
        tempfile::tempdir_in("/dev/shm").unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}
