//! Goal: every event is written as the doubles of FORMATS.md, takes as many as it says, and is left out whole where it does not
//! fit.

use rafterdb_codec::{Event, EventKind, Events, MessageKind, RaftHeader, Run, MESSAGE_EVENT_DOUBLES};

const HEADER: RaftHeader = RaftHeader {
    kind: MessageKind::AppendReply,
    group: 3,
    term: 9,
    fields: [10, 11, 12, 13, 14, 15],
};

/// Each event, and its doubles for group 3.
fn table() -> Vec<(Event<'static>, &'static [f64])> {
    let opened = Event::Opened {
        term: 4,
        vote: 5,
        commit: 6,
        start: (7, 8),
        last: 9,
        applied: 10,
        recovering: true,
        runs: &[(11, 12), (13, 14)],
    };
    let message = Event::Message {
        from: 2,
        header: &HEADER,
        handle: 16,
        bytes: 17,
        runs: &[Run { term: 18, count: 19 }],
    };
    let (peer, index, term) = (2, 5, 6);
    vec![
        (
            opened,
            &[
                0.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 1.0, 2.0, 11.0, 12.0, 13.0, 14.0,
            ],
        ),
        (Event::Proposals { count: 5, bytes: 6 }, &[1.0, 3.0, 5.0, 6.0]),
        (
            message,
            &[
                2.0, 3.0, 2.0, 6.0, 9.0, 16.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 17.0, 1.0, 18.0, 19.0,
            ],
        ),
        (Event::Durable { index, term }, &[3.0, 3.0, 5.0, 6.0]),
        (Event::Applied { index }, &[4.0, 3.0, 5.0]),
        (
            Event::Peer {
                peer,
                up: true,
                rtt: 0.25,
            },
            &[5.0, 3.0, 2.0, 1.0, 0.25],
        ),
        (Event::Reads { sequence: 5 }, &[6.0, 3.0, 5.0]),
        (
            Event::SnapshotSent { peer, ok: true, index },
            &[7.0, 3.0, 2.0, 1.0, 5.0],
        ),
        (
            Event::SnapshotInstalled {
                ok: false,
                index,
                term,
                from: 2,
            },
            &[8.0, 3.0, 0.0, 5.0, 6.0, 2.0],
        ),
        (Event::Persisted { index, log_bytes: 6 }, &[9.0, 3.0, 5.0, 6.0]),
        (Event::Transfer { peer }, &[11.0, 3.0, 2.0]),
        (Event::Close, &[12.0, 3.0]),
        (Event::OpenedRuns { runs: &[(5, 6)] }, &[13.0, 3.0, 1.0, 5.0, 6.0]),
        (Event::Committed { index, term }, &[14.0, 3.0, 5.0, 6.0]),
        (
            Event::Sent {
                peer,
                first: 5,
                end: 6,
                bytes: 7,
            },
            &[15.0, 3.0, 2.0, 5.0, 6.0, 7.0],
        ),
        (
            Event::Configuration {
                at: 5,
                term,
                parts: &[(7, 1), (8, 3), (9, 0)],
            },
            &[10.0, 3.0, 5.0, 6.0, 3.0, 7.0, 1.0, 8.0, 3.0, 9.0, 0.0],
        ),
        (
            Event::Change {
                asker: 5,
                from: 6,
                is_forced: true,
                members: &[(7, 1), (9, 0)],
            },
            &[16.0, 3.0, 5.0, 6.0, 1.0, 2.0, 7.0, 1.0, 9.0, 0.0],
        ),
    ]
}

#[test]
fn the_doubles_are_those_of_formats_md() {
    let mut array = [f64::NAN; 200];
    let mut events = Events::new(&mut array);
    assert!(events.is_empty());
    let table = table();
    assert!(table.iter().all(|(event, _)| events.tell(3, event)));
    assert!(!events.is_empty());
    let used = events.finish(1234.5);
    let expected: Vec<f64> = table.iter().flat_map(|(_, doubles)| *doubles).copied().collect();
    assert_eq!(array[..2], [used as f64, 1234.5]);
    assert_eq!(array[2..used], expected);
    assert!(array[used..].iter().all(|double| double.is_nan()));
}

#[test]
fn every_kind_is_told_and_says_how_many_doubles_it_takes() {
    let table = table();
    let told = |kind: &EventKind| table.iter().any(|(event, _)| event.kind() == *kind);
    assert!(EventKind::ALL.iter().all(told));
    for (event, doubles) in &table {
        assert_eq!(
            (event.kind() as u64 as f64, event.doubles()),
            (doubles[0], doubles.len())
        );
    }
    let (header, runs) = (&HEADER, &[][..]);
    let (from, handle, bytes) = (1, 0, 0);
    let message = Event::Message {
        from,
        header,
        handle,
        bytes,
        runs,
    };
    assert_eq!(message.doubles(), MESSAGE_EVENT_DOUBLES);
}

#[test]
fn an_event_that_does_not_fit_is_left_out_whole() {
    for (event, doubles) in table() {
        for room in 0..=doubles.len() {
            let mut array = vec![f64::NAN; 2 + room];
            let mut events = Events::new(&mut array);
            let fits = room == doubles.len();
            assert_eq!((events.room(), events.tell(3, &event)), (room, fits));
            let used = events.finish(0.0);
            assert_eq!(used, if fits { 2 + room } else { 2 });
            assert!(array[used..].iter().all(|double| double.is_nan()));
        }
    }
}
