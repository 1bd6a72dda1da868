//! Goal: a full batcher gives the item back and loses nothing; an item larger than a bound goes alone; bounds that cannot be
//! kept are refused with the reason.

use rafterdb_batcher::{BadBounds, Batcher, Bounds, Refused};

#[test]
fn too_many_items_and_too_many_bytes_are_given_back() {
    let bounds = Bounds {
        queued_items_max: 3,
        queued_bytes_max: 10,
        ..Bounds::default()
    };
    let mut batcher = Batcher::new(bounds).unwrap();
    batcher.push("four", 4, 0).unwrap();
    assert_eq!(batcher.push("seven", 7, 0), Err(Refused::Busy("seven")));
    batcher.push("six", 6, 0).unwrap();
    batcher.push("none", 0, 0).unwrap();
    assert_eq!(batcher.push("nothing", 0, 0), Err(Refused::Busy("nothing")));
    assert_eq!((batcher.len(), batcher.bytes()), (3, 10));
    let mut batch = Vec::new();
    assert!(batcher.next(0, &mut batch));
    assert_eq!(batch, ["four", "six", "none"]);
    assert_eq!((batcher.len(), batcher.bytes()), (0, 0));
    batcher.push("seven", 7, 0).unwrap();
}

#[test]
fn a_large_item_goes_alone() {
    let bounds = Bounds {
        bytes_max: 8,
        queued_bytes_max: 16,
        ..Bounds::default()
    };
    let mut batcher = Batcher::new(bounds).unwrap();
    batcher.push("huge", usize::MAX, 0).unwrap();
    assert_eq!(batcher.push("small", 1, 0), Err(Refused::Busy("small")));
    let mut batch = Vec::new();
    assert!(batcher.next(0, &mut batch));
    assert_eq!(batch, ["huge"]);
    batcher.push("small", 1, 0).unwrap();
    batcher.push("large", 9, 0).unwrap();
    batcher.done();
    batch.clear();
    assert!(batcher.next(0, &mut batch));
    assert_eq!(batch, ["small"]);
}

#[test]
fn items_without_a_size_in_memory_are_batched_too() {
    let mut batcher = Batcher::new(Bounds::default()).unwrap();
    let mut batch = Vec::new();
    for _ in 0..3 {
        batcher.push((), 0, 0).unwrap();
        batcher.push((), 0, 0).unwrap();
        batch.clear();
        assert!(batcher.next(0, &mut batch));
        assert_eq!(batch.len(), 2);
        batcher.done();
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    let zero = Bounds {
        items_max: 0,
        ..Bounds::default()
    };
    let error = Batcher::<u8>::new(zero).err();
    assert_eq!(error, Some(BadBounds::Zero("items_max")));
    assert_eq!(error.unwrap().to_string(), "items_max is 0; it must be at least 1");
    let no_effect = Bounds {
        wait_max: Some(1),
        ..Bounds::default()
    };
    assert_eq!(Batcher::<u8>::new(no_effect).err(), Some(BadBounds::WaitWithoutEffect));
    assert_eq!(Refused::Busy(7).to_string(), "the queue of the batcher is full");
    assert_eq!(Refused::Closed(7).into_inner(), 7);
}
