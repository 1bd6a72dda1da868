//! What a member knows of each of its groups: the facts told by the core, the recent log, what waits for what; and what the core has
//! not been told yet. Decides nothing, does no work, owns no thread.

pub mod core_inbox;
pub mod group;
pub mod groups;
pub mod lease;
pub mod membership;
pub mod proposals;
pub mod stores;
pub mod tail;
pub mod waiting_reads;
