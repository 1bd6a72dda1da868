//! The entry of the log that says who the members are, as a leader writes it. Decides nothing: the core names them by number.

use std::sync::atomic::Ordering;

use rafterdb_codec::{Configuration, ConfigurationEntry, Entry, EntryKind, MemberParts};
use rafterdb_store::MACHINE_VERSION;

use crate::exchange::commands::{broken, Exchange};
use crate::exchange::parts::ExchangeParts;
use crate::ground::append_buffer;
use crate::ground::error::PlaneError;
use crate::state::group::Group;
use crate::state::tail::Block;

impl Exchange {
    /// Writes the entry of a configuration. Names and endpoints are those of the wish that it comes of, or those that were there before.
    pub(super) fn configure(
        &mut self,
        room: &ExchangeParts,
        group: &Group,
        asker: u64,
        (index, term): (u64, u64),
        parts: MemberParts<'_>,
    ) -> Result<(), PlaneError> {
        rafterdb_fault::point("member.configure").map_err(|e| PlaneError::io("write who the members are", &e))?;
        let before = room.roster.current(group.id);
        let wanted = {
            let pending = group.change.lock();
            let of_asker = pending.as_ref().filter(|pending| pending.asker == asker);
            of_asker.map(|pending| pending.wanted.clone())
        };
        let named = |id| {
            wanted
                .as_ref()
                .and_then(|wanted| wanted.find(id))
                .or_else(|| before.configuration.find(id))
        };
        let member = |(id, standing): (u64, u64)| named(id)?.with_standing(standing);
        let members: Option<_> = parts.iter().map(member).collect();
        let entry = ConfigurationEntry {
            index,
            term,
            configuration: Configuration {
                members: members.ok_or_else(|| broken("a configuration with a member that nobody has named"))?,
            },
        };
        let (body, mut bytes) = (entry.body(), Vec::new());
        let encoded = Entry {
            version: MACHINE_VERSION,
            ..Entry::new(EntryKind::Configuration, &body)
        };
        encoded
            .encode(&mut bytes)
            .expect("invariant: a configuration fits an entry");
        let bytes = append_buffer::copy(&room.pool, &bytes);
        self.push(
            group,
            Block {
                first: index,
                term,
                count: 1,
                bytes,
            },
        );
        room.roster
            .append(group.id, entry, group.commit.load(Ordering::Relaxed));
        Ok(())
    }
}
