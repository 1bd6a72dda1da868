//! Whose a data directory is: what is written is read again, and what is another's is refused.

use std::path::Path;

use rafterdb_codec::Code;

use super::{id_of, path, Identity};
use crate::config::Config;

fn config(name: &str, members: &[(&str, &str)]) -> Config {
    let members: Vec<_> = members
        .iter()
        .map(|(name, endpoint)| serde_json::json!({ "name": name, "endpoint": endpoint }))
        .collect();
    parse(name, &members)
}

fn parse(name: &str, members: &[serde_json::Value]) -> Config {
    let json = serde_json::json!({
        "name": name, "dataDir": "unused", "members": members, "listen": [], "durability": "always",
        "durabilityInterval": 10, "electionTimeout": 500, "memory": 1 << 25, "valueBytesMax": 1 << 20, "groups": 3,
        "segmentBytes": 1 << 20, "cpuAffinity": null,
    });
    Config::parse(&json.to_string()).expect("a configuration")
}

/// As the version before wrote it, for members at addresses.
fn write_format_1(dir: &Path, name: &str, members: &str) {
    let text = format!(
        "{{\"format\":1,\"clusterId\":{},\"name\":\"{name}\",\"groups\":3}}",
        id_of(members)
    );
    std::fs::write(path(dir), text).expect("written");
}

const THREE: [(&str, &str); 3] = [("a", "h:1"), ("b", "h:2"), ("c", "h:3")];

#[test]
fn format_1_is_read_with_its_marks_and_written_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    write_format_1(dir, "a", "a=h:1,b=h:2,c=h:3");
    std::fs::create_dir(dir.join("recovering")).expect("made");
    for group in ["0002", "0000"] {
        std::fs::write(dir.join("recovering").join(group), "").expect("marked");
    }
    let moved = config("a", &[("a", "h:1"), ("b", "h:2"), ("c", "elsewhere:3")]);
    let refused = Identity::read(dir, &moved).expect_err("whose it is cannot be told");
    assert_eq!(refused.code, Code::DataDirMismatch, "{refused}");
    let identity = Identity::read(dir, &config("a", &THREE)).expect("read").expect("there");
    assert!(identity.founded);
    assert_eq!(identity.recovering, [0, 2]);
    identity.write(dir).expect("written");
    assert!(!dir.join("recovering").exists());
    let again = Identity::read(dir, &moved).expect("now they may move").expect("there");
    assert_eq!((again.founded, again.recovering), (true, vec![0, 2]));
}

#[test]
fn a_single_member_of_format_1_may_begin_to_listen() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    write_format_1(dir, "solo", "solo=");
    for endpoint in ["", "127.0.0.1:7101"] {
        let identity = Identity::read(dir, &config("solo", &[("solo", endpoint)])).expect("read");
        assert_eq!(identity.expect("there").recovering, Vec::<u16>::new());
    }
    // The same name, but of a cluster.
    write_format_1(dir, "a", "a=h:1,b=h:2,c=h:3");
    let refused = Identity::read(dir, &config("a", &[("a", "h:1")])).expect_err("others would be forgotten");
    assert_eq!(refused.code, Code::DataDirMismatch, "{refused}");
}

#[test]
fn a_changed_character_is_damage() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let config = config("a", &THREE);
    Identity::new(&config).expect("made").write(dir).expect("written");
    let text = std::fs::read_to_string(path(dir)).expect("read");
    let whole = Identity::read(dir, &config).expect("read");
    for (at, found) in text.char_indices().filter(|(_, found)| !found.is_whitespace()) {
        let other = if found == '1' { '2' } else { '1' };
        let damaged = format!("{}{other}{}", &text[..at], &text[at + found.len_utf8()..]);
        std::fs::write(path(dir), &damaged).expect("written");
        let read = Identity::read(dir, &config);
        assert!(
            read.is_err() || read.is_ok_and(|read| read == whole),
            "byte {at}: {damaged}"
        );
    }
}

/// Of a member that joins the cluster 7 of `members`.
fn joining(name: &str, members: &[(&str, &str)]) -> Config {
    Config {
        joining: true,
        cluster: 7,
        ..config(name, members)
    }
}

#[test]
fn a_member_that_joins_draws_its_number_once_and_recovers_nothing() {
    let [one, other] = [(); 2].map(|()| Identity::new(&joining("d", &THREE)).expect("made"));
    assert_ne!(one.drawn(), other.drawn(), "two directories are two members");
    assert!(one.recovering.is_empty() && one.drawn() != Some(id_of("d")));
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    one.write(dir).expect("written");
    let text = std::fs::read_to_string(path(dir)).expect("read");
    assert!(text.contains("\"format\": 3"), "{text}");
    let read = |config: &Config| Identity::read(dir, config).map(|read| read.and_then(|read| read.drawn()));
    let moved = [("b", "h:2"), ("e", "h:5")];
    for config in [
        joining("d", &THREE),
        joining("d", &moved),
        config("d", &THREE),
        config("d", &moved),
    ] {
        assert_eq!(
            read(&config).expect("opened"),
            one.drawn(),
            "whoever the members are by now"
        );
    }
    let refused = |config: &Config| read(config).expect_err("it is another's").code;
    assert_eq!(refused(&joining("e", &THREE)), Code::DataDirMismatch);
    let groups = Config {
        groups: 2,
        ..joining("d", &THREE)
    };
    assert_eq!(refused(&groups), Code::DataDirMismatch);
    let cluster = Config {
        cluster: 8,
        ..joining("d", &THREE)
    };
    assert_eq!(refused(&cluster), Code::DataDirMismatch);
    assert_eq!(refused(&config("d", &[("d", "h:4")])), Code::InvalidArgument);
}

#[test]
fn a_founder_stays_one_when_it_is_opened_as_if_it_joined() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let founder = Identity::new(&config("a", &THREE)).expect("made");
    founder.write(dir).expect("written");
    let text = std::fs::read_to_string(path(dir)).expect("read");
    assert!(text.contains("\"format\": 2") && !text.contains("\"id\""), "{text}");
    let others = joining("a", &[("a", "h:1"), ("b", "h:2"), ("d", "h:4")]);
    let read = Identity::read(dir, &others).expect("opened").expect("there");
    assert_eq!(
        read,
        Identity {
            checksum: read.checksum.clone(),
            ..founder
        }
    );
    let mut founders = ["a", "b", "c"].map(id_of);
    founders.sort_unstable();
    assert_eq!(read.first_voters(&others), founders, "not those that it was told");
}

#[test]
fn whom_a_member_joins_votes_and_whoever_had_its_name_is_not_among_them() {
    let mut config = joining("c", &THREE);
    let identity = Identity::new(&config).expect("made");
    config.be(identity.drawn().expect("drawn"));
    let mut others = ["a", "b"].map(id_of);
    others.sort_unstable();
    assert_eq!(identity.first_voters(&config), others);
    assert_eq!(Some(config.id()), identity.drawn());
}

#[test]
fn numbers_that_are_given_are_kept() {
    let members = [
        serde_json::json!({ "id": 5, "name": "a", "endpoint": "h:1" }),
        serde_json::json!({ "name": "b", "endpoint": "" }),
    ];
    let config = parse("a", &members);
    let mut ids: Vec<u64> = config.members.iter().map(|member| member.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [5, id_of("b")]);
}

#[test]
fn once_the_log_says_who_the_members_are_nobody_else_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let moved = config("a", &[("a", "h:1"), ("d", "h:4")]);
    let mut identity = Identity::new(&config("a", &THREE)).expect("made");
    identity.write(dir).expect("written");
    assert_eq!(
        Identity::read(dir, &moved).map_err(|error| error.code),
        Err(Code::DataDirMismatch)
    );
    identity.note_joined(9);
    identity.note_joined(12);
    identity.write(dir).expect("written");
    assert!(std::fs::read_to_string(path(dir))
        .expect("read")
        .contains("\"joined\": 9"));
    let read = Identity::read(dir, &moved).expect("opened").expect("there");
    assert_eq!(read.joined(), Some(0), "a founder has been one from the start");
    let mut joined = Identity::new(&joining("d", &THREE)).expect("made");
    assert_eq!(joined.joined(), None);
    joined.note_joined(9);
    joined.write(dir).expect("written");
    let read = Identity::read(dir, &config("d", &[("d", "h:4")]))
        .expect("opened")
        .expect("there");
    assert_eq!(
        (read.joined(), read.first_voters(&alone(&read))),
        (Some(9), vec![read.drawn().expect("drawn")])
    );
}

/// Of a member that is given nobody but itself.
fn alone(identity: &Identity) -> Config {
    let mut config = config("d", &[("d", "h:4")]);
    config.be(identity.drawn().expect("drawn"));
    config
}

#[test]
fn the_directory_of_a_member_that_was_removed_does_not_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    for config in [config("a", &THREE), joining("a", &THREE)] {
        let mut identity = Identity::new(&config).expect("made");
        identity.note_removed(30);
        identity.write(dir).expect("written");
        let refused = Identity::read(dir, &config).expect_err("it is over");
        assert_eq!(refused.code, Code::MemberRemoved, "{refused}");
        assert!(std::fs::read_to_string(path(dir))
            .expect("read")
            .contains("\"format\": 3"));
    }
}
