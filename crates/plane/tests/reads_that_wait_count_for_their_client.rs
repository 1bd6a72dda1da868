//! Large reads of clients that do not read their answers, by the thousand: what waits to be read and what waits to be sent is of one
//! budget, whoever holds most goes with BUSY, and who reads is served. The only test of its process, whose memory it looks at.

#![allow(clippy::unwrap_used)] // It fails by panicking.

mod client;
mod harness;

use client::{held, most_held, peak_memory, read, Client};
use harness::{eventually, Bench};
use rafterdb_codec::{Code, CommandKind};

const TERM: u64 = 6;
const MIB: usize = 1 << 20;
const MOST: usize = 16 * MIB;
/// Beyond the budget: an answer of each thread that reads, in making and in copy, and one half written of each who was cut off.
const SLACK: usize = 16 * MIB;

fn reads(count: u64, key: &[u8]) -> Vec<u8> {
    (0..count).flat_map(|id| read(id, key)).collect()
}

fn is_cut(bench: &Bench) -> bool {
    !bench.notes("was disconnected").is_empty()
}

#[test]
fn what_reads_hold_is_bounded_whether_they_wait_or_are_answered() {
    let bench = Bench::open_with(MOST);
    bench.lead(TERM);
    bench.begin_to_lead(1, TERM);
    bench.put_value(1, 2, TERM, &vec![7; MIB]);
    bench.command(&[CommandKind::Commit as u64, 0, 2]);
    assert_eq!(bench.answer(1).code, Code::Ok);

    // Nothing is read for now: reads wait.
    let hung = bench.dir.path().join("hung");
    std::fs::write(&hung, []).unwrap();
    rafterdb_fault::arm(&format!("member.read=hang:{}@1+", hung.display())).unwrap();
    let (mut patient, mut greedy) = (Client::new(&bench), Client::new(&bench));
    patient.submit(&reads(10, b"k2"));
    eventually("they count", || (held(&bench) > 10 * 256).then_some(()));
    for sent in 1..=6 {
        greedy.submit(&reads(400, &[b'k'; 8 << 10]));
        // What is not read from a socket when it is closed would take the reason with it.
        let (is_taken, is_cut) = (|| held(&bench) > 400 * sent * (8 << 10), || is_cut(&bench));
        eventually("they count", || (is_taken() || is_cut()).then_some(()));
        if is_cut() {
            break;
        }
    }
    assert_eq!(greedy.last_code(), Some(Code::Busy));
    std::fs::remove_file(&hung).unwrap();
    let mut answered = 0;
    while answered < 10 {
        assert!(patient.hear(|response| {
            assert_eq!(response.code, Code::Ok);
            answered += 1;
        }));
    }
    eventually("what they held is given back", || (held(&bench) < MIB).then_some(()));
    rafterdb_fault::disarm();

    // Each is answered, and nobody reads that.
    let before = peak_memory();
    let mut slow: Vec<_> = (0..4).map(|_| Client::new(&bench)).collect();
    let most = most_held(&bench, || {
        slow.iter_mut().for_each(|client| client.submit(&reads(500, b"k1")));
        for id in 0..100 {
            assert!(patient.get(id, b"k1") > MIB);
        }
    });
    assert!(most <= MOST + SLACK, "{} MiB were held", most / MIB);
    let grown = peak_memory() - before;
    assert!(grown <= MOST + 2 * SLACK, "{} MiB more memory", grown / MIB);
    for client in slow {
        assert!(client.answers() < 500, "who does not read is cut off");
    }
    assert!(bench.member.failure().is_none());
}
