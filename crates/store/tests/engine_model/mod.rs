//! A plain model of the engine: every version of every key in a BTreeMap, and a log of operations that can be applied
//! again. Drives an engine beside it as a state machine would, and compares the two.

// Each test uses its own part of it; a failure here is the test's.
#![allow(dead_code, clippy::unwrap_used)]

pub mod stream;

use std::collections::{BTreeMap, BTreeSet};

use rafterdb_store::{skips_after, Change, ChangePlace, Engine, KeyRange, Mark, RowRef, StoreError, Value, Visit};

/// A small generator: the seed repeats everything.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub create: u64,
    pub modified: u64,
    pub version: u64,
    pub lease: u64,
    pub previous: u64,
    pub value: Vec<u8>,
}

impl Version {
    /// A row that the engine shows, with its value.
    pub fn of(engine: &dyn Engine, key: &[u8], row: &RowRef<'_>) -> Self {
        Self::read(engine, key, row).unwrap()
    }

    pub fn read(engine: &dyn Engine, key: &[u8], row: &RowRef<'_>) -> Result<Self, StoreError> {
        let mut value = Vec::new();
        engine.value(key, row, &mut |bytes| value = bytes.to_vec())?;
        Ok(Self {
            create: row.create,
            modified: row.modified,
            version: row.version,
            lease: row.lease,
            previous: row.previous,
            value,
        })
    }

    pub fn row(&self) -> RowRef<'_> {
        RowRef {
            create: self.create,
            modified: self.modified,
            version: self.version,
            lease: self.lease,
            previous: self.previous,
            skips: &[],
            value: Value::of(&self.value),
        }
    }
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Changes of one revision: a value, or `None` to delete.
    Change(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    /// Changes of keys and then deletions of ranges that hold none of these keys, all of one revision.
    Delete(Vec<(Vec<u8>, Option<Vec<u8>>)>, Vec<Span>),
    Compact(u64),
}

pub type Span = (Vec<u8>, Option<Vec<u8>>);

pub type KeyedVersion = (Vec<u8>, Version);

/// What the engine must answer.
#[derive(Clone, Default)]
pub struct Model {
    pub versions: BTreeMap<Vec<u8>, Vec<Version>>,
    pub changes: Vec<(u32, Vec<u8>, Version)>,
    pub log: Vec<Operation>,
    pub revision: u64,
    pub compacted: u64,
    /// Which tombstones were made by deleting a range: key and revision.
    pub ranged: BTreeSet<(Vec<u8>, u64)>,
}

impl Model {
    /// Where the log stands.
    pub fn mark(&self) -> Mark {
        Mark {
            index: self.log.len() as u64,
            term: 1 + self.log.len() as u64 / 100,
            revision: self.revision,
        }
    }

    /// The machine's state at the mark: something that tells two marks apart, of a size that varies.
    pub fn state(&self) -> Vec<u8> {
        let mut state = format!("{} {}", self.log.len(), self.revision).into_bytes();
        if self.log.len().is_multiple_of(7) {
            state.resize(state.len() + self.log.len() * 997 % 700_000, 7);
        }
        state
    }

    /// As the engine tells its writer: of a key in a deleted range, a tombstone that stands for the row that was there.
    fn latest(&self, key: &[u8]) -> Option<Version> {
        let versions = self.versions.get(key)?;
        let latest = versions.last()?;
        let is_ranged = self.ranged.contains(&(key.to_vec(), latest.modified));
        // Of a deleted range the rows are kept a revision longer: the changes of the compacted one are still told.
        if latest.version == 0 && latest.modified + u64::from(is_ranged) <= self.compacted {
            return None;
        }
        if is_ranged {
            return Some(Version {
                create: 0,
                version: 0,
                lease: 0,
                value: Vec::new(),
                ..versions[versions.len() - 2].clone()
            });
        }
        Some(latest.clone())
    }

    /// Deletes ranges at the revision of now, after `subs` other changes.
    fn delete(&mut self, spans: &[Span], subs: usize) {
        for (at, (start, end)) in spans.iter().enumerate() {
            let inside = |key: &[u8]| key >= start.as_slice() && end.as_ref().is_none_or(|end| key < end.as_slice());
            let revision = self.revision;
            for (key, versions) in self.versions.iter_mut().filter(|(key, _)| inside(key)) {
                let Some(covered) = versions
                    .last()
                    .filter(|last| last.version > 0 && last.modified < revision)
                else {
                    continue;
                };
                let tombstone = Version {
                    create: 0,
                    modified: revision,
                    version: 0,
                    lease: 0,
                    previous: covered.modified,
                    value: Vec::new(),
                };
                versions.push(tombstone.clone());
                self.ranged.insert((key.clone(), revision));
                self.changes.push(((subs + at) as u32, key.clone(), tombstone));
            }
        }
    }

    /// Adds an operation to the log and its effect to the model. Returns the rows it makes.
    pub fn apply(&mut self, operation: Operation) -> Vec<KeyedVersion> {
        let mut rows = Vec::new();
        match &operation {
            Operation::Compact(revision) => self.compacted = self.compacted.max(*revision),
            Operation::Change(changes) | Operation::Delete(changes, _) => {
                self.revision += 1;
                for (key, value) in changes {
                    rows.push((key.clone(), self.next_version(key, value.as_deref())));
                }
            }
        }
        for (sub, (key, version)) in rows.iter().enumerate() {
            self.versions.entry(key.clone()).or_default().push(version.clone());
            self.changes.push((sub as u32, key.clone(), version.clone()));
        }
        if let Operation::Delete(changes, spans) = &operation {
            self.delete(spans, changes.len());
        }
        self.log.push(operation);
        rows
    }

    fn next_version(&self, key: &[u8], value: Option<&[u8]>) -> Version {
        let latest = self.latest(key);
        let previous = latest.as_ref().map_or(0, |latest| latest.modified);
        let live = latest.filter(|latest| latest.version > 0);
        match value {
            None => Version {
                create: 0,
                modified: self.revision,
                version: 0,
                lease: 0,
                previous,
                value: Vec::new(),
            },
            Some(value) => Version {
                create: live.as_ref().map_or(self.revision, |live| live.create),
                modified: self.revision,
                version: live.as_ref().map_or(1, |live| live.version + 1),
                lease: value.len() as u64 % 3,
                previous,
                value: value.to_vec(),
            },
        }
    }

    /// The model after the first `index` entries of the log.
    pub fn at_index(&self, index: u64) -> Self {
        let mut model = Self::default();
        for operation in &self.log[..index as usize] {
            model.apply(operation.clone());
        }
        model
    }

    pub fn live_at(&self, key: &[u8], at: u64) -> Option<&Version> {
        let versions = self.versions.get(key)?;
        let newest = versions.iter().rev().find(|version| version.modified <= at)?;
        (newest.version > 0).then_some(newest)
    }
}

/// Applies an operation to both, checking that the engine's latest rows are the model's.
pub fn apply(model: &mut Model, engine: &dyn Engine, operation: Operation) {
    let mut skips = BTreeMap::new();
    if let Operation::Change(changes) | Operation::Delete(changes, _) = &operation {
        for (key, value) in changes {
            let mut found = None;
            let visit = &mut |row: RowRef<'_>| {
                found = Some(Version::of(engine, key, &row));
                let version = value.as_ref().map_or(0, |_| row.version + 1);
                let after = skips_after(&row, model.revision + 1, version, model.compacted);
                skips.insert(key.clone(), after.unwrap_or_default());
            };
            let seen = engine.latest(key, visit).unwrap();
            assert_eq!(seen, found.is_some());
            assert_eq!(found, model.latest(key), "latest of {}", text(key));
        }
    }
    let compact = if let Operation::Compact(revision) = &operation {
        Some(*revision)
    } else {
        None
    };
    let spans = if let Operation::Delete(_, spans) = &operation {
        spans.clone()
    } else {
        Vec::new()
    };
    let rows = model.apply(operation);
    for (sub, (key, version)) in rows.iter().enumerate() {
        let skips = skips.get(key).copied().unwrap_or_default();
        let row = RowRef {
            skips: skips.as_bytes(),
            ..version.row()
        };
        engine.write(key, sub as u32, row).unwrap();
    }
    for (at, (start, end)) in spans.iter().enumerate() {
        let range = KeyRange {
            start,
            end: end.as_deref(),
        };
        engine
            .delete_range(range, model.revision, (rows.len() + at) as u32)
            .unwrap();
    }
    if let Some(revision) = compact {
        engine.compact(revision).unwrap();
    }
}

/// Applies to the engine, which stands at entry `index`, what the model's log has after it.
pub fn replay(model: &Model, engine: &dyn Engine, index: u64) {
    let mut again = model.at_index(index);
    for operation in &model.log[index as usize..] {
        apply(&mut again, engine, operation.clone());
    }
}

/// Everything the engine says at revision `at` that is not what the model says.
pub fn differences(model: &Model, engine: &dyn Engine, range: KeyRange<'_>, at: u64) -> Vec<String> {
    let mut differences = Vec::new();
    let inside = |key: &[u8]| key >= range.start && range.end.is_none_or(|end| key < end);
    let mut expected: Vec<KeyedVersion> = Vec::new();
    for key in model.versions.keys().filter(|key| inside(key)) {
        let live = model.live_at(key, at);
        expected.extend(live.map(|version| (key.clone(), version.clone())));
        let mut found = None;
        let seen = engine
            .get(key, at, &mut |row| found = Some(Version::of(engine, key, &row)))
            .unwrap();
        if seen != found.is_some() || found.as_ref() != live {
            differences.push(format!("get {} at {at}: {found:?}, not {live:?}", text(key)));
        }
    }
    for reverse in [false, true] {
        let mut found: Vec<KeyedVersion> = Vec::new();
        let scanned = engine.scan(range, at, reverse, &mut |key, row| {
            found.push((key.to_vec(), Version::of(engine, key, &row)));
            Visit::Next
        });
        scanned.unwrap();
        if reverse {
            found.reverse();
        }
        if found != expected {
            let keys = |rows: &[KeyedVersion]| {
                rows.iter()
                    .map(|(key, row)| format!("{}@{}", text(key), row.modified))
                    .collect::<Vec<_>>()
            };
            differences.push(format!(
                "scan at {at}, reverse {reverse}: {:?}, not {:?}",
                keys(&found),
                keys(&expected)
            ));
        }
    }
    differences
}

/// Compares all changes of a span of revisions from the compacted one on.
pub fn change_differences(model: &Model, engine: &dyn Engine, from: u64, to: u64) -> Vec<String> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    // In pieces: each goes on where the one before stopped.
    let mut next = (from, 0, Vec::new());
    loop {
        let from = ChangePlace {
            revision: next.0,
            sub: next.1,
            key: &next.2,
        };
        let (mut left, mut stopped) = (40, None);
        let visited = engine.changes_from(from, to, &mut |change| {
            if (change.row.modified, change.sub, change.key) < (next.0, next.1, next.2.as_slice()) {
                return Visit::Next;
            }
            if left == 0 {
                stopped = Some((change.row.modified, change.sub, change.key.to_vec()));
                return Visit::Stop;
            }
            left -= 1;
            wrong.extend(replaced_differences(model, engine, &change));
            found.push((
                change.sub,
                change.key.to_vec(),
                Version::of(engine, change.key, &change.row),
            ));
            Visit::Next
        });
        visited.unwrap();
        match stopped {
            Some(stopped) => next = stopped,
            None => break,
        }
    }
    let spanned = model
        .changes
        .iter()
        .filter(|(_, _, row)| (from..=to).contains(&row.modified));
    let expected: Vec<_> = spanned.cloned().collect();
    if found != expected {
        wrong.push(format!(
            "changes {from}..={to}: {} found, {} expected",
            found.len(),
            expected.len()
        ));
    }
    wrong
}

/// What the engine says that a change replaced, if that is not what the model says.
fn replaced_differences(model: &Model, engine: &dyn Engine, change: &Change<'_>) -> Option<String> {
    let (key, revision) = (change.key, change.row.modified);
    if change.row.version == 1 {
        // A row that a deleted range killed may come before it: nobody asks.
        return None;
    }
    let earlier = |version: &&Version| version.modified < revision;
    let expected = model.versions[key].iter().rev().find(earlier);
    let expected = expected.filter(|version| version.version > 0);
    let mut found = None;
    match &change.replaced {
        Some(replaced) => found = Some(Version::of(engine, key, replaced)),
        None => {
            let visit = &mut |row: RowRef<'_>| found = Some(Version::of(engine, key, &row));
            engine.replaced(key, revision, change.row.previous, visit).unwrap();
        }
    }
    (found.as_ref() != expected).then(|| format!("{} replaced at {revision}: {found:?}, not {expected:?}", text(key)))
}

/// Panics unless engine and model agree: on everything now, and on random ranges at random revisions that are kept.
pub fn compare(model: &Model, engine: &dyn Engine, rng: &mut Rng, rounds: u32) {
    let all = KeyRange { start: b"", end: None };
    let mut wrong = differences(model, engine, all, model.revision);
    assert_eq!(engine.compacted(), model.compacted);
    for _ in 0..rounds {
        let at = model.compacted + rng.below(model.revision - model.compacted + 1);
        let keys: Vec<_> = model.versions.keys().collect();
        let pick = |rng: &mut Rng| keys[rng.below(keys.len() as u64) as usize].as_slice();
        let (start, end) = match keys.len() {
            0 => (&b""[..], None),
            _ => (pick(rng), if rng.chance(3) { None } else { Some(pick(rng)) }),
        };
        wrong.extend(differences(model, engine, KeyRange { start, end }, at));
        // The changes of the compacted revision itself are told too.
        let from = (model.compacted + rng.below(model.revision - model.compacted + 2)).max(1);
        wrong.extend(change_differences(model, engine, from, from + rng.below(200)));
    }
    assert!(wrong.is_empty(), "{} differences, the first: {}", wrong.len(), wrong[0]);
}

/// A random operation: mostly changes of one key, some of several, some compactions.
pub fn random_operation(model: &Model, rng: &mut Rng, keys: u64) -> Operation {
    if rng.chance(60) {
        return Operation::Compact(model.compacted + rng.below(model.revision - model.compacted + 1));
    }
    if rng.chance(25) {
        return random_deletion(model, rng, keys);
    }
    let count = if rng.chance(8) { 1 + rng.below(12) } else { 1 };
    let mut changes = BTreeMap::new();
    for _ in 0..count {
        let key = random_key(rng, keys);
        let live = model.latest(&key).is_some_and(|latest| latest.version > 0);
        let value = if live && rng.chance(4) {
            None
        } else {
            let length = match rng.below(48) {
                0 => rng.below(40_000),
                // Those that lie apart from their rows begin here.
                1..4 => 4_094 + rng.below(4),
                _ => rng.below(300),
            };
            Some((0..length).map(|at| (at ^ rng.0) as u8).collect())
        };
        changes.insert(key, value);
    }
    let mut changes: Vec<_> = changes.into_iter().collect();
    if rng.chance(2) {
        changes.reverse();
    }
    Operation::Change(changes)
}

/// Deletes one to three ranges, which may overlap, and changes keys outside of them.
fn random_deletion(model: &Model, rng: &mut Rng, keys: u64) -> Operation {
    let mut spans = Vec::new();
    for _ in 0..1 + rng.below(3) {
        let (one, other) = (random_key(rng, keys), random_key(rng, keys));
        let (start, end) = if one <= other { (one, other) } else { (other, one) };
        if rng.chance(10) {
            spans.push((start, None));
        } else if start < end {
            spans.push((start, Some(end)));
        }
    }
    let inside = |key: &Vec<u8>| {
        let holds = |(start, end): &Span| key >= start && end.as_ref().is_none_or(|end| key < end);
        spans.iter().any(holds)
    };
    let mut changes = BTreeMap::new();
    for _ in 0..rng.below(4) {
        let key = random_key(rng, keys);
        let live = model.latest(&key).is_some_and(|latest| latest.version > 0);
        if !inside(&key) {
            changes.insert(key, if live && rng.chance(2) { None } else { Some(vec![7; 20]) });
        }
    }
    Operation::Delete(changes.into_iter().collect(), spans)
}

pub fn random_key(rng: &mut Rng, keys: u64) -> Vec<u8> {
    let number = rng.below(keys);
    match number % 5 {
        0 => format!("k{number}").into_bytes(),
        1 => format!("prefix/shared/by/many/{number}").into_bytes(),
        2 => format!("prefix/{number}/{}", "x".repeat((number % 300) as usize)).into_bytes(),
        3 => vec![0xff; 1 + number as usize % 9],
        _ => vec![0, number as u8],
    }
}

fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(&key[..key.len().min(40)]).into_owned()
}
