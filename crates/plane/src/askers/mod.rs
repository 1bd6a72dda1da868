//! Who asked, and the way of answers back: an app's port, a client's connection, a member that forwarded, the member itself.
//! Knows nothing of what was asked.

pub mod answers;
pub mod app_port;
pub mod asker;
pub mod deliveries;
pub mod internal;
pub mod principal;
