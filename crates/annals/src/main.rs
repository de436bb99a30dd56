//! Annals, a wide-column event store: the server and every command in one binary.

fn main() {}
