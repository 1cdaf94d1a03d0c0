//! Placeholder until the chain stands.
fn main() {}
