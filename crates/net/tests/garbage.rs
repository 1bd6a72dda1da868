//! Whatever is thrown at the listener, nothing of it is delivered, nothing falls over, and honest clients are served on.

mod support;

use std::io::Write;
use std::time::Duration;

use rafterdb_codec::HelloKind;
use support::{frame, hello, Member, Random, Raw, ROSTER};

#[test]
fn random_bytes_are_refused_and_the_member_lives_on() {
    let mut random = Random::seeded();
    let member = Member::start(1, &support::addresses(2));
    let mut honest = Raw::client(member.address);
    for round in 0..200 {
        let mut raw = Raw::open(member.address);
        let mut bytes = match random.below(4) {
            0 => Vec::new(),
            1 => hello(HelloKind::Client, 0, 0, 0),
            2 => hello(HelloKind::PeerFast, ROSTER, 2, 1),
            _ => hello(HelloKind::PeerBulk, ROSTER, 2, 1),
        };
        if random.below(3) == 0 && !bytes.is_empty() {
            let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            bytes[at] ^= 1 << random.below(8);
        }
        // Not empty, so that no stretch of it can be a ping; a random checksum hits one time in 2^32.
        bytes.extend((0..8 + random.below(5000)).map(|_| 1 + random.below(255) as u8));
        // The member may close before everything is written.
        let _ = raw.0.write_all(&bytes);
        let _ = raw.0.shutdown(std::net::Shutdown::Write);
        assert!(raw.is_closed_within(Duration::from_secs(5)), "round {round}");
        if round % 20 == 0 {
            honest.write(&frame(b"still here"));
        }
    }
    member.wait("the honest client's", |seen| seen.submissions.len() == 10);
    let seen = member.recorder.seen.lock().unwrap();
    assert!(seen.submissions.iter().all(|(_, body)| &body[..] == b"still here"));
    assert!(seen.frames.is_empty());
    assert!(seen.log.len() < 40, "{} lines of log", seen.log.len());
}
