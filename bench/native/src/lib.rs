//! What the benches of the native crates share: inputs, and the reference kernel that figures are related to.
