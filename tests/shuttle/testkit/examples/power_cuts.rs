//! A million power cuts that a seed decides altogether, and so can be replayed:
//! `cargo run --release -p annals-testkit-on-shuttle --example power_cuts`.

extern crate annals_testkit_on_shuttle as annals_testkit;

#[path = "../../../../crates/testkit/examples/power_cuts.rs"]
mod command;

fn main() -> std::process::ExitCode {
    command::main()
}
