//! Goal: every buffer is large enough, aligned for its size, initialised, and used again after it was dropped.

use rafterdb_pool::{Buffer, Pool, ALIGNMENT, ALIGNMENT_MIN, TIERS};

const SIZES: [usize; 13] = [
    0,
    1,
    1024,
    1025,
    4095,
    4096,
    8192,
    8193,
    65_536,
    65_537,
    1 << 20,
    (1 << 20) + 1,
    5_000_000,
];

fn assert_aligned(buffer: &Buffer, asked: usize) {
    let alignment = if buffer.len() >= ALIGNMENT {
        ALIGNMENT
    } else {
        ALIGNMENT_MIN
    };
    assert_eq!(buffer.as_ptr() as usize % alignment, 0, "{asked}");
}

#[test]
fn every_size_is_served_aligned() {
    let pool = Pool::new();
    for bytes in SIZES {
        // Several of each, so that they come from the middle of a chunk, from further chunks too.
        let buffers: Vec<_> = (0..40).map(|_| pool.take(bytes)).collect();
        for buffer in &buffers {
            let tier = TIERS.into_iter().find(|tier| bytes <= *tier);
            assert_eq!(buffer.len(), tier.unwrap_or(bytes), "{bytes}");
            assert!(buffer.iter().step_by(97).all(|byte| *byte == 0), "{bytes}");
            assert_aligned(buffer, bytes);
        }
    }
}

#[test]
fn a_buffer_without_a_pool_is_made_to_measure() {
    for bytes in SIZES.into_iter().filter(|bytes| *bytes > 0) {
        let mut buffer = Buffer::new(bytes);
        assert_eq!(buffer.len(), bytes);
        assert!(buffer.iter().all(|byte| *byte == 0));
        assert_aligned(&buffer, bytes);
        buffer.fill(1);
        let slice = buffer.freeze(bytes);
        let copy = slice.clone();
        drop(slice);
        assert!(copy.iter().all(|byte| *byte == 1));
    }
}

#[test]
fn a_dropped_buffer_is_the_next_to_be_taken() {
    let pool = Pool::new();
    for bytes in TIERS {
        let mut buffer = pool.take(bytes);
        buffer.fill(0x5a);
        let first = buffer.as_ptr();
        drop(buffer);
        let again = pool.take(bytes / 2 + 1);
        assert_eq!(again.as_ptr(), first, "{bytes}");
        assert!(again.iter().all(|byte| *byte == 0x5a), "left over from its last use");
    }
}

#[test]
fn buffers_do_not_overlap() {
    let pool = Pool::new();
    let mut buffers: Vec<_> = (0..300).map(|n| pool.take(TIERS[n % 3])).collect();
    for (n, buffer) in buffers.iter_mut().enumerate() {
        buffer.fill(n as u8);
    }
    for (n, buffer) in buffers.iter().enumerate() {
        assert!(buffer.iter().all(|byte| *byte == n as u8), "{n}");
    }
}
