//! Goal: the hashes are the published ones, so that two machines (and other tools) agree about every byte.

use rafterdb_hash::{crc32c, crc32c_append, xxh3_64};

/// RFC 3720 (iSCSI), appendix B.4.
#[test]
fn crc32c_matches_rfc_3720() {
    let ascending: Vec<u8> = (0..32).collect();
    let descending: Vec<u8> = (0..32).rev().collect();
    let read10: [u8; 48] = [
        0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0,
        0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    assert_eq!(crc32c(&ascending), 0x46dd_794e);
    assert_eq!(crc32c(&descending), 0x113f_db5c);
    assert_eq!(crc32c(&read10), 0xd996_3a56);
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c(b""), 0);
}

/// The definition, bit by bit: the fast paths must agree with it at every length and alignment.
#[test]
fn crc32c_matches_its_definition_at_every_length() {
    let bytes: Vec<u8> = (0..3000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    for start in 0..9 {
        for length in (0..300).chain([511, 512, 1024, 2047, 2900]) {
            let part = &bytes[start..start + length];
            let mut crc = u32::MAX;
            for byte in part {
                crc ^= u32::from(*byte);
                for _ in 0..8 {
                    crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
                }
            }
            assert_eq!(crc32c(part), !crc, "start {start} length {length}");
            let (left, right) = part.split_at(length / 3);
            assert_eq!(
                crc32c_append(crc32c(left), right),
                !crc,
                "appended, start {start} length {length}"
            );
        }
    }
}

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
