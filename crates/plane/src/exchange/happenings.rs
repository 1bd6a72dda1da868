//! Telling the core what it has not seen: happenings in their order, then facts. What an event looks like is the codec's. Decides nothing.

use rafterdb_codec::{limits, Event, Events, MESSAGE_EVENT_DOUBLES};

use crate::exchange::commands::{Exchange, Payload};
use crate::exchange::events::{tell_configuration, tell_facts, FACTS_FIELDS};
use crate::exchange::parts::ExchangeParts;
use crate::ground::clock::now_ms;
use crate::state::core_inbox::{Happening, Message, Taken};

/// Doubles of a CONFIGURATION or CHANGE event of as many members as there can be.
const MEMBERS_EVENT_DOUBLES: usize = 6 + 2 * limits::MEMBERS_MAX;

/// Room for what is told of a happening.
fn doubles(happening: &Happening) -> usize {
    let (runs, configurations) = match happening {
        Happening::Message(message) => (message.runs.len(), message.configurations.len()),
        Happening::SnapshotInstalled { configuration, .. } => (0, usize::from(configuration.is_some())),
        Happening::Change { .. } => (0, 1),
        _ => (0, 0),
    };
    MESSAGE_EVENT_DOUBLES + 2 * runs + configurations * MEMBERS_EVENT_DOUBLES
}

impl Exchange {
    /// Gathers what the core has not seen, as far as it fits.
    pub(super) fn collect(
        &mut self,
        parts: &ExchangeParts,
        taken: &mut Taken<'_>,
        is_open: bool,
        out: &mut Events<'_>,
    ) {
        if taken.closing() && out.tell(0, &Event::Close) {
            return;
        }
        if !is_open {
            // Nothing is told of a group before it is opened.
            return;
        }
        loop {
            let room = out.room();
            let fits = |happening: &Happening| room >= doubles(happening);
            match taken.next_happening(fits) {
                Some(happening) => {
                    let is_told = self.tell(happening, out);
                    assert!(is_told, "exchange: what was taken fits");
                }
                // Facts may rest on a happening that did not fit.
                None if taken.has_happenings() => return,
                None => break,
            }
        }
        while out.room() >= FACTS_FIELDS {
            let Some((id, facts)) = taken.next_facts() else { return };
            let group = parts.groups.get(id);
            tell_facts(group, &parts.log, &facts, out);
            if facts.proposals {
                self.pace.tell_proposals(group, &parts.counters, now_ms(), out);
            }
        }
    }

    /// Tells of what happened; whether it fitted.
    fn tell(&mut self, happening: Happening, out: &mut Events<'_>) -> bool {
        match happening {
            Happening::Message(message) => self.tell_message(message, out),
            Happening::Peer { peer, up, rtt } => out.tell(0, &Event::Peer { peer, up, rtt }),
            Happening::SnapshotSent { group, peer, ok, index } => {
                out.tell(group, &Event::SnapshotSent { peer, ok, index })
            }
            Happening::SnapshotInstalled {
                group,
                ok,
                index,
                term,
                from,
                configuration,
            } => {
                // What the store in its place says, and what it says of members, are told together.
                configuration.is_none_or(|entry| tell_configuration(out, group, &entry))
                    && out.tell(group, &Event::SnapshotInstalled { ok, index, term, from })
            }
            Happening::Sent {
                group,
                peer,
                first,
                end,
                bytes,
            } => out.tell(
                group,
                &Event::Sent {
                    peer,
                    first,
                    end,
                    bytes,
                },
            ),
            Happening::Transfer { group, peer } => out.tell(group, &Event::Transfer { peer }),
            Happening::Change {
                group,
                asker,
                from,
                is_forced,
                members,
            } => out.tell(
                group,
                &Event::Change {
                    asker,
                    from,
                    is_forced,
                    members: &members,
                },
            ),
        }
    }

    fn tell_message(&mut self, message: Message, out: &mut Events<'_>) -> bool {
        let (group, bytes) = (message.header.group, message.payload.len() as u64);
        let mut is_told = true;
        for (at, configuration) in &message.configurations {
            let (at, parts) = (*at, configuration.parts());
            is_told &= out.tell(
                group,
                &Event::Configuration {
                    at,
                    term: 0,
                    parts: &parts,
                },
            );
        }
        let handle = if message.runs.is_empty() {
            0
        } else {
            self.next_handle += 1;
            let payload = Payload {
                bytes: message.payload,
                configurations: message.configurations,
            };
            self.payloads.insert(self.next_handle, payload);
            self.next_handle
        };
        let header = &message.header;
        is_told
            && out.tell(
                header.group,
                &Event::Message {
                    from: message.from,
                    header,
                    handle,
                    bytes,
                    runs: &message.runs,
                },
            )
    }
}
