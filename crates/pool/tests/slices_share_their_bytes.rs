//! Goal: slices see what was written, however they were cut, and the buffer goes back with the last of them and not before.

use proptest::prelude::*;
use rafterdb_pool::{Buffer, Pool, Slice};

fn written(pool: &Pool, bytes: &[u8]) -> Buffer {
    let mut buffer = pool.take(bytes.len());
    buffer[..bytes.len()].copy_from_slice(bytes);
    buffer
}

#[derive(Clone, Debug)]
enum Cut {
    Clone(usize),
    Slice(usize, usize, usize),
    SplitTo(usize, usize),
    Drop(usize),
}

fn cut() -> impl Strategy<Value = Cut> {
    let at = any::<usize>;
    prop_oneof![
        at().prop_map(Cut::Clone),
        (at(), at(), at()).prop_map(|(which, from, to)| Cut::Slice(which, from, to)),
        (at(), at()).prop_map(|(which, length)| Cut::SplitTo(which, length)),
        at().prop_map(Cut::Drop),
    ]
}

proptest! {
    #[test]
    fn slices_are_what_the_same_cuts_of_a_vec_are(
        bytes in prop::collection::vec(any::<u8>(), 1..3_000),
        cuts in prop::collection::vec(cut(), 0..60),
    ) {
        let pool = Pool::new();
        let used = |pool: &Pool| pool.stats().tiers.iter().map(|tier| tier.in_use).sum::<u64>();
        let mut slices = vec![(written(&pool, &bytes).freeze(bytes.len()), bytes)];
        for cut in cuts {
            if slices.is_empty() {
                break;
            }
            let count = slices.len();
            match cut {
                Cut::Clone(which) => slices.push(slices[which % count].clone()),
                Cut::Slice(which, from, to) => {
                    let (slice, expected) = &slices[which % count];
                    let to = to % (expected.len() + 1);
                    let from = from % (to + 1);
                    let part = (slice.slice(from..to), expected[from..to].to_vec());
                    slices.push(part);
                }
                Cut::SplitTo(which, length) => {
                    let (slice, expected) = &mut slices[which % count];
                    let length = length % (expected.len() + 1);
                    let rest = expected.split_off(length);
                    let part = (slice.split_to(length), std::mem::replace(expected, rest));
                    slices.push(part);
                }
                Cut::Drop(which) => drop(slices.swap_remove(which % count)),
            }
            for (slice, expected) in &slices {
                prop_assert_eq!(&slice[..], &expected[..]);
            }
            if slices.iter().any(|(slice, _)| !slice.is_empty()) {
                prop_assert_eq!(used(&pool), 1);
            }
        }
        slices.clear();
        prop_assert_eq!(used(&pool), 0);
    }
}

#[test]
fn a_buffer_that_is_being_filled_hands_out_what_is_complete() {
    let pool = Pool::new();
    let mut buffer = written(&pool, b"first second third");
    let first = buffer.split_to(6);
    let second = buffer.split_to(7);
    buffer[..5].copy_from_slice(b"other");
    assert_eq!(
        (&first[..], &second[..], &buffer[..5]),
        (&b"first "[..], &b"second "[..], &b"other"[..])
    );
    assert_eq!(buffer.len(), 1024 - 13);
    drop(first);
    let rest = buffer.freeze(5);
    drop(second);
    assert_eq!(pool.stats().tiers[0].in_use, 1, "the rest is still there");
    assert_eq!(&rest[..], b"other");
    drop(rest);
    assert_eq!(pool.stats().tiers[0].in_use, 0);
}

#[test]
fn the_only_slice_becomes_the_whole_buffer_again() {
    let pool = Pool::new();
    let slice = written(&pool, b"0123456789").freeze(10);
    let part = slice.slice(3..5);
    let slice = slice.try_into_mut().expect_err("a part is there");
    assert_eq!(&slice[..], b"0123456789");
    drop(slice);
    let mut buffer = part.try_into_mut().expect("the part is alone now");
    assert_eq!((&buffer[..10], buffer.len()), (&b"0123456789"[..], 1024));
    let front = buffer.split_to(4);
    let front = front.try_into_mut().expect_err("the rest of the buffer is there");
    drop(buffer);
    assert!(front.try_into_mut().is_ok());
}

#[test]
fn a_view_of_a_slice_becomes_a_slice() {
    let pool = Pool::new();
    let slice = written(&pool, b"header payload").freeze(14);
    let payload = &slice[7..];
    assert_eq!(&slice.slice_ref(payload)[..], b"payload");
    assert!(slice.slice_ref(&[]).is_empty());
}

#[test]
#[should_panic(expected = "are not within")]
fn a_view_of_something_else_does_not() {
    let pool = Pool::new();
    let (slice, other) = (written(&pool, b"slice").freeze(5), written(&pool, b"other").freeze(5));
    let _ = slice.slice_ref(&other);
}

#[test]
fn static_slices_need_no_pool() {
    static BYTES: &[u8] = b"always there";
    let mut slice = Slice::from_static(BYTES);
    assert_eq!(slice.as_ptr(), BYTES.as_ptr());
    assert_eq!(&slice.split_to(6)[..], b"always");
    assert_eq!(&slice.clone()[1..], b"there");
    assert!(slice.try_into_mut().is_err());
    assert!(Slice::default().is_empty());
}

#[test]
fn a_slice_becomes_bytes_without_a_copy() {
    let pool = Pool::new();
    let slice = written(&pool, b"payload").freeze(7);
    let start = slice.as_ptr();
    let bytes = bytes::Bytes::from(slice);
    assert_eq!((bytes.as_ptr(), &bytes[..]), (start, &b"payload"[..]));
    assert_eq!(pool.stats().tiers[0].in_use, 1);
    drop(bytes);
    assert_eq!(pool.stats().tiers[0].in_use, 0);
}
