//! Function `check-grant`.

fn main() {}
