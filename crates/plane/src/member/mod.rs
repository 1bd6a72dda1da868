//! One member's life: it is opened, recovered, and closed. Puts the rooms together.
//! Knows nothing of what any of them does.

pub mod begin_anew;
pub mod close;
pub mod data_dir;
pub mod identity;
pub mod info;
pub mod life;
mod metrics;
pub mod recovery;
pub mod restore;
pub mod restore_mark;
pub mod rooms;
pub mod shared;
