//! The work of one entry is bounded whatever it asks for: counted in steps, not in time, over the worst requests that pass the
//! gate. What is too much is refused before anything is done, left out with a flag, or counted later.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use model::engine::{Disk, ModelEngine};
use model::harness::{Harness, TestEngine};
use model::semantics::{CompareOp, Op, Outcome, PutOp, RangeOp, Relation, Target, TxnOp};
use model::wire::{decode_write, encode_batch};
use rafterdb_codec::limits::{BATCH_OPERATIONS_MAX, BATCH_RANGES_MAX};
use rafterdb_codec::{validate_batch, BatchHeader, Code, Limits};
use rafterdb_store::{Bounds, Change, ChangePlace, Engine, KeyRange, LsmEngine, Mark, RowRef, StoreError, Visit};

/// Half microseconds, roughly: what an entry may take is 10 ms.
const STEPS_MAX: u64 = 20_000;
/// Of looking a key up, of writing one, of finding where a range begins, of a row of it.
const LATEST: u64 = 1;
const WRITE: u64 = 1;
const SEEK: u64 = 16;
const ROW: u64 = 2;
const ROW_BYTES: usize = 4096;

/// Counts what it is asked for.
struct Counting {
    engine: ModelEngine,
    steps: AtomicU64,
    /// Rows looked at later, to count them.
    counted: AtomicU64,
}

impl Counting {
    fn step(&self, steps: u64) {
        self.steps.fetch_add(steps, Ordering::Relaxed);
    }
}

impl TestEngine for Counting {
    type Disk = Arc<Disk>;

    fn open(disk: &Self::Disk, rotate_after: u64) -> (Self, Option<(Mark, Vec<u8>)>) {
        let (engine, recovered) = ModelEngine::open(disk, rotate_after);
        let (steps, counted) = (AtomicU64::new(0), AtomicU64::new(0));
        let counting = Self { engine, steps, counted };
        (counting, recovered)
    }

    fn new_disk() -> Self::Disk {
        ModelEngine::new_disk()
    }
}

impl Engine for Counting {
    fn latest(&self, key: &[u8], visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        self.step(LATEST);
        self.engine.latest(key, visit)
    }

    fn value(&self, key: &[u8], row: &RowRef<'_>, read: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        self.engine.value(key, row, read)
    }

    fn get(&self, key: &[u8], at: u64, visit: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        self.step(LATEST);
        self.engine.get(key, at, visit)
    }

    fn replaced(&self, _: &[u8], _: u64, _: u64, _: &mut dyn FnMut(RowRef<'_>)) -> Result<bool, StoreError> {
        unreachable!("an entry does not ask for it")
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        at: u64,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        self.step(SEEK);
        self.engine.scan(range, at, reverse, &mut |key, row| {
            self.step(ROW * (1 + (key.len() + row.value.len()) / ROW_BYTES) as u64);
            visit(key, row)
        })
    }

    fn changes_from(
        &self,
        from: ChangePlace<'_>,
        to: u64,
        visit: &mut dyn FnMut(Change<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        self.engine.changes_from(from, to, visit)
    }

    fn write(&self, key: &[u8], sub: u32, row: RowRef<'_>) -> Result<(), StoreError> {
        self.step(WRITE);
        self.engine.write(key, sub, row)
    }

    fn delete_range(&self, range: KeyRange<'_>, revision: u64, sub: u32) -> Result<(), StoreError> {
        self.step(SEEK);
        self.engine.delete_range(range, revision, sub)
    }

    fn deleted_ranges(&self, revision: u64) -> (usize, usize) {
        self.engine.deleted_ranges(revision)
    }

    fn keep(&self) -> Box<dyn Send> {
        self.engine.keep()
    }

    fn scan_kept(
        &self,
        range: KeyRange<'_>,
        at: u64,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> Visit,
    ) -> Result<(), StoreError> {
        // Not while the entry is applied.
        self.engine.scan_kept(range, at, &mut |key, row| {
            self.counted.fetch_add(1, Ordering::Relaxed);
            visit(key, row)
        })
    }

    fn compact(&self, revision: u64) -> Result<(), StoreError> {
        self.engine.compact(revision)
    }

    fn compacted(&self) -> u64 {
        self.engine.compacted()
    }

    fn is_full(&self) -> bool {
        false
    }

    fn rotate(&self, mark: Mark, state: Vec<u8>) -> Result<(), StoreError> {
        self.engine.rotate(mark, state)
    }

    fn persisted(&self) -> Mark {
        self.engine.persisted()
    }
}

const KEYS: u32 = 20_000;

fn key(number: u32) -> Vec<u8> {
    format!("k{number:06}").into_bytes()
}

fn put(number: u32) -> Op {
    Op::Put(PutOp {
        key: key(number),
        value: vec![7; 20],
        previous: true,
        ..PutOp::default()
    })
}

fn delete(first: u32, end: u32) -> Op {
    Op::Delete {
        key: key(first),
        end: key(end),
        previous: true,
    }
}

fn range(first: u32, end: u32) -> Op {
    Op::Range(RangeOp {
        key: key(first),
        end: key(end),
        ..RangeOp::default()
    })
}

fn compare(first: u32, end: u32) -> CompareOp {
    CompareOp {
        key: key(first),
        end: key(end),
        relation: Relation::Greater,
        target: Target::Version(0),
    }
}

fn txn(compares: Vec<CompareOp>, then: Vec<Op>) -> Op {
    Op::Txn(TxnOp {
        compares,
        then,
        otherwise: Vec::new(),
    })
}

fn each(count: usize, op: impl Fn(u32) -> Op) -> Vec<Op> {
    (0..u32::try_from(count).unwrap()).map(op).collect()
}

/// Each of them passes the gate, and is as much of its kind as does.
fn worst() -> Vec<(&'static str, Vec<Op>)> {
    let puts = each(BATCH_OPERATIONS_MAX, put);
    let (ranges, rest) = (BATCH_RANGES_MAX, BATCH_OPERATIONS_MAX - BATCH_RANGES_MAX);
    let and_puts = |mut ops: Vec<Op>| {
        ops.extend(each(rest, |n| put(KEYS - 1 - n)));
        ops
    };
    let one = || {
        Op::Range(RangeOp {
            key: key(1),
            ..RangeOp::default()
        })
    };
    vec![
        ("puts", puts),
        (
            "small deletes, and puts",
            and_puts(each(ranges, |n| delete(8 * n, 8 * n + 8))),
        ),
        (
            "deletes of as many as one by one",
            each(ranges, |n| delete(70 * n, 70 * n + 256)),
        ),
        ("large deletes", and_puts(each(ranges, |n| delete(n, KEYS)))),
        ("one large delete", vec![delete(0, KEYS)]),
        ("compares of all", each(ranges, |_| txn(vec![compare(0, KEYS)], vec![]))),
        (
            "compares of as many as may be, puts and reads",
            vec![txn(
                vec![compare(0, 3_900)],
                [each(120, put), each(8, |_| range(5_000, KEYS))].concat(),
            )],
        ),
        (
            "a transaction of ranges",
            vec![txn(vec![compare(0, 10); 64], each(64, |_| range(0, KEYS)))],
        ),
        (
            "large values",
            each(ranges, |n| {
                txn(
                    vec![],
                    vec![delete(KEYS + 10 * n, KEYS + 10 * n + 10), range(KEYS, KEYS + 99)],
                )
            })[..64]
                .to_vec(),
        ),
        (
            "compared large values",
            vec![txn(vec![compare(KEYS, 2 * KEYS)], vec![])],
        ),
        (
            "compares and reads of one key",
            each(4, |_| {
                txn(
                    vec![
                        CompareOp {
                            end: vec![],
                            ..compare(1, 1)
                        };
                        60
                    ],
                    each(60, |_| one()),
                )
            }),
        ),
    ]
}

fn filled(bounds: Bounds) -> Harness<Counting> {
    let mut harness = Harness::bounded(u64::MAX, bounds);
    for first in (0..KEYS).step_by(1000) {
        let ops: Vec<Op> = (first..first + 1000).map(put).collect();
        harness.apply(encode_batch(BatchHeader::default(), &ops));
    }
    let large = |number| {
        Op::Put(PutOp {
            key: key(KEYS + number),
            value: vec![1; 100_000],
            ..PutOp::default()
        })
    };
    harness.apply(encode_batch(BatchHeader::default(), &each(100, large)));
    harness
}

/// The requests that take more than they may.
fn too_long(bounds: Bounds) -> Vec<(&'static str, u64)> {
    let taken = worst().into_iter().map(|(name, ops)| {
        let mut harness = filled(bounds);
        let body = encode_batch(BatchHeader::default(), &ops);
        validate_batch(&body, &Limits::default()).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        let before = harness_steps(&harness);
        harness.apply(body);
        (name, harness_steps(&harness) - before)
    });
    let taken: Vec<_> = taken.collect();
    println!("{taken:?}");
    taken.into_iter().filter(|(_, steps)| *steps > STEPS_MAX).collect()
}

fn harness_steps(harness: &Harness<Counting>) -> u64 {
    harness.machine().engine().steps.load(Ordering::Relaxed)
}

#[test]
fn the_work_of_one_entry_is_bounded_whatever_it_asks_for() {
    assert_eq!(too_long(Bounds::default()), []);
}

#[test]
fn canary_work_without_a_bound_is_noticed() {
    let boundless = Bounds {
        steps_max: 1 << 40,
        compare_steps_max: 1 << 40,
        count_steps_max: 1 << 40,
        delete_steps_max: 1 << 30,
        ..Bounds::default()
    };
    let names: Vec<_> = too_long(boundless).into_iter().map(|(name, _)| name).collect();
    assert!(names.len() >= 6, "{names:?}");
}

/// A machine with room for few range tombstones, over keys of which a delete takes more than two as a whole.
fn with_few_ranges() -> Harness<LsmEngine> {
    let bounds = Bounds {
        delete_steps_max: 128,
        ranges_max: 4,
        ..Bounds::default()
    };
    let mut harness = Harness::bounded(1_000_000, bounds);
    for first in (0..4000).step_by(1000) {
        let ops: Vec<Op> = (first..first + 1000).map(put).collect();
        harness.apply(encode_batch(BatchHeader::default(), &ops));
    }
    harness
}

fn apply(harness: &mut Harness<LsmEngine>, op: Op) -> Outcome {
    let (applied, results) = harness.apply(encode_batch(BatchHeader::default(), &[op]));
    decode_write(applied.flags, &results).pop().unwrap()
}

fn count(harness: &mut Harness<LsmEngine>) -> u64 {
    match apply(harness, txn(vec![], vec![range(0, KEYS)])) {
        Outcome::Txn { results, .. } => match &results[..] {
            [Outcome::Range { count, .. }] => *count,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_large_delete_is_refused_while_too_many_are_kept_and_small_ones_are_not() {
    let mut harness = with_few_ranges();
    let quiet = |first, end| Op::Delete {
        key: key(first),
        end: key(end),
        previous: false,
    };
    for n in 0..4 {
        assert!(matches!(
            apply(&mut harness, quiet(200 * n, 200 * n + 200)),
            Outcome::Delete { deleted: 200, .. }
        ));
    }
    let refused = Outcome::Error(Code::TooManyOperations);
    assert_eq!(apply(&mut harness, quiet(1000, 1200)), refused);
    // Half of them go with the compaction that the member asks for.
    harness.machine().publish().unwrap();
    let crowded = harness.machine().crowded_revision();
    let engine = harness.machine().engine();
    assert_eq!((engine.deleted_ranges(0).0, engine.deleted_ranges(crowded).0), (4, 2));
    assert!(matches!(
        apply(&mut harness, quiet(1000, 1100)),
        Outcome::Delete { deleted: 100, .. }
    ));
    // A transaction does all of it or nothing: what comes before the large delete is not done either.
    let all_or_nothing = txn(vec![], vec![put(1), quiet(1100, 1102), quiet(2000, 2200)]);
    assert_eq!(apply(&mut harness, all_or_nothing), refused);
    assert_eq!(count(&mut harness), 3100);
    let small = txn(vec![], vec![put(1), quiet(1100, 1101), quiet(2000, 2001)]);
    assert!(matches!(apply(&mut harness, small), Outcome::Txn { .. }));
    assert_eq!(count(&mut harness), 3099);
    // Once they are compacted there is room again; a restart decides the same.
    harness.crash();
    let revision = harness.machine().status().mark.revision;
    assert!(matches!(
        apply(&mut harness, Op::Compact(revision)),
        Outcome::Compact { .. }
    ));
    harness.machine().publish().unwrap();
    assert_eq!(harness.machine().crowded_revision(), 0);
    assert!(matches!(
        apply(&mut harness, quiet(2000, 2200)),
        Outcome::Delete { deleted: 199, .. }
    ));
    let more = txn(
        vec![],
        vec![
            quiet(2200, 2400),
            quiet(2400, 2600),
            quiet(2600, 2800),
            quiet(2800, 2802),
        ],
    );
    assert_eq!(
        apply(&mut harness, more),
        refused,
        "there might be no room for all four"
    );
    harness.crash();
}

#[test]
fn what_a_transaction_reads_beyond_its_steps_is_left_out_and_counted_later() {
    let mut harness = Harness::<ModelEngine>::bounded(
        1000,
        Bounds {
            steps_max: 100,
            ..Bounds::default()
        },
    );
    harness.apply(encode_batch(BatchHeader::default(), &each(500, put)));
    // 1 + 3 operations and two ranges take 20 steps.
    let ops = vec![
        range(0, 30),
        Op::Range(RangeOp {
            key: key(2),
            ..RangeOp::default()
        }),
        range(0, 400),
    ];
    let (applied, results) = harness.apply(encode_batch(BatchHeader::default(), &[txn(vec![], ops)]));
    let outcomes = decode_write(applied.flags, &results);
    let [Outcome::Txn { results, .. }] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    let shape = |outcome: &Outcome| match outcome {
        Outcome::Range { pairs, count, more, .. } => (pairs.len(), *count, *more),
        other => panic!("{other:?}"),
    };
    let shapes: Vec<_> = results.iter().map(shape).collect();
    assert_eq!(
        (shapes, harness.filled_in),
        (vec![(30, 30, false), (1, 1, false), (50, 400, true)], 1)
    );
    // Long values take more of them.
    let long = Op::Put(PutOp {
        key: key(3),
        value: vec![0; 400_000],
        ..PutOp::default()
    });
    harness.apply(encode_batch(BatchHeader::default(), &[long]));
    let (_, results) = harness.apply(encode_batch(BatchHeader::default(), &[txn(vec![], vec![range(0, 30)])]));
    let [Outcome::Txn { results, .. }] = &decode_write(0, &results)[..] else {
        panic!("a transaction");
    };
    assert_eq!(shape(&results[0]), (3, 30, true));
    // What is read at an earlier revision does not take from what decides writes.
    let (old, all) = (Bounds::default().old_pairs_max, compare(4, 64));
    let earlier = Op::Range(RangeOp {
        key: key(0),
        end: key(KEYS),
        revision: 501,
        ..RangeOp::default()
    });
    let ops = encode_batch(
        BatchHeader::default(),
        &[txn(vec![], vec![earlier]), txn(vec![all], vec![])],
    );
    let (_, results) = harness.apply(ops);
    let [Outcome::Txn { results, .. }, Outcome::Txn { succeeded: true, .. }] = &decode_write(0, &results)[..] else {
        panic!("two transactions");
    };
    assert_eq!(shape(&results[0]), (old as usize, 500, true));
}

#[test]
fn deletes_over_the_same_keys_are_counted_with_one_look_at_each() {
    let mut harness = filled(Bounds::default());
    let deletes = each(120, |n| delete(KEYS - 1000 - 100 * n, KEYS - 10 * n));
    let (_, results) = harness.apply(encode_batch(BatchHeader::default(), &[txn(vec![], deletes)]));
    let [Outcome::Txn { results, .. }] = &decode_write(0, &results)[..] else {
        panic!("a transaction");
    };
    let counts = results.iter().map(|outcome| match outcome {
        Outcome::Delete { deleted, .. } => *deleted,
        other => panic!("{other:?}"),
    });
    let expected: Vec<u64> = (0..120).map(|n| if n == 0 { 1000 } else { 100 }).collect();
    assert_eq!(counts.collect::<Vec<_>>(), expected);
    let counted = harness.machine().engine().counted.load(Ordering::Relaxed);
    assert!(counted < 20_000, "{counted} looks at 12,900 keys");
}
