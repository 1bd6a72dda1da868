//! How a member is: how long the work under way takes, and whether the disk has room.
//! Knows nothing of what is written, read or asked.

pub mod disk_room;
pub mod stalls;
pub mod watchdog;
