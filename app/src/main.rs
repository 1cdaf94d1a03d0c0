//! danxia
fn main() {}
