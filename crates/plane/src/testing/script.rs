//! Commands and events of the exchange as readable lines: a command is `> NAME group fields`, an event `< NAME group fields`.
//! Knows no rules about them.

use std::fmt::Write;

use rafterdb_codec::{CommandKind, EventKind};

use super::Bench;

/// Fields of an event after its group, but for pairs behind them; `None`: it has runs that are not shown, whose number comes last.
fn fields_of(kind: EventKind) -> Option<(&'static str, usize)> {
    Some(match kind {
        EventKind::Proposals => ("PROPOSALS", 2),
        EventKind::Durable => ("DURABLE", 2),
        EventKind::Applied => ("APPLIED", 1),
        EventKind::Committed => ("COMMITTED", 2),
        EventKind::Reads => ("READS", 1),
        EventKind::Peer => ("PEER", 3),
        EventKind::SnapshotSent => ("SNAPSHOT_SENT", 3),
        EventKind::SnapshotInstalled => ("SNAPSHOT_INSTALLED", 4),
        EventKind::Sent => ("SENT", 4),
        EventKind::Transfer => ("TRANSFER", 1),
        EventKind::Close => ("CLOSE", 0),
        EventKind::Configuration => ("CONFIGURATION", 3),
        EventKind::Change => ("CHANGE", 4),
        EventKind::Opened | EventKind::Message | EventKind::Persisted | EventKind::OpenedRuns => return None,
    })
}

fn kind_of(name: &str) -> CommandKind {
    let is_it = |kind: &&CommandKind| format!("{kind:?}").eq_ignore_ascii_case(&name.replace('_', ""));
    let kind = CommandKind::ALL.iter().find(is_it);
    *kind.unwrap_or_else(|| panic!("no such command: {name}"))
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "whole numbers below 2^53"
)]
impl Bench {
    /// Carries out the commands of a script in one exchange, and returns its events as lines. A name of a member stands for its
    /// number.
    ///
    /// What the worker leaves to the threads, as this machine is busy, is done after it, and its events are told too.
    pub fn script(&self, commands: &str) -> String {
        let mut told = self.run(commands);
        self.threads.log.step();
        self.threads.applier.step();
        self.threads.members.step();
        told += &self.run("");
        told
    }

    /// The same, without what is left to the threads.
    pub fn run(&self, commands: &str) -> String {
        let mut numbers = Vec::new();
        for line in commands.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            numbers.push(f64::from(kind_of(words.next().expect("it works")) as u16));
            for word in words {
                numbers.push(word.parse().unwrap_or_else(|_| self.id(word) as f64));
            }
        }
        let events = self.exchange(&numbers);
        let (mut at, mut out) = (0, String::new());
        while at < events.len() {
            let kind = EventKind::try_from(events[at] as u16).expect("it works");
            let group = events[at + 1];
            at += 2;
            if kind == EventKind::Persisted {
                // Told by a thread of the store, whenever it has flushed.
                at += 2;
            } else if let Some((name, mut fields)) = fields_of(kind) {
                if matches!(kind, EventKind::Configuration | EventKind::Change) {
                    fields += 2 * events[at + fields - 1] as usize;
                }
                write!(out, "{name} {group}").expect("it works");
                for field in &events[at..at + fields] {
                    let member = self.config.members.iter().find(|member| member.id as f64 == *field);
                    match member {
                        Some(member) => write!(out, " {}", member.name).expect("it works"),
                        None => write!(out, " {field}").expect("it works"),
                    }
                }
                out.push('\n');
                at += fields;
            } else {
                let (name, fields) = if kind == EventKind::Message {
                    ("MESSAGE", 12)
                } else {
                    ("OPENED", 9)
                };
                let runs = events[at + fields - 1] as usize;
                writeln!(out, "{name} {group}").expect("it works");
                at += fields + 2 * runs;
            }
        }
        out
    }
}
