//! Goal: every command is read from the doubles of FORMATS.md, a part of one is malformed, and what follows a malformed one is
//! not carried out.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use rafterdb_codec::{Code, Command, CommandKind, Commands, Malformed, MessageKind, Role, SendAfter, SendCommand};

/// The doubles of each command, for group 3, and what they say. APPEND, which has runs behind it, is below.
fn table() -> Vec<(&'static [f64], Command<'static>)> {
    let send = SendCommand {
        to: 2,
        kind: MessageKind::VoteReply,
        term: 9,
        after: SendAfter::Durable,
        fields: [10, 11, 12, 13, 14, 15],
        first: 16,
        end: 17,
    };
    let (role, code) = (Role::Leader, Code::Busy);
    vec![
        (
            &[1.0, 3.0, 5.0, 6.0, 7.0],
            Command::Accept {
                first: 5,
                term: 6,
                count: 7,
            },
        ),
        (&[2.0, 3.0, 5.0, 6.0], Command::Noop { index: 5, term: 6 }),
        (&[4.0, 3.0, 5.0], Command::Drop { handle: 5 }),
        (
            &[5.0, 3.0, 5.0, 6.0, 7.0],
            Command::Persist {
                term: 5,
                vote: 6,
                commit: 7,
            },
        ),
        (
            &[
                6.0, 3.0, 2.0, 4.0, 9.0, 1.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0,
            ],
            Command::Send(send),
        ),
        (
            &[7.0, 3.0, 9007199254740991.0],
            Command::Commit { index: (1 << 53) - 1 },
        ),
        (&[8.0, 3.0, 5.0, 6.0], Command::ServeReads { sequence: 5, index: 6 }),
        (&[9.0, 3.0, 1234.5], Command::Lease { until: 1234.5 }),
        (
            &[10.0, 3.0, 2.0, 6.0, 7.0],
            Command::Role {
                role,
                term: 6,
                leader: 7,
            },
        ),
        (&[11.0, 3.0, 20.0], Command::Fail { code }),
        (&[12.0, 3.0, 5.0], Command::SnapshotSend { peer: 5 }),
        (&[13.0, 3.0, 5.0], Command::Cut { index: 5 }),
        (&[14.0, 3.0, 5.0, 6.0], Command::Restore { index: 5, term: 6 }),
        (&[15.0, 3.0], Command::Recovered),
        (&[16.0, 3.0, 5.0, 20.0], Command::TransferOver { peer: 5, code }),
        (&[19.0, 3.0, 5.0, 20.0], Command::ChangeOver { asker: 5, code }),
    ]
}

const APPEND: [f64; 10] = [3.0, 3.0, 5.0, 6.0, 7.0, 2.0, 1.0, 10.0, 4.0, 20.0];
const ROSTER: [f64; 7] = [17.0, 3.0, 2.0, 8.0, 1.0, 9.0, 0.0];
const CONFIGURE: [f64; 10] = [18.0, 3.0, 4.0, 5.0, 6.0, 2.0, 8.0, 3.0, 9.0, 0.0];

#[test]
fn the_doubles_are_those_of_formats_md() {
    let table = table();
    assert_eq!(table.len() + 3, CommandKind::ALL.len(), "each but those with pairs");
    for (doubles, command) in &table {
        assert_eq!(Commands::new(doubles).collect::<Vec<_>>(), [Ok((3, *command))]);
    }
    let array: Vec<f64> = table.iter().flat_map(|(doubles, _)| *doubles).copied().collect();
    let commands: Vec<_> = Commands::new(&array).map(|command| command.unwrap().1).collect();
    assert!(
        commands.iter().eq(table.iter().map(|(_, command)| command)),
        "one after another"
    );
}

#[test]
fn an_append_has_its_runs_of_terms_behind_it() {
    let Some(Ok((
        3,
        Command::Append {
            handle: 5,
            first: 6,
            skip: 7,
            runs,
        },
    ))) = Commands::new(&APPEND).next()
    else {
        panic!("not the append that it is");
    };
    assert_eq!(runs.iter().collect::<Vec<_>>(), [(1, 10), (4, 20)]);
    for announced in [3.0, 1e15, f64::INFINITY] {
        let mut append = APPEND;
        append[5] = announced;
        assert!(Commands::new(&append).next().unwrap().is_err(), "{announced} runs");
    }
}

#[test]
fn a_roster_has_its_members_behind_it() {
    let Some(Ok((3, Command::Roster { members }))) = Commands::new(&ROSTER).next() else {
        panic!("not the roster that it is");
    };
    assert_eq!(members.iter().collect::<Vec<_>>(), [(8, true), (9, false)]);
    for announced in [3.0, 1e15, f64::INFINITY] {
        let mut roster = ROSTER;
        roster[2] = announced;
        assert!(Commands::new(&roster).next().unwrap().is_err(), "{announced} members");
    }
}

#[test]
fn a_configuration_has_the_parts_of_its_members_behind_it() {
    let Some(Ok((
        3,
        Command::Configure {
            asker: 4,
            index: 5,
            term: 6,
            parts,
        },
    ))) = Commands::new(&CONFIGURE).next()
    else {
        panic!("not the configuration that it is");
    };
    assert_eq!(parts.iter().collect::<Vec<_>>(), [(8, 3), (9, 0)]);
    for announced in [3.0, 1e15, f64::INFINITY] {
        let mut configure = CONFIGURE;
        configure[5] = announced;
        assert!(Commands::new(&configure).next().unwrap().is_err(), "{announced} parts");
    }
}

#[test]
fn a_part_of_a_command_is_malformed() {
    let with_pairs = [&APPEND[..], &ROSTER, &CONFIGURE];
    for doubles in table().iter().map(|(doubles, _)| *doubles).chain(with_pairs) {
        for end in 1..doubles.len() {
            let part: Vec<_> = Commands::new(&doubles[..end]).collect();
            assert!(matches!(part[..], [Err(_)]), "{end} of {doubles:?}: {part:?}");
        }
    }
}

#[test]
fn what_is_unknown_is_an_error_with_a_code_and_ends_the_walk() {
    let cut = [13.0, 3.0, 5.0];
    let unknown: [(&str, &[f64]); 6] = [
        ("a kind", &[20.0, 3.0]),
        ("a kind of a Raft message", &[6.0, 3.0, 2.0, 11.0, 9.0, 1.0]),
        ("a time to send", &[6.0, 3.0, 2.0, 4.0, 9.0, 3.0]),
        ("a role", &[10.0, 3.0, 4.0, 6.0, 7.0]),
        ("a code", &[11.0, 3.0, 9999.0]),
        ("a group beyond all", &[15.0, 65536.0]),
    ];
    for (what, doubles) in unknown {
        let array = [&cut[..], doubles, &cut].concat();
        let commands: Vec<_> = Commands::new(&array).collect();
        assert_eq!(commands.len(), 2, "{what}");
        assert_eq!(commands[0], Ok((3, Command::Cut { index: 5 })));
        assert_eq!(commands[1].map_err(Malformed::code), Err(Code::ProtocolError), "{what}");
    }
}
