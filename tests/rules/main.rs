//! The house rules that a machine can check. Promises that a rule that is broken fails a test, not a plea.
//!
//! `sources` holds the rules for files, `arrows` those for crates, `clocks` those for who asks the time, `documents` those
//! for what documents name.

mod arrows;
mod clocks;
mod documents;
mod sources;
mod tree;
