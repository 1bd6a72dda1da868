//! Random operations over few keys, so that they meet each other; from a seed that is printed.

use rafterdb_store::APART_BYTES_MIN;

use super::semantics::{Bytes, CompareOp, Op, PutOp, RangeOp, Relation, Target, TxnOp};

/// xorshift64*: the same numbers everywhere from one seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    pub fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

pub fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// The seeds of a run: `RAFTERDB_SEED` alone repeats a failure, `RAFTERDB_FUZZ_CASES` says how many otherwise.
pub fn seeds(default_cases: u64) -> std::ops::Range<u64> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let (first, cases) = match from_env("RAFTERDB_SEED", 0) {
        0 => (
            now.as_nanos() as u64 & 0xffff_ffff,
            from_env("RAFTERDB_FUZZ_CASES", default_cases),
        ),
        seed => (seed, 1),
    };
    println!("seeds {first}..{}; repeat one with RAFTERDB_SEED", first + cases);
    first..first + cases
}

pub fn key(random: &mut Random) -> Bytes {
    let length = 1 + random.below(3);
    (0..length)
        .map(|_| *b"ab\xff\0".get(random.below(4) as usize).unwrap())
        .collect()
}

/// (key, end): a single key, a prefix, everything, everything from a key on, or any range.
pub fn selection(random: &mut Random) -> (Bytes, Bytes) {
    let start = key(random);
    match random.below(8) {
        0..=2 => (start, Vec::new()),
        3 | 4 => {
            let kept = start.iter().rposition(|byte| *byte != 0xff).map_or(0, |at| at + 1);
            let mut end = start[..kept].to_vec();
            match end.last_mut() {
                Some(last) => *last += 1,
                None => end = vec![0],
            }
            (start, end)
        }
        5 => (vec![0], vec![0]),
        6 => (start, vec![0]),
        _ => {
            let other = key(random);
            let (low, high) = if start <= other { (start, other) } else { (other, start) };
            (low, if high == [0] { vec![0, 0] } else { high })
        }
    }
}

/// A few bytes, or about as many as a value has that lies apart from its row; of these there are few, so that some are equal.
fn value(random: &mut Random) -> Vec<u8> {
    if random.one_in(8) {
        let byte = random.below(2) as u8;
        return vec![byte; APART_BYTES_MIN - 1 + random.below(3) as usize];
    }
    let length = random.below(12);
    (0..length).map(|_| random.next() as u8).collect()
}

fn put(random: &mut Random) -> PutOp {
    let ignore_value = random.one_in(8);
    let ignore_lease = random.one_in(8);
    PutOp {
        key: key(random),
        value: if ignore_value { Vec::new() } else { value(random) },
        lease: if ignore_lease || !random.one_in(4) {
            0
        } else {
            1 + random.below(3)
        },
        previous: random.one_in(3),
        ignore_value,
        ignore_lease,
    }
}

pub fn range(random: &mut Random, revision: u64) -> RangeOp {
    let (key, end) = selection(random);
    let revision = match random.below(4) {
        0 => revision.saturating_sub(random.below(30)),
        1 if random.one_in(10) => revision + 2,
        _ => 0,
    };
    RangeOp {
        key,
        end,
        limit: if random.one_in(2) { 0 } else { random.below(6) },
        revision,
        keys_only: random.one_in(4),
        count_only: random.one_in(8),
        reverse: random.one_in(3),
    }
}

fn compare(random: &mut Random, revision: u64) -> CompareOp {
    let (key, end) = if random.one_in(2) {
        (key(random), Vec::new())
    } else {
        selection(random)
    };
    let relation = [Relation::Equal, Relation::Greater, Relation::Less, Relation::NotEqual][random.below(4) as usize];
    let target = match random.below(5) {
        0 => Target::Version(random.below(4)),
        1 => Target::Create(revision.saturating_sub(random.below(20))),
        2 => Target::Modified(revision.saturating_sub(random.below(20))),
        3 => Target::Lease(random.below(3)),
        _ => Target::Value(value(random)),
    };
    CompareOp {
        key,
        end,
        relation,
        target,
    }
}

fn txn(random: &mut Random, revision: u64, depth: u32) -> TxnOp {
    let count = random.below(3);
    let compares = (0..count).map(|_| compare(random, revision)).collect();
    let branch = |random: &mut Random| {
        let count = random.below(4);
        (0..count).map(|_| branch_op(random, revision, depth)).collect()
    };
    TxnOp {
        compares,
        then: branch(random),
        otherwise: branch(random),
    }
}

fn branch_op(random: &mut Random, revision: u64, depth: u32) -> Op {
    match random.below(10) {
        0..=3 => Op::Put(put(random)),
        4 | 5 => {
            let (key, end) = if random.one_in(2) {
                (key(random), Vec::new())
            } else {
                selection(random)
            };
            Op::Delete {
                key,
                end,
                previous: random.one_in(2),
            }
        }
        6 | 7 => Op::Range(range(random, revision)),
        _ if depth > 0 => Op::Txn(txn(random, revision, depth - 1)),
        _ => Op::Range(range(random, revision)),
    }
}

/// An operation of a batch.
pub fn op(random: &mut Random, revision: u64) -> Op {
    match random.below(20) {
        0..=10 => Op::Put(put(random)),
        11..=13 => {
            let (key, end) = if random.one_in(2) {
                (key(random), Vec::new())
            } else {
                selection(random)
            };
            Op::Delete {
                key,
                end,
                previous: random.one_in(2),
            }
        }
        14 if random.one_in(2) => Op::Compact((revision + 1).saturating_sub(random.below(20))),
        15 if random.one_in(3) => Op::Raise(raised(random, revision)),
        _ => Op::Txn(txn(random, revision, 2)),
    }
}

/// Mostly a few revisions on, so that reads and compactions meet the gap; or far on, further than allowed, or not at all.
fn raised(random: &mut Random, revision: u64) -> u64 {
    match random.below(12) {
        0 => revision.saturating_sub(random.below(5)),
        1 => revision + (random.next() >> 24),
        2 => (1 << 52) + 1,
        _ => revision + random.below(25),
    }
}

/// The operations of one batch; half of the batches are plain puts.
pub fn ops(random: &mut Random, revision: u64) -> Vec<Op> {
    let is_plain = random.one_in(2);
    let count = random.below(5);
    let mut ops = Vec::new();
    for _ in 0..count {
        ops.push(if is_plain {
            Op::Put(PutOp {
                key: key(random),
                value: vec![random.next() as u8; 3],
                ..PutOp::default()
            })
        } else {
            op(random, revision)
        });
    }
    ops
}
