//! peekd.
fn main() {}
