//! Three members find each other, and each one's frames reach each other, on the lane they were sent on.

mod support;

use std::time::Duration;

use rafterdb_net::{Lane, Parts, PeerState};
use support::cluster;

#[test]
fn every_member_reaches_every_other_on_both_lanes() {
    let members = cluster(3);
    for (member, from) in members.iter().zip(1u8..) {
        for to in (1u8..=3).filter(|to| *to != from) {
            for (lane, mark) in [(Lane::Fast, 0), (Lane::Bulk, 1)] {
                assert!(member
                    .net
                    .send_peer(u64::from(to), lane, Parts::new(vec![from, to, mark])));
            }
        }
        assert!(
            !member.net.send_peer(9, Lane::Fast, Parts::new(vec![1])),
            "a peer nobody has heard of"
        );
    }
    for (member, id) in members.iter().zip(1u8..) {
        member.wait("four frames", |seen| seen.frames.len() == 4);
        for (peer, lane, body) in &member.recorder.seen.lock().unwrap().frames {
            assert_eq!(
                body[..],
                [u8::try_from(*peer).unwrap(), id, u8::from(*lane == Lane::Bulk)]
            );
        }
        assert_eq!(
            member.recorder.seen.lock().unwrap().states.len(),
            2,
            "up once for each peer"
        );
    }
}

#[test]
fn an_idle_connection_stays_and_its_round_trip_time_is_known() {
    let members = cluster(2);
    std::thread::sleep(support::limits().idle_after + Duration::from_millis(500));
    for member in &members {
        assert_eq!(
            member.recorder.seen.lock().unwrap().states.len(),
            1,
            "up, and never down"
        );
        let stats = member.net.stats();
        assert_eq!(stats.peers[0].state, PeerState::Healthy);
        assert!(
            (1..1_000_000).contains(&stats.peers[0].rtt_micros),
            "{} µs",
            stats.peers[0].rtt_micros
        );
        assert!(
            member.recorder.seen.lock().unwrap().frames.is_empty(),
            "pings are not the handler's"
        );
    }
}
