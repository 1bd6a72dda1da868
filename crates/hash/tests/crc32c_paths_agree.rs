//! Goal: every path gives what the definition does, at every length and alignment, and reads no byte before or behind its input.

#[allow(dead_code, reason = "each test uses a part of it")]
mod crc32c_definition;

#[cfg(unix)]
use crc32c_definition::Guarded;
use crc32c_definition::{by_definition, bytes, paths, Append};
use std::sync::LazyLock;

const LENGTH_MAX: usize = 4096;
/// What came before the bytes: nothing, and something.
const BEFORE: [u32; 2] = [0, 0xdead_beef];

/// One case with the answer of the definition.
struct Case {
    start: usize,
    length: usize,
    answers: [u32; 2],
}

/// The bytes that all cases are cut from, and the cases.
static CASES: LazyLock<(Vec<u8>, Vec<Case>)> = LazyLock::new(|| {
    let all = bytes((1 << 20) + 64);
    let around = [256usize, 512, 777, 1024, 2048, 3000, 4096]
        .into_iter()
        .flat_map(|n| n - 9..=n + 9);
    let some: Vec<usize> = (0..=200).chain(around).collect();
    let every = (0..=LENGTH_MAX).map(|length| (0, length));
    let aligned = (1..64).flat_map(|start| some.iter().map(move |length| (start, *length)));
    let large = [0, 1, 8, 31, 63].map(|start| (start, 1 << 20));
    let cases = every.chain(aligned).chain(large).map(|(start, length)| Case {
        start,
        length,
        answers: BEFORE.map(|before| by_definition(before, &all[start..start + length])),
    });
    let cases = cases.collect();
    (all, cases)
});

/// The first case in which `append` differs from the definition.
fn first_difference(append: &Append) -> Option<String> {
    let (all, cases) = &*CASES;
    // So that offsets are distances from a cache line.
    let mut room = vec![0; all.len() + 64];
    let line = room.as_ptr().align_offset(64);
    room[line..][..all.len()].copy_from_slice(all);
    for Case { start, length, answers } in cases {
        let part = &room[line + start..][..*length];
        for (before, answer) in BEFORE.into_iter().zip(answers) {
            let found = append(before, part);
            if found != *answer {
                return Some(format!(
                    "{length} bytes at {start} after {before:x}: {found:x}, not {answer:x}"
                ));
            }
        }
    }
    None
}

#[test]
fn every_path_agrees_with_the_definition() {
    for (path, append) in paths() {
        assert_eq!(first_difference(&append), None, "{path}");
    }
}

#[test]
fn a_broken_path_is_caught() {
    let broken: [(&str, Append); 4] = [
        ("forgets what came before", Box::new(|_, bytes| by_table(0, bytes))),
        (
            "forgets the last byte of one length",
            Box::new(|crc, bytes| match bytes.len() {
                1999 => by_table(crc, &bytes[..1998]),
                _ => by_table(crc, bytes),
            }),
        ),
        (
            "forgets the first byte at one alignment",
            Box::new(|crc, bytes| match bytes.as_ptr() as usize % 64 {
                63 => by_table(crc, bytes.get(1..).unwrap_or_default()),
                _ => by_table(crc, bytes),
            }),
        ),
        (
            "flips a bit of long inputs",
            Box::new(|crc, bytes| by_table(crc, bytes) ^ u32::from(bytes.len() > 1 << 19)),
        ),
    ];
    for (what, append) in &broken {
        assert!(first_difference(append).is_some(), "{what}");
    }
    let whole: Append = Box::new(by_table);
    assert_eq!(first_difference(&whole), None, "without the damage it is right");
}

/// A kernel of the test's own to break: the definition, a byte a step.
fn by_table(crc: u32, bytes: &[u8]) -> u32 {
    static TABLE: LazyLock<Vec<u32>> =
        LazyLock::new(|| (0..=255u8).map(|byte| !by_definition(u32::MAX, &[byte])).collect());
    let table = TABLE.as_slice();
    let register = bytes.iter().fold(!crc, |register, byte| {
        (register >> 8) ^ table[usize::from(register as u8 ^ byte)]
    });
    !register
}

#[cfg(unix)]
#[test]
fn no_path_reads_outside_its_input() {
    let (all, _) = &*CASES;
    let mut guarded = Guarded::new(2 * LENGTH_MAX);
    let room = guarded.bytes();
    let end = room.len();
    room.copy_from_slice(&all[..end]);
    for (path, append) in paths() {
        for length in 0..=LENGTH_MAX {
            let (first, last) = (&room[..length], &room[end - length..]);
            assert_eq!(
                append(0, first),
                by_table(0, first),
                "{path}: {length} bytes behind a guard"
            );
            assert_eq!(
                append(0, last),
                by_table(0, last),
                "{path}: {length} bytes before a guard"
            );
        }
        assert_eq!(append(0, room), by_table(0, room), "{path}: all");
    }
}
