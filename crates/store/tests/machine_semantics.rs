//! The machine does what etcd does: random batches, transactions, compactions, reads at random revisions, retries and
//! crashes, each result compared with the naive semantics.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod model;

use model::engine::ModelEngine;
use model::generate::{self, Random};
use model::harness::{Harness, TestEngine};
use model::semantics::{Op, Outcome, PutOp, RangeOp, Semantics};
use model::wire::{decode_results, decode_write, encode_batch, encode_read};
use rafterdb_codec::{BatchHeader, Code, OperationResults, BATCH_RETRY};
use rafterdb_store::{Bounds, LsmEngine, SessionStart};

const BATCHES: u64 = 150;

/// Runs one seed; the first difference is the error.
fn run<E: TestEngine>(seed: u64, distort: fn(&mut Outcome)) -> Result<(), String> {
    run_bounded::<E>(seed, Bounds::default(), distort).map(|_| ())
}

/// So tight that nearly every delete of a range is one range tombstone, and nearly every count is filled in.
const TIGHT: Bounds = Bounds {
    steps_max: 100_000,
    compare_steps_max: 1000,
    count_steps_max: 0,
    delete_steps_max: 0,
    old_pairs_max: 1000,
    ranges_max: 1 << 12,
    range_bytes_max: 1 << 20,
    range_steps: 8,
    deletes_of_an_entry: 2,
    delete_share_min: 64,
    delete_steps: 2,
    step_bytes: 1024,
    kept_step_bytes: 1024,
    session_start: SessionStart::Explicit,
};

/// Returns how many answers had counts to be filled in.
fn run_bounded<E: TestEngine>(seed: u64, bounds: Bounds, distort: fn(&mut Outcome)) -> Result<usize, String> {
    let mut random = Random::new(seed);
    let mut semantics = Semantics::default();
    let mut harness = Harness::<E>::bounded(1 + random.below(60), bounds);
    let session = harness.start_session();
    let mut sent: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for batch in 1..=BATCHES {
        let ops = generate::ops(&mut random, semantics.revision());
        let header = BatchHeader {
            session,
            sequence: batch,
            acked: batch.saturating_sub(20).max(1),
            ..BatchHeader::default()
        };
        let body = encode_batch(header, &ops);
        let (applied, results) = harness.apply(body.clone());
        let mut found = decode_write(applied.flags, &results);
        found.iter_mut().for_each(distort);
        let expected: Vec<Outcome> = ops.iter().map(|op| semantics.apply(op)).collect();
        if found != expected {
            return Err(format!(
                "seed {seed}, batch {batch}: {ops:#?}\nfound {found:#?}\nexpected {expected:#?}"
            ));
        }
        sent.push((body, results));
        if random.one_in(10) {
            retry(&mut harness, &mut random, &sent);
        }
        if random.one_in(3) {
            harness.machine().publish().unwrap();
            read(&harness, &mut random, &semantics, seed)?;
        }
        if random.one_in(40) {
            harness.crash();
        }
    }
    harness.machine().publish().unwrap();
    assert!(harness.machine().verify_hash().unwrap());
    Ok(harness.filled_in)
}

/// Sends a batch again that has not been acknowledged: it is answered as before.
fn retry<E: TestEngine>(harness: &mut Harness<E>, random: &mut Random, sent: &[(Vec<u8>, Vec<u8>)]) {
    let (body, results) = &sent[sent.len() - 1 - random.below(sent.len().min(15) as u64) as usize];
    let mut again = body.clone();
    again[24] |= BATCH_RETRY;
    let (applied, found) = harness.apply(again);
    assert!(applied.is_duplicate);
    match applied.code {
        Code::Ok => assert_eq!(&found, results),
        code => assert_eq!(code, Code::ResultForgotten),
    }
}

fn read<E: TestEngine>(
    harness: &Harness<E>,
    random: &mut Random,
    semantics: &Semantics,
    seed: u64,
) -> Result<(), String> {
    let ranges: Vec<RangeOp> = (0..3).map(|_| generate::range(random, semantics.revision())).collect();
    let mut out = b"kept".to_vec();
    let revision = harness.machine().read(&encode_read(&ranges), &mut out).unwrap();
    let found = decode_results(OperationResults::new(&out[4..]));
    let expected: Vec<Outcome> = ranges.iter().map(|range| semantics.range(range)).collect();
    if found != expected || revision != semantics.revision() {
        return Err(format!(
            "seed {seed}: {ranges:#?}\nfound {found:#?}\nexpected {expected:#?}"
        ));
    }
    let key = generate::key(random);
    let mut value = Vec::new();
    let exists = harness.machine().get_into(&key, &mut value).unwrap();
    let expected = semantics.map(revision).get(&key);
    assert_eq!(
        exists.then_some(&value),
        expected.map(|kv| &kv.value),
        "seed {seed}: a single get"
    );
    Ok(())
}

#[test]
fn random_operations_follow_etcd() {
    for seed in generate::seeds(40) {
        run::<ModelEngine>(seed, |_| {}).unwrap();
    }
}

#[test]
fn random_operations_follow_etcd_on_disk() {
    for seed in generate::seeds(6) {
        run::<LsmEngine>(seed, |_| {}).unwrap();
    }
}

#[test]
fn what_an_entry_leaves_for_later_follows_etcd_too() {
    let filled_in = |seed| run_bounded::<ModelEngine>(seed, TIGHT, |_| {}).unwrap();
    assert!(generate::seeds(40).map(filled_in).sum::<usize>() > 0);
    let filled_in = |seed| run_bounded::<LsmEngine>(seed, TIGHT, |_| {}).unwrap();
    assert!(generate::seeds(12).map(filled_in).sum::<usize>() > 0);
}

#[test]
fn canary_a_deletion_that_counts_one_too_many_is_caught() {
    let distort = |outcome: &mut Outcome| {
        if let Outcome::Delete { deleted, .. } = outcome {
            *deleted += u64::from(*deleted > 1);
        }
    };
    assert!(run_bounded::<LsmEngine>(1, TIGHT, distort).is_err());
}

#[test]
fn canary_a_version_off_by_one_is_caught() {
    let distort = |outcome: &mut Outcome| {
        if let Outcome::Put { previous: Some(kv), .. } = outcome {
            kv.version += 1;
        }
    };
    assert!(run::<ModelEngine>(1, distort).is_err());
}

#[test]
fn canary_a_count_off_by_one_is_caught() {
    let distort = |outcome: &mut Outcome| {
        if let Outcome::Txn { results, .. } = outcome {
            for result in results {
                if let Outcome::Range { count, .. } = result {
                    *count += 1;
                }
            }
        }
    };
    assert!(run::<ModelEngine>(1, distort).is_err());
}

#[test]
fn the_first_put_takes_revision_two() {
    let mut harness = Harness::<ModelEngine>::new(1000);
    assert_eq!(harness.machine().revision(), 1);
    let put = Op::Put(PutOp {
        key: b"k".to_vec(),
        ..PutOp::default()
    });
    let (applied, results) = harness.apply(encode_batch(BatchHeader::default(), &[put]));
    assert_eq!(
        decode_write(applied.flags, &results),
        [Outcome::Put {
            revision: 2,
            previous: None
        }]
    );
    assert_eq!(harness.machine().revision(), 1, "not visible before publish");
    harness.machine().publish().unwrap();
    assert_eq!(harness.machine().revision(), 2);
}
