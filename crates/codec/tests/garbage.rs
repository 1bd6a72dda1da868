//! Whatever bytes come in, no parser panics, and none claims more than the input holds.
//! `RAFTERDB_FUZZ_CASES` sets the number of inputs (default 10,000), `RAFTERDB_SEED` repeats a failure.

mod generate;

use std::panic::{catch_unwind, AssertUnwindSafe};

use generate::{random_batch, Random};
use rafterdb_codec::*;

/// Runs every parser over the input, to its end.
fn parse_everything(input: &[u8]) {
    let _ = count_entries(input);
    let _ = skip_entries(input, 3);
    let _ = split_entries(input, 100).map(|(bytes, _)| assert!(bytes <= input.len()));
    let _ = validate_batch(input, &Limits::default());
    if let Ok(batch) = Batch::parse(input) {
        batch.operations().for_each(drop);
    }
    let _ = ReadRequest::parse(input).map(|read| read.ranges().for_each(drop));
    let _ = WatchRequest::parse(input);
    let _ = (
        parse_watch_credit(input),
        parse_number(input),
        parse_error(input),
        parse_plain(input),
    );
    Requests::new(input).for_each(drop);
    Responses::new(input).for_each(drop);
    walk_results(OperationResults::new(input), 0);
    let _ = WatchEvents::parse(input).map(|events| events.for_each(drop));
    let _ = Hello::parse(input);
    if let Some(header) = input.first_chunk() {
        let _ = FrameHeader::parse(header);
    }
    for record in PeerRecords::new(input) {
        if let Ok(PeerRecord::Raft(raft)) = record {
            let _ = raft.entries();
        }
    }
}

fn walk_results(results: OperationResults<'_>, depth: usize) {
    for result in results.flatten() {
        let _ = (result.previous(), result.error());
        let _ = result.counted_pairs().map(|counted| counted.pairs.for_each(drop));
        if depth < 8 {
            let _ = result.nested().map(|nested| walk_results(nested, depth + 1));
        }
    }
}

/// The first input that makes `parse` panic.
fn first_panic(seed: u64, cases: u64, parse: fn(&[u8])) -> Option<(u64, Vec<u8>)> {
    let mut random = Random::new(seed);
    (0..cases).find_map(|case| {
        let input = random_input(&mut random);
        let panicked = catch_unwind(AssertUnwindSafe(|| parse(&input))).is_err();
        panicked.then_some((case, input))
    })
}

/// Half of the inputs are noise with small numbers, half are valid batches with a few bytes changed or cut off.
fn random_input(random: &mut Random) -> Vec<u8> {
    if random.below(2) == 0 {
        let length = random.below(200) as usize;
        return (0..length)
            .map(|_| {
                if random.below(3) == 0 {
                    0
                } else {
                    (random.next() as u8) & 0x3f
                }
            })
            .collect();
    }
    let mut bytes = random_batch(random);
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] = if random.below(2) == 0 {
            random.next() as u8
        } else {
            bytes[at].wrapping_add(1)
        };
    }
    let cut = random.below(bytes.len() as u64 * 2) as usize;
    bytes.truncate(cut.max(1));
    bytes
}

#[test]
fn garbage_never_panics() {
    let cases = generate::from_env("RAFTERDB_FUZZ_CASES", 10_000);
    let seed = generate::seed();
    println!("seed {seed}, {cases} inputs");
    let failure = first_panic(seed, cases, parse_everything);
    assert!(failure.is_none(), "seed {seed}: {failure:?}");
}

#[test]
fn canary_a_parser_that_believes_a_length_is_caught() {
    let believes = |input: &[u8]| {
        if let Some(head) = input.first_chunk::<8>() {
            let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
            std::hint::black_box(&input[8..8 + length]);
        }
    };
    assert!(first_panic(1, 1_000, believes).is_some());
}
