//! A frame that is damaged or too long is never delivered: its connection is closed, and one line says why.

mod support;

use std::io::Write;
use std::time::Duration;

use rafterdb_codec::Code;
use rafterdb_codec::HelloKind;
use support::{addresses, frame, hello, Member, Raw, ROSTER};

fn refusal_code(body: &[u8]) -> u16 {
    assert_eq!(body[4], 0, "type of a refusal");
    u16::from_le_bytes([body[6], body[7]])
}

#[test]
fn a_flipped_bit_closes_the_connection_and_nothing_is_delivered() {
    let member = Member::alone();
    let sound = frame(b"a submission of a client");
    for bit in 0..sound.len() * 8 {
        let mut damaged = sound.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let mut raw = Raw::client(member.address);
        // A flipped bit of the length makes the member wait for more: the next frame shows what is wrong, or the end does.
        // It may close before everything is written.
        let _ = raw.0.write_all(&[damaged, sound.clone()].concat());
        let _ = raw.0.shutdown(std::net::Shutdown::Write);
        assert!(raw.is_closed_within(Duration::from_secs(5)), "bit {bit}");
    }
    assert!(member.recorder.seen.lock().unwrap().submissions.is_empty());
    assert_eq!(member.log_lines("checksum"), 1, "one line for all of them");
    // The canary: the same frame unharmed is delivered.
    Raw::client(member.address).write(&sound);
    member.wait("the sound frame", |seen| seen.submissions.len() == 1);
}

#[test]
fn the_sender_of_a_bad_frame_is_told() {
    let member = Member::alone();
    let mut raw = Raw::client(member.address);
    raw.write(&[5, 0, 0, 0, 1, 2, 3, 4, b'w', b'r', b'o', b'n', b'g']);
    assert_eq!(refusal_code(&raw.read_frame().unwrap()), Code::ProtocolError as u16);
    assert!(raw.read_frame().is_none());
    member.wait("closed", |seen| seen.closed.len() == 1);
}

#[test]
fn a_length_beyond_the_bound_closes_the_connection_before_its_bytes_arrive() {
    let member = Member::alone();
    let mut raw = Raw::client(member.address);
    let length = u32::try_from(support::limits().frame_bytes_max + 1).unwrap();
    raw.write(&length.to_le_bytes());
    assert_eq!(refusal_code(&raw.read_frame().unwrap()), Code::ProtocolError as u16);
    assert!(raw.is_closed_within(Duration::from_secs(5)));
    assert_eq!(member.log_lines("at most"), 1);
}

#[test]
fn a_peers_damaged_frame_is_not_delivered_either() {
    let member = Member::start(1, &addresses(2));
    let mut raw = Raw::open(member.address);
    raw.write(&hello(HelloKind::PeerFast, ROSTER, 2, 1));
    raw.read_frame().unwrap();
    raw.write(&frame(b"sound"));
    let mut damaged = frame(b"damaged");
    *damaged.last_mut().unwrap() ^= 1;
    let _ = raw.0.write_all(&[damaged, frame(b"after")].concat());
    assert!(raw.is_closed_within(Duration::from_secs(5)));
    let seen = member.recorder.seen.lock().unwrap();
    assert_eq!(seen.frames.iter().map(|f| &f.2[..]).collect::<Vec<_>>(), [b"sound"]);
}
