//! Goal: an increment and the store that it goes on from make the very store that all of the snapshot would have made, byte for byte, whatever
//! each of the two members flushed, compacted and forgot when. A store that is not what it says is noticed.
//! ENGINE_SEED: repeats one history.

// A failure in a helper is the test's.
#![allow(clippy::unwrap_used)]

mod engine_model;

use std::path::Path;

use engine_model::stream::{chunks_of, Lent};
use engine_model::{apply, compare, random_operation, Model, Operation, Rng};
use rafterdb_codec::Code;
use rafterdb_store::{install_snapshot, Engine, EngineOptions, LsmEngine, Mark, PreparedStore, Snapshot, StoreError};

const SEEDS: u64 = 16;

/// A store, where it is, and what it should have.
struct Member {
    directory: tempfile::TempDir,
    engine: LsmEngine,
    model: Model,
}

impl Member {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (engine, _) = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap();
        let model = Model::default();
        Self {
            directory,
            engine,
            model,
        }
    }

    fn apply(&mut self, operation: &Operation, rng: &mut Rng) {
        apply(&mut self.model, &self.engine, operation.clone());
        // Each when it likes.
        if rng.chance(40) {
            self.engine.rotate(self.model.mark(), self.model.state()).unwrap();
        }
    }

    fn snapshot(&self) -> Snapshot {
        self.engine.snapshot(self.model.mark(), self.model.state()).unwrap()
    }

    fn reopen(&mut self) {
        let last = (self.model.mark(), self.model.state());
        self.engine.close(Some(last)).unwrap();
        self.engine = LsmEngine::open(self.directory.path(), EngineOptions::default())
            .unwrap()
            .0;
    }

    /// Has been sent all by another one: what was compacted is gone, and forgotten.
    fn renew(&mut self) {
        let directory = tempfile::tempdir().unwrap();
        install_snapshot(directory.path(), &mut self.full().as_slice()).unwrap();
        self.engine = LsmEngine::open(directory.path(), EngineOptions::default()).unwrap().0;
        self.directory = directory;
    }

    fn full(&self) -> Vec<u8> {
        let mut stream = Vec::new();
        self.snapshot().write(&mut stream).unwrap();
        stream
    }

    fn above(&self, base: u64) -> Vec<u8> {
        let mut stream = Vec::new();
        self.snapshot().write_above(base, &mut stream).unwrap();
        stream
    }
}

fn build_on(directory: &Path, stream: &[u8], view: Snapshot) -> Result<PreparedStore, StoreError> {
    let mut stream = stream;
    PreparedStore::build_on(directory, &mut stream, &mut Lent(Some(view)))
}

/// All that chunks of a kind hold.
fn bytes_of(stream: &[u8], kind: u32) -> Vec<u8> {
    let chunks = chunks_of(stream).into_iter();
    chunks
        .filter(|chunk| chunk.kind == kind)
        .flat_map(|chunk| chunk.raw)
        .collect()
}

/// What a store that was just made would send.
fn sent_on(engine: &LsmEngine, (mark, state): (Mark, Vec<u8>)) -> Vec<u8> {
    let mut stream = Vec::new();
    engine.snapshot(mark, state).unwrap().write(&mut stream).unwrap();
    stream
}

/// The operation of an honest history, without a compaction above `to`: an increment goes on from what is compacted at most.
fn next_operation(model: &Model, rng: &mut Rng, keys: u64, to: u64) -> Operation {
    loop {
        match random_operation(model, rng, keys) {
            Operation::Compact(revision) if revision > to => {}
            operation => return operation,
        }
    }
}

/// A leader, and a follower that is behind it.
fn behind(rng: &mut Rng) -> (Member, Member) {
    let (mut leader, mut follower) = (Member::new(), Member::new());
    let keys = 5 + rng.below(200);
    for _ in 0..100 + rng.below(900) {
        let operation = random_operation(&leader.model, rng, keys);
        leader.apply(&operation, rng);
        follower.apply(&operation, rng);
        if rng.chance(300) {
            follower.reopen();
        }
    }
    let base = follower.model.revision;
    for _ in 0..rng.below(600) {
        let operation = next_operation(&leader.model, rng, keys, base);
        leader.apply(&operation, rng);
        if rng.chance(200) {
            leader.renew();
        }
    }
    (leader, follower)
}

fn run(seed: u64) -> (usize, usize) {
    println!("ENGINE_SEED={seed}");
    let mut rng = Rng::new(seed);
    let (leader, mut follower) = behind(&mut rng);
    let base = follower.model.revision;
    assert!(leader.snapshot().goes_on_from(base));
    // It may have applied more meanwhile.
    let from = follower.model.log.len();
    for operation in leader.model.log[from..].iter().take(rng.below(50) as usize) {
        follower.apply(operation, &mut rng);
    }
    let (full, above) = (leader.full(), leader.above(base));
    let prepared = build_on(follower.directory.path(), &above, follower.snapshot()).unwrap();
    let (engine, marked) = prepared.open(EngineOptions::default()).unwrap();
    assert_eq!(marked, Some((leader.model.mark(), leader.model.state())));
    let whole = tempfile::tempdir().unwrap();
    install_snapshot(whole.path(), &mut full.as_slice()).unwrap();
    let (other, marked) = LsmEngine::open(whole.path(), EngineOptions::default()).unwrap();
    let marked = marked.unwrap();
    let of_both = sent_on(&engine, marked.clone());
    let of_all = sent_on(&other, marked);
    // Not which deleted ranges are remembered: each store forgets those whose rows it has lost, when it has. What they hide is
    // compared below.
    for (name, kind) in [("state", 2), ("history", 3), ("rows", 4), ("end", 5)] {
        let [made, all, sent] = [&of_both, &of_all, &full].map(|stream| bytes_of(stream, kind));
        assert!(made == all, "{name} of one that was sent all");
        assert!(made == sent, "{name} of the leader");
    }
    compare(&leader.model, &engine, &mut rng, 10);
    (above.len(), full.len())
}

#[test]
fn an_increment_and_its_base_make_what_all_of_it_makes() {
    if let Ok(seed) = std::env::var("ENGINE_SEED") {
        run(seed.parse().unwrap());
        return;
    }
    let sizes: Vec<(usize, usize)> = (1..=SEEDS).map(run).collect();
    let (above, full) = sizes.iter().fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
    println!("{above} bytes instead of {full}");
    assert!(above < full);
}

#[test]
fn a_base_that_is_not_what_it_says_is_noticed() {
    for seed in 1..=10 {
        println!("seed {seed}");
        let mut rng = Rng::new(seed);
        let (leader, follower) = behind(&mut rng);
        let base = follower.model.revision;
        let (above, mark) = (leader.above(base), follower.model.mark());
        let path = follower.directory.path();
        let mut lying = Member::new();
        let mut operations = follower.model.log.clone();
        let is_put = |one: &Operation| matches!(one, Operation::Change(changes) if changes.iter().any(|(_, value)| value.is_some()));
        let put = operations.iter().rposition(is_put).unwrap();
        let Operation::Change(changes) = &mut operations[put] else {
            unreachable!("a put is a change")
        };
        // As many changes of the same keys: nothing but the value tells it.
        let value = changes.iter_mut().find_map(|(_, value)| value.as_mut()).unwrap();
        value.push(b'!');
        for operation in &operations {
            lying.apply(operation, &mut rng);
        }
        let error = build_on(path, &above, lying.snapshot()).unwrap_err();
        assert_eq!(error.code, Code::StoreCorrupt, "a row: {error}");

        let mut short = Member::new();
        for operation in &follower.model.log[..put] {
            short.apply(operation, &mut rng);
        }
        let error = build_on(path, &above, short.snapshot()).unwrap_err();
        assert_eq!(error.code, Code::StoreCorrupt, "a revision that it has not: {error}");
        let pretends = short.engine.snapshot(mark, Vec::new()).unwrap();
        let error = build_on(path, &above, pretends).unwrap_err();
        assert_eq!(error.code, Code::StoreCorrupt, "one that it says it has: {error}");

        let alone = PreparedStore::build(path, &mut above.as_slice()).unwrap_err();
        assert_eq!(alone.code, Code::StoreCorrupt, "no base at all: {alone}");
        build_on(path, &above, follower.snapshot()).unwrap();
    }
}

#[test]
fn nothing_goes_on_from_before_what_is_compacted_or_after_the_end() {
    let mut rng = Rng::new(3);
    let mut leader = Member::new();
    for _ in 0..50 {
        let operation = next_operation(&leader.model, &mut rng, 20, 0);
        leader.apply(&operation, &mut rng);
    }
    leader.apply(&Operation::Compact(10), &mut rng);
    let view = leader.snapshot();
    let bases = [0, 9, 10, leader.model.revision, leader.model.revision + 1];
    assert_eq!(
        bases.map(|base| view.goes_on_from(base)),
        [false, false, true, true, false]
    );
    assert!(!view.bare(Vec::new()).goes_on_from(20), "a witness is sent no rows");
}
