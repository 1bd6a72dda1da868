//! Goal: every path gives the bits of the scalar one, and that gives those of two independent implementations, at every length
//! up to 4,096, from every alignment.

mod xxh3_support;

use rafterdb_hash::{xxh3_128, xxh3_64, xxh3_path, Path};
use xxh3_support::{first_difference, hashes_on, paths, Hashes, Random, SEEDS};

const LENGTH_MAX: usize = 4096;
const MIB: usize = 1 << 20;

/// Every length from every start within a cache line, the seeds in turn.
fn every_length_and_offset() -> impl Iterator<Item = (usize, usize, u64)> {
    (0..=LENGTH_MAX)
        .flat_map(|length| (0..64).map(move |offset| (offset, length, SEEDS[(offset + length + length / 64) % 4])))
}

/// Every length with every seed, from a start of its own.
fn every_length_and_seed() -> impl Iterator<Item = (usize, usize, u64)> {
    (0..=LENGTH_MAX).flat_map(|length| SEEDS.map(|seed| (length * 7 % 64, length, seed)))
}

/// 1 MiB and a little less and more, from every start within a cache line.
fn long() -> impl Iterator<Item = (usize, usize, u64)> {
    (0..64).map(|offset| (offset, MIB - 32 + offset, SEEDS[offset % 4]))
}

fn scalar(bytes: &[u8], seed: u64) -> Hashes {
    hashes_on(Path::Scalar, bytes, seed)
}

#[test]
fn every_path_gives_the_bits_of_the_scalar_one() {
    let bytes = Random(1).bytes(LENGTH_MAX + 64);
    for path in paths() {
        let cases = every_length_and_offset().chain(every_length_and_seed());
        let difference = first_difference(&bytes, cases, scalar, |bytes, seed| hashes_on(path, bytes, seed));
        assert_eq!(difference, None, "{}: offset, length, seed", path.name());
    }
}

#[test]
fn every_path_gives_the_bits_of_the_scalar_one_for_1_mib() {
    let bytes = Random(2).bytes(MIB + 128);
    for path in paths() {
        let difference = first_difference(&bytes, long(), scalar, |bytes, seed| hashes_on(path, bytes, seed));
        assert_eq!(difference, None, "{}: offset, length, seed", path.name());
    }
}

/// Lanes whose halves are all ones or zero, and sums that wrap: where a kernel would show a product or carry it got wrong.
#[test]
fn every_path_gives_the_bits_of_the_scalar_one_for_extreme_bytes() {
    for fill in [0, 0xff, 0x80, 0x7f] {
        let bytes = vec![fill; LENGTH_MAX + 64];
        for path in paths() {
            let cases = every_length_and_seed();
            let difference = first_difference(&bytes, cases, scalar, |bytes, seed| hashes_on(path, bytes, seed));
            assert_eq!(difference, None, "{}: offset, length, seed", path.name());
        }
    }
}

#[test]
fn what_is_chosen_without_asking_gives_the_bits_of_the_scalar_path() {
    let bytes = Random(3).bytes(LENGTH_MAX + 64);
    let chosen = |bytes: &[u8], seed| Hashes(xxh3_64(bytes, seed), xxh3_128(bytes, seed));
    assert_eq!(first_difference(&bytes, every_length_and_seed(), scalar, chosen), None);
    assert_eq!(Some(&xxh3_path()), paths().last(), "the widest path is chosen");
}

#[test]
fn the_scalar_path_gives_the_bits_of_two_independent_implementations() {
    let bytes = Random(4).bytes(MIB + 128);
    let twox_hash = |bytes: &[u8], seed| {
        Hashes(
            twox_hash::XxHash3_64::oneshot_with_seed(seed, bytes),
            twox_hash::XxHash3_128::oneshot_with_seed(seed, bytes),
        )
    };
    let xxhash_rust = |bytes: &[u8], seed| {
        Hashes(
            xxhash_rust::xxh3::xxh3_64_with_seed(bytes, seed),
            xxhash_rust::xxh3::xxh3_128_with_seed(bytes, seed),
        )
    };
    let cases = || every_length_and_seed().chain(long());
    assert_eq!(first_difference(&bytes, cases(), twox_hash, scalar), None);
    assert_eq!(first_difference(&bytes, cases(), xxhash_rust, scalar), None);
}

/// The canary: a way to hash that takes one byte of one stripe for another.
#[test]
fn the_checker_finds_a_stripe_that_is_read_wrong() {
    let bytes = Random(5).bytes(LENGTH_MAX + 64);
    for stripe in 0..LENGTH_MAX / 64 - 1 {
        let broken = |bytes: &[u8], seed| {
            let mut read = bytes.to_vec();
            // Only where the stripe is not the last one, so that only the walk over whole stripes is at fault.
            if read.len() > 240 && read.len() > 64 * (stripe + 1) {
                read[64 * stripe + stripe % 64] ^= 0x10;
            }
            scalar(&read, seed)
        };
        let cases = every_length_and_seed().skip(4 * 64 * stripe);
        assert!(
            first_difference(&bytes, cases, scalar, broken).is_some(),
            "stripe {stripe}"
        );
    }
}
