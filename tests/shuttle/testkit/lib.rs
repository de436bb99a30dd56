//! Harnesses of the testkit, compiled from its own files over the engine on shuttle, for `tests/shuttle` and the power
//! cuts: a seed decides the threads' turns and the time, in `turns`.

#![cfg(not(test))]

#[path = "../../../crates/testkit/src/disk/mod.rs"]
pub mod disk;

#[path = "../../../crates/testkit/src/event.rs"]
pub mod event;

#[path = "../../../crates/testkit/src/generator.rs"]
pub mod generator;

#[path = "../../../crates/testkit/src/oracle.rs"]
pub mod oracle;

#[path = "../../../crates/testkit/src/power/mod.rs"]
pub mod power;

#[path = "../../../crates/testkit/src/seed.rs"]
pub mod seed;

#[path = "../../../crates/testkit/src/subject.rs"]
pub mod subject;

#[path = "../../../crates/testkit/src/trial.rs"]
pub mod trial;

pub mod replay;
mod scheduler;
mod turns;
