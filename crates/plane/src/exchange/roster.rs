//! The members are others: what waits for one that has left is answered, or ended. Decides nothing about who is one.

use rafterdb_codec::RosterMembers;

use crate::exchange::parts::ExchangeParts;
use crate::ground::error::PlaneError;

/// A group's members are these from now on. The network was told first, so that whatever is asked later finds nobody to ask. Errors:
/// `INTERNAL`, a member that no configuration names.
pub fn take_roster(room: &ExchangeParts, group: u16, members: RosterMembers<'_>) -> Result<(), PlaneError> {
    for peer in room.roster.set(group, members.iter().collect())? {
        room.sender.snapshots.peer_left(peer);
        room.gate.peer_left(peer);
    }
    room.serving.members.questions.changed(group);
    Ok(())
}
