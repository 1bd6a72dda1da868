//! Goal: while no batch is under way, an item goes at once, alone; while one is, items gather until it ends, until a batch is
//! full, or until the time is up.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use rafterdb_batcher::{Batcher, Bounds};

fn batcher(bounds: Bounds) -> Batcher<char> {
    Batcher::new(bounds).unwrap()
}

fn take(batcher: &mut Batcher<char>, now: u64) -> Option<String> {
    let mut batch = Vec::new();
    batcher.next(now, &mut batch).then(|| batch.iter().collect())
}

fn push(batcher: &mut Batcher<char>, items: &str, now: u64) {
    for item in items.chars() {
        batcher.push(item, 1, now).unwrap();
    }
}

#[test]
fn with_nothing_under_way_an_item_goes_at_once() {
    let mut batcher = batcher(Bounds::default());
    assert_eq!(batcher.due(), None);
    push(&mut batcher, "a", 5);
    assert_eq!(batcher.due(), Some(0));
    assert_eq!(take(&mut batcher, 5).as_deref(), Some("a"));
    batcher.done();
    push(&mut batcher, "b", 6);
    assert_eq!(take(&mut batcher, 6).as_deref(), Some("b"));
}

#[test]
fn items_gather_until_the_batch_under_way_ends() {
    let mut batcher = batcher(Bounds::default());
    push(&mut batcher, "a", 0);
    assert_eq!(take(&mut batcher, 0).as_deref(), Some("a"));
    push(&mut batcher, "bcd", 1);
    assert_eq!((take(&mut batcher, u64::MAX), batcher.due()), (None, None));
    batcher.done();
    assert_eq!(take(&mut batcher, 1).as_deref(), Some("bcd"));
}

#[test]
fn a_full_batch_goes_beside_another() {
    let bounds = Bounds {
        items_max: 3,
        in_flight_max: 2,
        ..Bounds::default()
    };
    let mut batcher = batcher(bounds);
    push(&mut batcher, "a", 0);
    assert_eq!(take(&mut batcher, 0).as_deref(), Some("a"));
    push(&mut batcher, "bc", 0);
    assert_eq!(take(&mut batcher, 0), None);
    push(&mut batcher, "def", 0);
    assert_eq!(take(&mut batcher, 0).as_deref(), Some("bcd"));
    assert_eq!(take(&mut batcher, 0), None, "two are under way");
    batcher.done();
    assert_eq!(
        take(&mut batcher, 0),
        None,
        "one is under way, and this one is not full"
    );
    batcher.done();
    assert_eq!(take(&mut batcher, 0).as_deref(), Some("ef"));
}

#[test]
fn an_item_waits_no_longer_than_it_may() {
    let bounds = Bounds {
        wait_max: Some(10),
        in_flight_max: 2,
        ..Bounds::default()
    };
    let mut batcher = batcher(bounds);
    push(&mut batcher, "a", 0);
    assert_eq!(take(&mut batcher, 0).as_deref(), Some("a"));
    push(&mut batcher, "b", 7);
    push(&mut batcher, "c", 12);
    assert_eq!(batcher.due(), Some(17), "counted from the first");
    assert_eq!(take(&mut batcher, 16), None);
    assert_eq!(take(&mut batcher, 17).as_deref(), Some("bc"));
}

#[test]
fn a_closed_batcher_lets_go_what_waits() {
    let bounds = Bounds {
        in_flight_max: 2,
        ..Bounds::default()
    };
    let mut batcher = batcher(bounds);
    push(&mut batcher, "a", 0);
    assert_eq!(take(&mut batcher, 0).as_deref(), Some("a"));
    push(&mut batcher, "b", 0);
    batcher.close();
    assert_eq!(take(&mut batcher, 0).as_deref(), Some("b"));
    assert!(batcher.push('c', 1, 0).is_err());
}

#[test]
#[should_panic(expected = "only a batch under way can end")]
fn a_batch_ends_once() {
    let mut batcher = batcher(Bounds::default());
    push(&mut batcher, "a", 0);
    let _ = take(&mut batcher, 0);
    batcher.done();
    batcher.done();
}
