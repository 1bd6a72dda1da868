//! Frames arrive whole and in the order they were sent, whatever their sizes and however many threads send.

mod support;

use rafterdb_net::{Lane, Parts};
use support::{cluster, filled, Random};

/// A body that tells its sender, its place and, by its filling, whether it is whole.
fn body(thread: u8, place: u32, length: usize) -> Parts {
    let mut header = vec![thread];
    header.extend_from_slice(&place.to_le_bytes());
    let mut parts = Parts::new(header);
    let filling = filled((place % 251) as u8, length);
    parts.push(filling.slice(..length / 3));
    parts.push(filling.slice(length / 3..));
    parts
}

#[test]
fn each_threads_frames_arrive_in_order_and_whole() {
    const THREADS: u8 = 4;
    const FRAMES: u32 = 3000;
    let seed = Random::seeded().next();
    let members = cluster(2);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let net = &members[0].net;
            scope.spawn(move || {
                let mut random = Random(seed ^ (u64::from(thread) + 1));
                for place in 0..FRAMES {
                    // Mostly small, sometimes larger than a read, a write, a socket's buffer.
                    let length = match random.below(100) {
                        0 => random.below(1 << 20),
                        1..=5 => random.below(70_000),
                        _ => random.below(500),
                    };
                    let parts = body(thread, place, usize::try_from(length).unwrap());
                    while !net.send_peer(2, Lane::Fast, parts.clone()) {
                        std::thread::sleep(std::time::Duration::from_millis(1));
                    }
                }
            });
        }
    });
    let all = usize::from(THREADS) * FRAMES as usize;
    members[1].wait("every frame", |seen| seen.frames.len() == all);
    let mut next = [0; THREADS as usize];
    for (peer, lane, body) in &members[1].recorder.seen.lock().unwrap().frames {
        assert_eq!((*peer, *lane), (1, Lane::Fast));
        let place = u32::from_le_bytes([body[1], body[2], body[3], body[4]]);
        assert_eq!(place, next[usize::from(body[0])], "order of thread {}", body[0]);
        next[usize::from(body[0])] += 1;
        assert!(
            body[5..].iter().all(|byte| u32::from(*byte) == place % 251),
            "filling of {place}"
        );
    }
}

#[test]
fn the_largest_frame_passes_and_a_longer_one_is_refused() {
    let members = cluster(2);
    let max = support::limits().frame_bytes_max;
    assert!(members[0].net.send_peer(2, Lane::Bulk, Parts::from(vec![5; max])));
    assert!(!members[0].net.send_peer(2, Lane::Bulk, Parts::from(vec![6; max + 1])));
    assert!(members[0].net.send_peer(2, Lane::Bulk, Parts::new(b"after".to_vec())));
    members[1].wait("both frames", |seen| seen.frames.len() == 2);
    let seen = members[1].recorder.seen.lock().unwrap();
    assert!(seen.frames[0].2.len() == max && seen.frames[0].2.iter().all(|byte| *byte == 5));
    let (peer, lane, after) = &seen.frames[1];
    assert_eq!((*peer, *lane, &after[..]), (1, Lane::Bulk, &b"after"[..]));
}

#[test]
fn a_frame_of_more_slices_than_one_write_takes_passes() {
    let members = cluster(2);
    let mut parts = Parts::new(vec![0]);
    for slice in 1..2000u32 {
        parts.push(filled(slice as u8, 3));
    }
    assert!(members[0].net.send_peer(2, Lane::Fast, parts));
    members[1].wait("the frame", |seen| seen.frames.len() == 1);
    let body = members[1].recorder.seen.lock().unwrap().frames[0].2.clone();
    assert_eq!(body.len(), 1 + 3 * 1999);
    assert!(body[1..]
        .chunks(3)
        .zip(1..2000u32)
        .all(|(bytes, slice)| bytes == [slice as u8; 3]));
}
