//! Function `relay-events`.

fn main() {}
