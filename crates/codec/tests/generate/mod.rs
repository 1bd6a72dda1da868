//! Random batches for the codec's tests, from a seed that is printed. Knows only the encoders.
#![allow(dead_code)] // Each test file uses a part of it.

use rafterdb_codec::*;

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
}

pub fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

pub fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    from_env("RAFTERDB_SEED", now.map_or(1, |now| now.as_nanos() as u64))
}

fn random_bytes(random: &mut Random, below: u64) -> Vec<u8> {
    (0..random.below(below)).map(|_| random.next() as u8).collect()
}

pub fn random_batch(random: &mut Random) -> Vec<u8> {
    let count = random.below(5) as u32;
    let mut out = Vec::new();
    BatchHeader {
        session: random.below(3),
        sequence: 1 + random.below(9),
        acked: 1,
        flags: 0,
        count,
    }
    .encode(&mut out);
    for _ in 0..count {
        random_operation(random, &mut out, 3);
    }
    out
}

pub fn random_operation(random: &mut Random, out: &mut Vec<u8>, depth: u32) {
    let (key, end, value) = (
        random_bytes(random, 20),
        random_bytes(random, 20),
        random_bytes(random, 40),
    );
    match random.below(if depth == 0 { 4 } else { 5 }) {
        0 => Put {
            flags: random.below(8) as u8,
            lease: random.below(2),
            key: &key,
            value: &value,
        }
        .encode(out),
        1 => DeleteRange {
            flags: random.below(2) as u8,
            key: &key,
            end: &end,
        }
        .encode(out),
        2 => encode_compact(out, random.next()),
        3 => {
            let (limit, revision) = (random.below(9), random.below(9));
            Range {
                flags: random.below(16) as u8,
                limit,
                revision,
                key: &key,
                end: &end,
            }
            .encode(out);
        }
        _ => random_txn(random, out, depth - 1),
    }
}

fn random_txn(random: &mut Random, out: &mut Vec<u8>, depth: u32) {
    let mut parts: [(u16, Vec<u8>); 3] = Default::default();
    for (index, (count, bytes)) in parts.iter_mut().enumerate() {
        *count = random.below(4) as u16;
        for _ in 0..*count {
            if index == 0 {
                random_compare(random, bytes);
            } else {
                random_operation(random, bytes, depth);
            }
        }
    }
    let [compares, then, otherwise] = parts.each_ref().map(|(count, bytes)| TxnPart { count: *count, bytes });
    encode_txn(out, compares, then, otherwise);
}

fn random_compare(random: &mut Random, out: &mut Vec<u8>) {
    let (key, end, value) = (
        random_bytes(random, 20),
        random_bytes(random, 4),
        random_bytes(random, 9),
    );
    let number = random.next();
    let operand = match random.below(5) {
        0 => Operand::Version(number),
        1 => Operand::Create(number),
        2 => Operand::Modified(number),
        3 => Operand::Lease(number),
        _ => Operand::Value(&value),
    };
    Compare {
        result: random.below(4) as u8,
        operand,
        key: &key,
        end: &end,
    }
    .encode(out);
}
