//! Goal: lists of CPUs are read as Linux writes them and written the same way; what is not a list is refused, however large.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rafterdb_topology::{format_cpus, parse_cpus};

#[test]
fn lists() {
    for (text, cpus) in [
        ("0", &[0][..]),
        ("0-3,8\n", &[0, 1, 2, 3, 8]),
        ("5,1-2,2-3", &[1, 2, 3, 5]),
        (" 7 , 9 - 10 ", &[7, 9, 10]),
        ("65535", &[65_535]),
        ("", &[]),
    ] {
        assert_eq!(parse_cpus(text).as_deref(), Some(cpus), "{text:?}");
    }
}

#[test]
fn what_is_no_list() {
    for text in [
        "a",
        "0x1",
        "1-",
        "-1",
        "3-1",
        "1,,2",
        "0,",
        "+1",
        "1.5",
        "65536",
        "0-4294967295",
        "99999999999",
    ] {
        assert_eq!(parse_cpus(text), None, "{text:?}");
    }
}

#[test]
fn a_list_that_repeats_itself_does_not_fill_the_memory() {
    assert_eq!(parse_cpus("0-65535").map(|cpus| cpus.len()), Some(65_536));
    assert_eq!(parse_cpus(&vec!["0-65535"; 30_000].join(",")), None);
}

#[test]
fn the_shortest_list_is_written() {
    assert_eq!(format_cpus(&[8, 0, 1, 3, 2, 2]), "0-3,8");
    assert_eq!(format_cpus(&[1, 2]), "1-2");
    assert_eq!(format_cpus(&[u32::MAX, 0]), "0,4294967295");
    assert_eq!(format_cpus(&[]), "");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(cpus in prop::collection::btree_set(0_u32..300, 0..40)) {
        let list: Vec<u32> = cpus.iter().copied().collect();
        let read: BTreeSet<u32> = parse_cpus(&format_cpus(&list)).unwrap().into_iter().collect();
        prop_assert_eq!(read, cpus);
    }
}
