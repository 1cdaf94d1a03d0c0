//! From bytes to observations.
pub mod fault;
pub mod topic;
pub mod wire;
