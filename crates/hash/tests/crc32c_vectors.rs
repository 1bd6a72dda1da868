//! Goal: CRC-32C is the published one, on every path of this machine, so that other tools agree about every byte.

#[allow(dead_code, reason = "each test uses a part of it")]
mod crc32c_definition;

use crc32c_definition::{by_definition, paths};
use rafterdb_hash::{crc32c, crc32c_append_on, crc32c_path, Path};

/// RFC 3720 (iSCSI), appendix B.4, and the check value of the catalogues.
fn vectors() -> Vec<(Vec<u8>, u32)> {
    let read10 = [
        0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0,
        0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
    ];
    vec![
        (vec![0; 32], 0x8a91_36aa),
        (vec![0xff; 32], 0x62a8_ab43),
        ((0..32).collect(), 0x46dd_794e),
        ((0..32).rev().collect(), 0x113f_db5c),
        (read10.to_vec(), 0xd996_3a56),
        (b"123456789".to_vec(), 0xe306_9283),
        (Vec::new(), 0),
    ]
}

#[test]
fn every_path_gives_the_published_values() {
    for (bytes, crc) in vectors() {
        assert_eq!(crc32c(&bytes), crc);
        assert_eq!(by_definition(0, &bytes), crc, "the tests' own definition");
        for (path, append) in paths() {
            assert_eq!(append(0, &bytes), crc, "{path}");
        }
    }
}

#[test]
fn the_path_taken_is_the_last_that_this_machine_has() {
    let available = |path: &Path| crc32c_append_on(*path, 0, b"").is_some();
    assert_eq!(Some(crc32c_path()), Path::ALL.into_iter().rev().find(available));
    assert!(available(&Path::Scalar));
}
