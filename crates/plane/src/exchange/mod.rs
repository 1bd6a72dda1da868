//! The exchange with the Raft core: commands in, events out. The worker's thread alone is here.
//! Does what the core decided; decides nothing.

pub mod commands;
mod configure;
pub mod events;
pub mod happenings;
pub mod log_age;
pub mod pace;
pub mod parts;
pub mod roster;

#[cfg(test)]
mod tests;
