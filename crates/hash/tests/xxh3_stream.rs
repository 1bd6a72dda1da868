//! Goal: a stream gives the hash of all bytes at once, wherever they are cut, on every path, also between its parts.

mod xxh3_support;

use rafterdb_hash::{xxh3_path, Path, Xxh3};
use xxh3_support::{hashes_on, paths, Hashes, Random, SEEDS};

fn digests(stream: &Xxh3) -> Hashes {
    Hashes(stream.digest_64(), stream.digest_128())
}

/// Parts of `length` bytes, of sizes that are small, around a stripe, around a block or anything.
fn random_cuts(random: &mut Random, length: usize) -> Vec<usize> {
    let (mut cuts, mut at) = (vec![], 0);
    while at < length {
        let part = match random.below(4) {
            0 => random.below(9),
            1 => 60 + random.below(9),
            2 => 1020 + random.below(9),
            _ => random.below(3000),
        };
        at = length.min(at + part);
        cuts.push(at);
    }
    cuts
}

/// The first cut after which the digests of a stream that was fed `bytes` up to `from` are not those of the bytes so far.
fn first_difference(stream: &mut Xxh3, bytes: &[u8], mut from: usize, cuts: &[usize], seed: u64) -> Option<usize> {
    cuts.iter().copied().find(|&to| {
        stream.update(&bytes[from..to]);
        from = to;
        digests(stream) != hashes_on(Path::Scalar, &bytes[..to], seed)
    })
}

#[test]
fn a_stream_gives_the_hash_of_all_bytes_at_once_after_each_random_part() {
    let bytes = Random(1).bytes(10_000);
    for path in paths() {
        for round in 0..150 {
            let mut random = Random(round);
            let seed = SEEDS[round as usize % 4];
            let length = 1 + random.below(bytes.len());
            let cuts = random_cuts(&mut random, length);
            let mut stream = Xxh3::on(path, seed).expect("the machine has it");
            let difference = first_difference(&mut stream, &bytes, 0, &cuts, seed);
            assert_eq!(difference, None, "{} round {round} cuts {cuts:?}", path.name());
        }
    }
}

#[test]
fn every_length_in_two_parts_gives_the_hash_of_all_bytes_at_once() {
    let bytes = Random(2).bytes(3300);
    for path in paths() {
        for length in 0..=bytes.len() {
            for cut in [
                0,
                1,
                length / 2,
                length.saturating_sub(64),
                length.saturating_sub(1),
                length,
            ] {
                let mut stream = Xxh3::on(path, 1).expect("the machine has it");
                stream.update(&bytes[..cut.min(length)]);
                stream.update(&bytes[cut.min(length)..length]);
                let expected = hashes_on(Path::Scalar, &bytes[..length], 1);
                assert_eq!(digests(&stream), expected, "{} {cut} of {length}", path.name());
            }
        }
    }
}

#[test]
fn single_bytes_give_the_hash_of_all_at_once() {
    let bytes = Random(3).bytes(2200);
    let cuts: Vec<usize> = (1..=bytes.len()).collect();
    assert_eq!(first_difference(&mut Xxh3::new(7), &bytes, 0, &cuts, 7), None);
}

#[test]
fn a_stream_that_was_reset_or_cloned_knows_what_it_should() {
    let bytes = Random(4).bytes(5000);
    for seed in SEEDS {
        let mut stream = Xxh3::new(seed);
        assert_eq!(digests(&stream), hashes_on(xxh3_path(), b"", seed));
        stream.update(&bytes);
        let mut clone = stream.clone();
        stream.reset();
        assert_eq!(digests(&stream), hashes_on(xxh3_path(), b"", seed));
        stream.update(&bytes[..300]);
        assert_eq!(digests(&stream), hashes_on(xxh3_path(), &bytes[..300], seed));
        clone.update(&bytes[..10]);
        let longer = [&bytes[..], &bytes[..10]].concat();
        assert_eq!(digests(&clone), hashes_on(xxh3_path(), &longer, seed));
    }
}

/// The canary: a stream that took one byte of what it was fed for another.
#[test]
fn the_checker_finds_a_byte_that_was_taken_wrong() {
    let bytes = Random(5).bytes(4000);
    for wrong in [0, 63, 1023, 1024, 2046, 2047] {
        let mut broken = bytes.clone();
        broken[wrong] ^= 1;
        for (fed, difference) in [(&bytes, None), (&broken, Some(3000))] {
            let mut stream = Xxh3::new(0);
            stream.update(&fed[..2048]);
            assert_eq!(
                first_difference(&mut stream, &bytes, 2048, &[3000, 4000], 0),
                difference
            );
        }
    }
}
