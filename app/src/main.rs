mod clock;
mod config;
fn main() {}
