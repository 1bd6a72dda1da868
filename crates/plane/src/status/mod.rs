//! What a member says of itself and of the others, for people and programs.
//! Changes nothing.

pub mod leadership;
pub mod report;
