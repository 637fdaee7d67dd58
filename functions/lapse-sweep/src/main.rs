//! Function `lapse-sweep`.

fn main() {}
