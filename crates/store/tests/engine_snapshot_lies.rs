//! A stream whose checksums are right and whose content is a lie is refused or makes a store that opens: it never panics, never
//! takes memory without bound, and leaves what was there, and no files, behind.
//! So is an increment that lies, whatever it says that it goes on from.
//! RAFTERDB_FUZZ_CASES: how many lies (default 200).

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use std::panic::{catch_unwind, AssertUnwindSafe};

use engine_model::stream::{chunks_of, read_u32, stream_of, Chunk};
use engine_model::{apply, random_operation, Model, Rng};
use rafterdb_store::{
    BaseStore, Engine, EngineOptions, KeyRange, LsmEngine, PreparedStore, Snapshot, StoreError, Visit,
};

/// Changes something that no checksum guards any more. Records of history have one of their own, which is set right again.
fn tell_a_lie(chunks: &mut Vec<Chunk>, rng: &mut Rng) {
    let at = rng.below(chunks.len() as u64) as usize;
    match rng.below(6) {
        0 => drop(chunks.remove(at)),
        1 => {
            let twice = chunks[at].clone();
            chunks.insert(at, twice);
        }
        2 => chunks[at].kind = rng.below(8) as u32,
        3 => {
            let keep = rng.below(chunks[at].raw.len() as u64 + 1) as usize;
            chunks[at].raw.truncate(keep);
        }
        _ => {
            for _ in 0..=rng.below(4) {
                let raw = &mut chunks[at].raw;
                if raw.is_empty() {
                    return;
                }
                let place = rng.below(raw.len() as u64) as usize;
                raw[place] = match rng.below(3) {
                    0 => 0xff,
                    1 => 0,
                    _ => rng.below(256) as u8,
                };
            }
            sign_records(&mut chunks[at]);
        }
    }
}

fn sign_records(chunk: &mut Chunk) {
    const HISTORY: u32 = 3;
    let mut at = 0;
    while chunk.kind == HISTORY && at + 8 <= chunk.raw.len() {
        let end = at + 8 + read_u32(&chunk.raw, at) as usize;
        if end > chunk.raw.len() {
            return;
        }
        let crc = rafterdb_hash::crc32c(&chunk.raw[at + 8..end]);
        chunk.raw[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
        at = end;
    }
}

/// What is made of a stream is used as a store would be.
fn use_it(prepared: &PreparedStore) {
    let Ok((engine, _)) = prepared.open(EngineOptions::default()) else {
        return;
    };
    let all = KeyRange { start: &[], end: None };
    let mut read = 0;
    // Errors are fine: what was a lie is noticed where it is read.
    let _ = engine.scan(all, prepared.mark().revision, false, &mut |key, row| {
        let _ = engine.value(key, &row, &mut |value| read += value.len());
        Visit::Next
    });
    let _ = engine.changes(engine.compacted() + 1, u64::MAX, &mut |change| {
        read += change.key.len();
        Visit::Next
    });
}

/// The stream of a store that was written to.
fn true_stream() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
    let (mut model, mut rng) = (Model::default(), Rng::new(77));
    for _ in 0..400 {
        let operation = random_operation(&model, &mut rng, 100);
        apply(&mut model, &engine, operation);
    }
    let mut stream = Vec::new();
    let snapshot = engine.snapshot(model.mark(), model.state()).unwrap();
    snapshot.write(&mut stream).unwrap();
    stream
}

fn set(chunk: &mut Chunk, at: usize, number: u64) {
    chunk.raw[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

fn get(chunk: &Chunk, at: usize) -> u64 {
    u64::from_le_bytes(chunk.raw[at..at + 8].try_into().unwrap())
}

/// A row whose key is longer than any may be, after all others, counted as it should be.
fn add_long_key(chunks: &mut [Chunk]) {
    let key = vec![0xff; rafterdb_codec::limits::KEY_BYTES_MAX + 1];
    let [.., rows, end] = chunks else { panic!("no rows") };
    let packed_row = [1, 2, 0, 0, 0, b'v'];
    rows.raw.extend_from_slice(&(key.len() as u32).to_le_bytes());
    rows.raw.extend_from_slice(&(packed_row.len() as u32).to_le_bytes());
    rows.raw.extend_from_slice(&key);
    rows.raw.extend_from_slice(&packed_row);
    let count = get(end, 8) + 1;
    set(end, 8, count);
}

/// Changes the chunks of a stream.
type Lie<'a> = &'a dyn Fn(&mut Vec<Chunk>);

#[test]
fn what_cannot_be_a_store_is_refused() {
    let truth = chunks_of(&true_stream());
    let target = tempfile::tempdir().unwrap();
    let (index, term, revision, compacted, state) = (8, 16, 24, 32, 40);
    let above = get(&truth[0], revision) + 1;
    let first_record = truth.iter().position(|chunk| chunk.kind == 3).unwrap();
    let compacted_to = get(&truth[0], compacted);
    assert!(compacted_to > 0, "there is room for an earlier revision");
    let lies: [(&str, Lie<'_>); 8] = [
        ("an index that is no number of JavaScript", &|c| {
            set(&mut c[0], index, 1 << 53)
        }),
        ("a term that is none", &|c| set(&mut c[0], term, u64::MAX)),
        ("a revision that is none", &|c| set(&mut c[0], revision, u64::MAX)),
        ("compacted above its revision", &|c| set(&mut c[0], compacted, above)),
        ("compacted at the end of numbers", &|c| {
            set(&mut c[0], compacted, u64::MAX)
        }),
        ("a state that no memory holds", &|c| set(&mut c[0], state, 1 << 40)),
        ("a change of another revision than its row's", &|c| {
            set(&mut c[0], compacted, compacted_to - 1);
            let revision = get(&c[first_record], 8) - 1;
            set(&mut c[first_record], 8, revision);
            sign_records(&mut c[first_record]);
        }),
        ("a key that is too long", &|c| add_long_key(c)),
    ];
    for (what, tell) in lies {
        let mut chunks = truth.clone();
        tell(&mut chunks);
        let built = PreparedStore::build(target.path(), &mut stream_of(&chunks).as_slice());
        assert!(built.is_err(), "{what}");
    }
    let more = [stream_of(&truth), vec![0]].concat();
    assert!(
        PreparedStore::build(target.path(), &mut more.as_slice()).is_err(),
        "bytes after the end"
    );
    assert!(PreparedStore::build(target.path(), &mut stream_of(&truth).as_slice()).is_ok());
}

#[test]
fn a_lie_is_refused_or_harmless() {
    let cases = std::env::var("RAFTERDB_FUZZ_CASES").map_or(200, |cases| cases.parse().unwrap());
    let stream = true_stream();
    let truth = chunks_of(&stream);
    assert_eq!(stream_of(&truth), stream, "the test tells the truth when it means to");

    let target = tempfile::tempdir().unwrap();
    drop(LsmEngine::open(target.path(), EngineOptions::default()).unwrap());
    let entries = || std::fs::read_dir(target.path()).unwrap().count();
    let before = entries();
    let (mut refused, mut accepted) = (0, 0);
    for seed in 0..cases {
        let mut rng = Rng::new(seed);
        let mut chunks = truth.clone();
        for _ in 0..=rng.below(2) {
            if !chunks.is_empty() {
                tell_a_lie(&mut chunks, &mut rng);
            }
        }
        let stream = stream_of(&chunks);
        let built = catch_unwind(AssertUnwindSafe(|| {
            match PreparedStore::build(target.path(), &mut stream.as_slice()) {
                Ok(prepared) => {
                    use_it(&prepared);
                    true
                }
                Err(_) => false,
            }
        }));
        let built = built.unwrap_or_else(|_| panic!("seed {seed} makes it panic"));
        *if built { &mut accepted } else { &mut refused } += 1;
        assert_eq!(entries(), before, "seed {seed} leaves files behind");
    }
    println!("{refused} refused, {accepted} accepted");
    assert!(refused > cases / 2, "{refused} of {cases} refused");
    assert!(PreparedStore::build(target.path(), &mut stream_of(&truth).as_slice()).is_ok());
}

/// Lends a store, whatever is asked for.
struct Lender(LsmEngine, Model);

impl BaseStore for Lender {
    fn view(&mut self, _base: u64) -> Result<Snapshot, StoreError> {
        self.0.snapshot(self.1.mark(), self.1.state())
    }

    fn look_after(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn a_lie_in_an_increment_is_refused_or_harmless() {
    let cases = std::env::var("RAFTERDB_FUZZ_CASES").map_or(200, |cases| cases.parse().unwrap());
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [leader, own] = [0, 1].map(|at| {
        LsmEngine::open(directories[at].path(), EngineOptions::default())
            .unwrap()
            .0
    });
    let (mut model, mut rng) = (Model::default(), Rng::new(78));
    let mut base = Model::default();
    while model.revision < 500 {
        if model.revision < 250 {
            base = model.clone();
        }
        let operation = random_operation(&model, &mut rng, 100);
        if matches!(operation, engine_model::Operation::Compact(to) if to > 200) {
            continue;
        }
        apply(&mut model, &leader, operation);
    }
    engine_model::replay(&base, &own, 0);
    let mut stream = Vec::new();
    let snapshot = leader.snapshot(model.mark(), model.state()).unwrap();
    snapshot.write_above(base.revision, &mut stream).unwrap();
    let truth = chunks_of(&stream);

    let target = tempfile::tempdir().unwrap();
    drop(LsmEngine::open(target.path(), EngineOptions::default()).unwrap());
    let mut lender = Lender(own, base);
    let mut build = |chunks: &[Chunk]| {
        let stream = stream_of(chunks);
        PreparedStore::build_on(target.path(), &mut stream.as_slice(), &mut lender)
    };
    let (mut refused, mut accepted) = (0, 0);
    for seed in 0..cases {
        let (mut rng, mut chunks) = (Rng::new(seed), truth.clone());
        tell_a_lie(&mut chunks, &mut rng);
        let built = catch_unwind(AssertUnwindSafe(|| {
            build(&chunks).map(|prepared| use_it(&prepared)).is_ok()
        }));
        let built = built.unwrap_or_else(|_| panic!("seed {seed} makes it panic"));
        *if built { &mut accepted } else { &mut refused } += 1;
    }
    println!("{refused} refused, {accepted} accepted");
    assert!(refused > cases / 2, "{refused} of {cases} refused");
    let at = truth.iter().rposition(|chunk| chunk.kind == 5).unwrap();
    let mut other_hash = truth.clone();
    let hash = get(&other_hash[at], 16) ^ 1;
    set(&mut other_hash[at], 16, hash);
    assert!(build(&other_hash).is_err(), "a hash that is another");
    let mut above = truth.clone();
    let base = get(&above[0], 48) - 1;
    set(&mut above[0], 48, base);
    assert!(build(&above).is_err(), "a base below what it goes on from");
    assert!(build(&truth).is_ok());
}
