//! Goal: the hashes are the published ones, so that two machines (and other tools) agree about every byte.

use rafterdb_hash::xxh3_64;

/// From the xxHash project's own sanity checks: a buffer of its generator, seeds 0 and `PRIME64`.
#[test]
fn xxh3_matches_the_reference_sanity_checks() {
    const PRIME32: u64 = 2_654_435_761;
    const PRIME64: u64 = 11_400_714_785_074_694_797;
    let mut buffer = vec![0u8; 2400];
    let mut generator = PRIME32;
    for byte in &mut buffer {
        *byte = (generator >> 56) as u8;
        generator = generator.wrapping_mul(PRIME64);
    }
    for (length, seed, hash) in [
        (0, 0, 0x2d06_8005_38d3_94c2_u64),
        (0, PRIME64, 0xa8a6_b918_b2f0_364a),
        (1, 0, 0xc44b_dff4_074e_ecdb),
        (6, 0, 0x27b5_6a84_cd2d_7325),
        (12, 0, 0xa713_daf0_dfbb_77e7),
        (24, 0, 0xa3fe_70bf_9d35_10eb),
        (48, 0, 0x397d_a259_ecba_1f11),
        (80, 0, 0xbcde_fbbb_2c47_c90a),
        (195, 0, 0xcd94_217e_e362_ec3a),
        (403, 0, 0xcdeb_804d_65c6_dea4),
        (512, 0, 0x617e_4959_9013_cb6b),
        (2048, 0, 0xdd59_e2c3_a5f0_38e0),
        (2240, 0, 0x6e73_a905_39cf_2948),
        (2367, 0, 0xcb37_aeb9_e5d3_61ed),
    ] {
        assert_eq!(xxh3_64(&buffer[..length], seed), hash, "length {length} seed {seed:x}");
    }
}
